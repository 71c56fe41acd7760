import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import ndcg_score, roc_auc_score

import recsys
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.metrics.diversity import diversity
from recsys.evaluation.protocol import lists, scored
from recsys.evaluation.protocol import measure as measuring
from recsys.evaluation.protocol.lists import contains
from recsys.evaluation.protocol.measure import Measurement, measure, measure_all
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.ratings import splits
from recsys.ratings.feedback import Feedback
from recsys.recommend.ranking import FittedRanker

World = tuple[splits.Split, PreparedSplit, recsys.Factors]


@pytest.fixture(scope="module")
def world(sample: recsys.Ratings) -> World:
    """A split, the split prepared for lists of 5, and a model fitted on it."""
    split = splits.random(sample, test=0.3, seed=1)
    return split, prepare(split, 5), recsys.ImplicitALS(8).fit(split.train)


@pytest.fixture(scope="module")
def measured(world: World) -> Measurement:
    return measure(FittedRanker(world[2]), world[1])


def dense_scores(factors: recsys.Factors, split: splits.Split) -> np.ndarray:
    """All scores by the formula; those of seen items are minus infinity."""
    scores: np.ndarray = factors.user_factors.astype(float) @ factors.item_factors.T.astype(float)
    scores += factors.item_bias + factors.user_bias[:, None] + factors.mean
    scores[split.seen.matrix.toarray() != 0] = -np.inf
    return scores


def test_lists_are_those_of_a_full_sort(world: World) -> None:
    split, prepared, factors = world
    scores = dense_scores(factors, split)
    users = prepared.users
    items = FittedRanker(factors).best(users, prepared.history[users], 5, prepared.seen[users])
    for user, listed in zip(prepared.users, items, strict=True):
        best = np.sort(scores[user])[::-1][:5]
        assert scores[user][listed] == pytest.approx(best, abs=1e-5)


def test_graded_ndcg_and_auc_are_those_of_scikit_learn(world: World, measured: Measurement) -> None:
    split, prepared, factors = world
    scores = dense_scores(factors, split)
    for i, user in enumerate(prepared.users[:60]):
        row = split.test.matrix[user].toarray()[0]
        allowed = scores[user] > -np.inf
        expected = ndcg_score([row[allowed]], [scores[user][allowed]], k=5)
        assert measured.values["graded_ndcg@5"][i] == pytest.approx(expected, abs=1e-6)
        expected = roc_auc_score(row[allowed] > 0, scores[user][allowed])
        assert measured.values["auc"][i] == pytest.approx(expected, abs=1e-6)


def test_curves_are_the_metrics_at_every_length(world: World, measured: Measurement) -> None:
    split, prepared, factors = world
    users = prepared.users
    for k in (1, 3, 7, 10):
        items = FittedRanker(factors).best(users, prepared.history[users], k, prepared.seen[users])
        relevant = split.test.matrix[users]
        hits, n = contains(relevant, items), np.diff(relevant.indptr)
        given = {"hits": hits, "n_relevant": n}
        for name in ("ndcg", "recall", "precision"):
            metric = METRICS[name]
            expected = metric.function(**{need: given[need] for need in metric.needs}).mean()
            assert measured.curves[name][k - 1] == pytest.approx(expected)
    assert len(measured.curves["ndcg"]) == 10


def test_segments_of_items_add_up(world: World, measured: Measurement) -> None:
    split, prepared, _ = world
    labels = prepared.segments.labels
    tenths = [i for i, (kind, _) in enumerate(labels) if kind == "popularity"]
    assert len(tenths) == 10
    hits = measured.values["precision@5"].to_numpy() * 5
    assert measured.segment_hits[:, tenths].sum(axis=1) == pytest.approx(hits)
    sizes = np.asarray(prepared.segments.members[:, tenths].sum(axis=0)).ravel()
    assert sizes.max() - sizes.min() <= 1
    counts = prepared.counts
    members = prepared.segments.members.toarray()
    for better, worse in itertools.pairwise(tenths):
        assert counts[members[:, better] > 0].min() >= counts[members[:, worse] > 0].max()
    totals = prepared.segments.totals(prepared.relevant[prepared.users])
    assert totals[:, tenths].sum(axis=1) == pytest.approx(
        np.diff(prepared.relevant.indptr)[prepared.users]
    )
    genre = labels.index(next(label for label in labels if label[0] == "genre"))
    flags = split.train.item_table["genres"].str.contains(labels[genre][1]).to_numpy()
    user = prepared.users[0]
    assert totals[0, genre] == flags[split.test.matrix[user].indices].sum()


def test_popularity_is_never_a_surprise_and_counts_agree(world: World) -> None:
    split, prepared, _ = world
    found = measure(FittedRanker(recsys.Popularity().fit(split.train)), prepared)
    counts = np.bincount(split.train.matrix.indices, minlength=split.train.n_items)
    users = prepared.users
    seen = prepared.seen[users]
    ranker = FittedRanker(recsys.Popularity().fit(split.train))
    listed, scores = ranker.best_scored(users, prepared.history[users], 6, seen)
    # Where counts are equal, the metric is a mean over two lists that may differ.
    tied = scores[:, 4] == scores[:, 5]
    listed = listed[:, :5]
    assert 0 < tied.sum() < len(tied) / 2
    serendipity = found.values["serendipity@5"].to_numpy()
    assert (serendipity[~tied] == 0).all()
    assert serendipity.max() <= 0.1
    expected = counts[listed].mean(axis=1)
    assert found.values["popularity@5"].to_numpy() == pytest.approx(expected)
    n_users = (np.diff(split.train.matrix.indptr) > 0).sum()
    bits = -np.log2(np.maximum(counts, 1) / n_users)  # equal where counts are
    assert found.values["novelty@5"].to_numpy() == pytest.approx(bits[listed].mean(axis=1))
    different = len(np.unique(listed)) / split.train.n_items
    assert different <= found.catalogue["coverage@5"] < different + 0.03
    last = np.sort(counts)[-(len(counts) // 100)]
    assert (counts == last).sum() == 1  # no tie in the head
    head = np.flatnonzero(counts >= last)
    assert found.catalogue["head_share@5"] == pytest.approx(np.isin(listed, head).mean())


def test_users_without_anything_liked_have_errors_but_no_ranking(sample: recsys.Ratings) -> None:
    split = splits.random(sample, test=0.2, seed=0)
    prepared = prepare(split, 5, Feedback.parse("at-least=5"))
    found = measure(
        FittedRanker(recsys.Biases().fit(split.train)), prepared, predicts_ratings=True
    ).values
    likes = np.array([(split.test.matrix[u].data >= 5).any() for u in prepared.users])
    assert not likes.all()
    for name in ("ndcg@5", "novelty@5", "serendipity@5", "auc"):
        assert (found[name].notna().to_numpy() == likes).all(), name
    assert found["rmse"].notna().all()
    assert found["n_ratings"].sum() == split.test.n_ratings


def test_ranking_ignores_what_was_trained_on(sample: recsys.Ratings) -> None:
    """A model that scores exactly the held-out items highest is perfect."""
    split = splits.random(sample, test=0.2, seed=0)
    factors = recsys.PureSVD(200).fit(sample)  # full rank: reproduces train and test ratings
    found = measure(FittedRanker(factors), prepare(split, 10)).values
    assert found["ndcg@10"].min() > 0.999
    assert set(found["user"]) == set(split.test.to_frame()["user"])
    test = split.test.to_frame()
    errors = factors.predict(test["user"], test["item"]) - test["rating"]
    assert np.abs(errors).max() < 1e-2


def test_several_models_are_measured_as_each_alone(world: World) -> None:
    split, prepared, factors = world
    fitted = {"als": factors, "stars": recsys.ExplicitALS(4).fit(split.train)}
    found = measure_all(fitted, split, 5)
    assert found["als"].values.equals(measure(FittedRanker(factors), prepared).values)
    stars = measure(FittedRanker(fitted["stars"]), prepared, predicts_ratings=True)
    assert found["stars"].means == stars.means
    assert "rmse" in stars.means
    assert "rmse" not in found["als"].means


def test_lists_longer_than_the_catalogue(random_ratings: recsys.Ratings) -> None:
    split = splits.random(random_ratings, test=0.3, seed=0)
    found = measure(FittedRanker(recsys.ImplicitALS(4).fit(split.train)), prepare(split, 100))
    recall = found.values["recall@100"]
    assert (recall == 1).all()  # everything that was not seen is in the list
    assert found.means["ndcg@100"] < 1


def test_blocks_do_not_matter(
    world: World, measured: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, prepared, factors = world
    monkeypatch.setattr(lists, "BLOCK", 37)
    monkeypatch.setattr(measuring, "BLOCK", 37)
    monkeypatch.setattr(scored, "ENTRIES", 500)
    again = measure(FittedRanker(factors), prepared)
    for name in measured.values.columns:
        assert again.values[name].equals(measured.values[name]), name
    assert again.catalogue == measured.catalogue
    assert again.curves["ndcg"] == pytest.approx(measured.curves["ndcg"])
    assert np.array_equal(again.segment_hits, measured.segment_hits)


def test_genre_metrics_follow_the_formula(world: World, measured: Measurement) -> None:
    split, prepared, factors = world
    flags = prepared.genres
    assert flags is not None
    shares = flags / np.maximum(flags.sum(axis=1, keepdims=True), 1)
    users = prepared.users[:20]
    items = FittedRanker(factors).best(users, prepared.history[users], 5, prepared.seen[users])
    expected = diversity(items, items >= 0, flags)
    assert measured.values["diversity@5"][:20].to_numpy() == pytest.approx(expected, nan_ok=True)
    for i, user in enumerate(users):
        taste = shares[split.train.matrix[user].indices].sum(axis=0)
        taste /= taste.sum()
        listed = shares[items[i]].sum(axis=0)
        listed /= listed.sum()
        q = 0.99 * listed + 0.01 * taste
        there = taste > 0
        divergence = np.sum(taste[there] * np.log(taste[there] / q[there]))
        assert measured.values["calibration@5"][i] == pytest.approx(divergence, abs=1e-9)


@pytest.mark.slow
def test_a_large_evaluation_stays_within_two_gigabytes() -> None:
    """138,000 users × 26,000 items of width 64, in a process of its own."""
    import subprocess
    import sys

    code = """
import resource, sys
import numpy as np, pandas as pd, scipy.sparse as sp
import recsys
from recsys.evaluation.protocol.measure import measure_all
from recsys.ids import IdIndex
from recsys.models.factors import Factors
from recsys.models.alternating import random_table
rng = np.random.default_rng(0)
n, m = 138_000, 26_000
users, items = np.repeat(np.arange(n), 20), rng.integers(0, m, 20 * n)
matrix = sp.csr_matrix((np.ones(20 * n, np.float32), (users, items)), (n, m))
matrix.sum_duplicates()
matrix.data[:] = 1
ids = IdIndex(np.arange(n), "user"), IdIndex(np.arange(m), "item")
ratings = recsys.Ratings(*ids, matrix, None, pd.DataFrame(index=pd.RangeIndex(m)))
split = recsys.splits.random(ratings, 0.1)
x, y = random_table(rng, n, 64), random_table(rng, m, 64)
zeros = np.zeros(n, np.float32), np.zeros(m, np.float32)
factors = Factors(*ids, 0.0, *zeros, x, y, recsys.ImplicitALS(64))
found = measure_all({"als": factors}, split)["als"]
assert len(found.values) > 100_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)
"""
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    assert float(run.stdout) < 2  # GB; ru_maxrss is in KB here


@pytest.mark.filterwarnings("ignore:unsafe cast")  # in ranx's own compiled code
@pytest.mark.parametrize("k", [3, 10, 60])
def test_everything_equals_ranx_with_empty_users_and_lists_longer_than_the_catalogue(
    random_ratings: recsys.Ratings, k: int
) -> None:
    """Of scores that differ by little; for ties see test_ties.py."""
    ranx = pytest.importorskip("ranx")
    from recsys.models.factors import Factors

    split = splits.random(random_ratings, test=0.3, seed=4)
    empty = np.repeat(np.arange(30), np.diff(split.test.matrix.indptr)) >= 3
    from dataclasses import replace

    split = replace(split, test=split.test.select(empty))  # three users have nothing to find
    rng = np.random.default_rng(k)
    x, y = (rng.integers(-1, 2, (n, 2)).astype(np.float32) for n in (30, 25))
    biases = np.zeros(30, np.float32), -np.arange(25).astype(np.float32) / np.float32(1024)
    indexes = random_ratings.users, random_ratings.items
    factors = Factors(*indexes, 0.0, *biases, x, y, recsys.PureSVD(2))
    found = measure(FittedRanker(factors), prepare(split, k)).values
    scores = dense_scores(factors, split)
    qrels, run = {}, {}
    for user in np.flatnonzero(np.diff(split.test.matrix.indptr)):
        name = str(random_ratings.users.ids[user])
        qrels[name] = {str(i): 1 for i in split.test.matrix[int(user)].indices}
        allowed = np.flatnonzero(np.isfinite(scores[user]))
        run[name] = {str(i): float(scores[user, i]) for i in allowed}
    assert len(qrels) <= 27
    peer = ranx.Run(run)
    pairs = {
        "ndcg": "ndcg", "recall": "recall", "precision": "precision", "map": "map", "mrr": "mrr",
        "hit_rate": "hit_rate",
    }  # fmt: skip
    ranx.evaluate(ranx.Qrels(qrels), peer, [f"{theirs}@{k}" for theirs in pairs.values()])
    by_user = found.set_index("user")
    for ours, theirs in pairs.items():
        values = peer.scores[f"{theirs}@{k}"]
        names = list(values)
        expected = [values[name] for name in names]
        assert by_user[f"{ours}@{k}"][names].to_numpy() == pytest.approx(expected, abs=1e-9), ours


def test_a_held_out_rating_of_zero_is_no_hit() -> None:
    """A model that lists the item rated 0 first finds nothing."""
    train = pd.DataFrame({"user_id": [1, 1, 2, 2], "item_id": [1, 4, 2, 3], "rating": [1, 1, 1, 1]})
    test = pd.DataFrame({"user_id": [1, 1], "item_id": [2, 3], "rating": [0, 5]})
    split = recsys.splits.given(recsys.Ratings.from_frame(train), recsys.Ratings.from_frame(test))
    prepared = prepare(split, 2)
    assert prepared.relevant.toarray().tolist() == [[0, 0, 5, 0], [0, 0, 0, 0]]
    assert prepared.users.tolist() == [0]
