"""Metrics are means over the orders of tied items, so that names of items do not matter."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import list_metrics, random_order

import recsys
from recsys.evaluation.metrics.calibration import subsets
from recsys.evaluation.protocol import ties
from recsys.evaluation.protocol.measure import Measurement, measure
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.evaluation.protocol.scored import sampled_values
from recsys.evaluation.protocol.ties import Ties
from recsys.recommend.index import Found, top_of_scores

N_USERS, N_ITEMS = 8, 18


@dataclass(frozen=True, eq=False)
class Given:
    """Ranks by scores (n_users, n_items) that are given, ties by item order."""

    table: np.ndarray

    def best_scored(self, users: Any, history: Any, k: int, excluded: Any) -> Found:
        scores = np.array(self.table[users], np.float32)
        scores[excluded.toarray() != 0] = -np.inf
        return top_of_scores(scores, k)

    def best(self, users: Any, history: Any, k: int, excluded: Any) -> np.ndarray:
        return self.best_scored(users, history, k, excluded)[0]

    def scores(self, users: Any, history: Any) -> np.ndarray:
        return np.array(self.table[users], np.float32)


@dataclass(frozen=True, eq=False)
class World:
    """Ratings of items 0 .. N_ITEMS − 1, and scores with many ties."""

    train: pd.DataFrame
    test: pd.DataFrame
    genres: list[str]
    scores: np.ndarray
    k: int

    def prepared(self, name_of: np.ndarray) -> PreparedSplit:
        """The split, where item i is called `name_of[i]`."""
        table = pd.DataFrame({"item": name_of, "genres": self.genres})
        parts = [
            recsys.Ratings.from_frame(
                part.assign(item=name_of[part["item"]]), "user", "item", items=table
            )
            for part in (self.train, self.test)
        ]
        return prepare(recsys.splits.given(*parts), self.k)

    def measured(self, name_of: np.ndarray) -> Measurement:
        prepared = self.prepared(name_of)
        rows = prepared.split.train.items.rows(name_of)
        table = np.empty((N_USERS, N_ITEMS))
        table[:, rows] = self.scores
        return measure(Given(table), prepared)


def drawn_world(seed: int, n_scores: int, k: int) -> World:
    rng = np.random.default_rng(seed)
    part = rng.choice(3, (N_USERS, N_ITEMS), p=[0.5, 0.25, 0.25])
    part[:, 0] = 1  # everybody has something in each part, and every item is rated by somebody
    part[:, 1] = 2
    part[0, 2:] = np.where(part[0, 2:] == 2, 1, part[0, 2:])
    part[1] = 1
    part[1, 1] = 2
    frames = []
    for which in (1, 2):
        users, items = np.nonzero(part == which)
        rating = rng.integers(1, 6, len(users)).astype(float)
        frames.append(pd.DataFrame({"user": users, "item": items, "rating": rating}))
    names = np.array(["A", "B", "C", "A|B", "B|C", "(no genres listed)"])
    scores = rng.integers(0, n_scores, (N_USERS, N_ITEMS)).astype(float)
    return World(frames[0], frames[1], rng.choice(names, N_ITEMS).tolist(), scores, k)


def same(a: Measurement, b: Measurement) -> None:
    for name in a.values.columns:
        expected = pytest.approx(b.values[name].to_numpy(), abs=1e-12, nan_ok=True)
        assert a.values[name].to_numpy() == expected, name
    assert a.catalogue == pytest.approx(b.catalogue, abs=1e-12)
    for name, curve in a.curves.items():
        assert curve == pytest.approx(b.curves[name], abs=1e-12), name
    assert a.segment_hits == pytest.approx(b.segment_hits, abs=1e-6)  # float32


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 12),
    st.permutations(range(N_ITEMS)), st.booleans(),
)  # fmt: skip
def test_names_of_items_do_not_matter(
    seed: int, n_scores: int, k: int, names: list[int], as_text: bool
) -> None:
    world = drawn_world(seed, n_scores, k)
    other = np.array([f"i{name}" for name in names], object) if as_text else np.array(names)
    same(world.measured(np.arange(N_ITEMS)), world.measured(other))


@pytest.mark.parametrize(
    ("seed", "n_scores", "k", "n_orders"),
    [
        (1, 2, 5, 400),
        *(
            pytest.param(seed, n_scores, k, 10_000, marks=pytest.mark.long)
            for seed, n_scores, k in ((0, 1, 3), (1, 2, 5), (2, 3, 4), (3, 5, 10))
        ),
    ],
)
def test_every_metric_is_the_mean_over_random_orders(
    seed: int, n_scores: int, k: int, n_orders: int
) -> None:
    world = drawn_world(seed, n_scores, k)
    prepared = world.prepared(np.arange(N_ITEMS))
    found = world.measured(np.arange(N_ITEMS))
    rng = np.random.default_rng(seed)
    seen = prepared.seen.toarray() != 0
    genres = prepared.genres
    taste = prepared.taste(np.arange(N_USERS))
    assert genres is not None
    assert taste is not None
    exposure = np.zeros((n_orders, N_ITEMS))
    curves = np.zeros((N_USERS, 2 * k))
    for user in range(N_USERS):
        liked = set(prepared.relevant[user].indices.tolist())
        test = prepared.split.test.matrix[user]
        held_out = dict(zip(test.indices.tolist(), test.data.tolist(), strict=True))
        draws: list[dict[str, float]] = []
        for n in range(n_orders):
            items = random_order(rng, world.scores[user], ~seen[user], 2 * k)
            popular = random_order(rng, prepared.counts, ~seen[user], k)
            curves[user, : len(items)] += np.isin(items, list(liked))
            exposure[n, items[:k]] += 1
            draws.append(
                list_metrics(
                    items[:k], k, popular, liked, held_out, prepared.counts, N_USERS, genres,
                    taste[user],
                )
            )  # fmt: skip
        table = pd.DataFrame(draws)
        for name in table:
            error = 5 * table[name].std() / np.sqrt(table[name].count())
            if name == "calibration":  # it is itself a mean over 256 draws
                error += 5 * table[name].std() / 16
            value = found.values[f"{name}@{k}"][user]
            assert np.isnan(value) == (not table[name].count()), (name, user)
            if np.isnan(value):
                continue
            assert abs(value - table[name].mean()) <= error + 1e-9, (name, user)
    reached = (exposure > 0).mean(axis=1)
    error = 5 * reached.std() / np.sqrt(n_orders) + 1e-9
    assert abs(found.catalogue[f"coverage@{k}"] - reached.mean()) <= error
    mean = exposure.mean(axis=0)
    pairs = np.abs(mean[:, None] - mean).mean() / (2 * mean.mean())
    assert found.catalogue[f"gini@{k}"] == pytest.approx(pairs, abs=1 / np.sqrt(n_orders))
    hits = np.cumsum(curves / n_orders, axis=1) / np.arange(1, 2 * k + 1)
    assert found.curves["precision"] == pytest.approx(hits.mean(axis=0), abs=1 / np.sqrt(n_orders))


def test_all_scores_equal_is_what_chance_gives() -> None:
    """20 items, 2 of them relevant, lists of 5: 5/20 of everything that is linear."""
    frame = pd.DataFrame({"user": [1] * 20, "item": range(20), "rating": 1.0})
    other = frame.assign(user=2)
    train = recsys.read_ratings(pd.concat([other, frame[frame["item"] == 19]]))
    test = recsys.read_ratings(frame[frame["item"].isin([3, 7])])
    prepared = prepare(recsys.splits.given(train, test), 5)
    found = measure(Given(np.ones((2, 20))), prepared).values.iloc[0]
    share = 5 / 19  # one of the 20 is seen
    discounts = 1 / np.log2(np.arange(2, 7))
    assert found["recall@5"] == pytest.approx(share)
    assert found["precision@5"] == pytest.approx(2 / 19)
    assert found["ndcg@5"] == pytest.approx(2 / 19 * discounts.sum() / discounts[:2].sum())
    missed = (14 * 13) / (19 * 18)
    assert found["hit_rate@5"] == pytest.approx(1 - missed)
    # Position a < b of the two relevant items, all pairs equally likely.
    places = [(a, b) for b in range(1, 20) for a in range(1, b)]
    first = np.mean([1 / a if a <= 5 else 0 for a, _ in places])
    assert found["mrr@5"] == pytest.approx(first)
    precise = np.mean([(1 / a) * (a <= 5) + (2 / b) * (b <= 5) for a, b in places]) / 2
    assert found["map@5"] == pytest.approx(precise)
    assert found["auc"] == pytest.approx(0.5)


def test_groups_of_equal_scores() -> None:
    scores = np.array([[3.0, 2, 2, 1], [1, 1, 1, np.nan], [2, np.nan, np.nan, np.nan]])
    found = Ties.of(scores)
    assert found.start.tolist() == [[0, 1, 1, 3], [0, 0, 0, 3], [0, 1, 2, 3]]
    assert found.size.tolist() == [[1, 2, 2, 1], [3, 3, 3, 1], [1, 1, 1, 1]]
    assert found.chances(2).tolist() == [[1, 0.5, 0.5, 0], [2 / 3] * 3 + [0], [1, 1, 0, 0]]
    assert found.sums(np.array([[1, 0, 1, 0]] * 3)).tolist() == [
        [1, 1, 1, 0], [2, 2, 2, 0], [1, 0, 1, 0],
    ]  # fmt: skip


def test_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    world = drawn_world(4, 3, 4)
    whole = world.measured(np.arange(N_ITEMS))
    monkeypatch.setattr(ties, "_ENTRIES", 10)
    monkeypatch.setattr(ties, "_SEARCHED", 60)
    same(world.measured(np.arange(N_ITEMS)), whole)


def test_an_order_without_scores_is_taken_as_it_is() -> None:
    class Ordered:
        def __init__(self, ranker: Given) -> None:
            self.best = ranker.best

    world = drawn_world(0, 1, 4)
    prepared = world.prepared(np.arange(N_ITEMS))
    found = measure(Ordered(Given(world.scores)), prepared).values
    assert set(found["hit_rate@4"]) <= {0.0, 1.0}
    assert found["hit_rate@4"].max() == 1


def test_sampled_metrics_are_means_over_ties() -> None:
    world = drawn_world(0, 1, 4)
    prepared = world.prepared(np.arange(N_ITEMS))
    found = sampled_values(Given(world.scores), prepared, 9)
    discounts = 1 / np.log2(np.arange(2, 6))
    some = ~np.isnan(found["sampled_ndcg@4"])  # user 1 has rated everything
    assert some.sum() == N_USERS - 1
    assert found["sampled_hit_rate@4"][some] == pytest.approx(4 / 10)
    assert found["sampled_ndcg@4"][some] == pytest.approx(discounts.sum() / 10)


@pytest.mark.parametrize(("n", "size"), [(40, 3), (12, 6), (300, 299)])
def test_drawn_subsets_are_uniform(n: int, size: int) -> None:
    found = subsets(n, size)
    assert all(len(set(row)) == size for row in found.tolist())
    share = np.bincount(found.ravel(), minlength=n) / len(found)
    assert share.mean() == pytest.approx(size / n)
    if size / n < 0.9:  # otherwise nearly every item is in nearly every subset
        error = np.sqrt(size / n * (1 - size / n) / len(found))
        assert np.abs(share - size / n).max() < 5 * error


@pytest.mark.parametrize("spec", [recsys.Popularity(), recsys.ItemKNN(2), recsys.PureSVD(2)])
@pytest.mark.parametrize("n_scores", [2, 4])
def test_names_do_not_matter_to_fitted_models(spec: Any, n_scores: int) -> None:
    """The search through the kernels, with factors whose products are exact in float32."""
    world = drawn_world(5, 2, 4)
    rng = np.random.default_rng(n_scores)
    x = rng.integers(0, n_scores, (N_USERS, 2)).astype(np.float32)
    y = rng.integers(0, n_scores, (N_ITEMS, 2)).astype(np.float32)
    found = []
    for name_of in (np.arange(N_ITEMS), rng.permutation(N_ITEMS) * 7 + 1):
        prepared = world.prepared(name_of)
        fitted = spec.fit(prepared.trained_on)
        if isinstance(spec, recsys.PureSVD):
            table = np.empty_like(y)
            table[prepared.split.train.items.rows(name_of)] = y
            fitted = recsys.Factors.of(spec, prepared.trained_on, x, table)
        found.append(measure(prepared.ranker(fitted), prepared))
    same(*found)
    assert found[0].values["ndcg@4"].nunique() > 1
