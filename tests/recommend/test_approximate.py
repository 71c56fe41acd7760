from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.sparse as sp

import recsys
from recsys.errors import ArgumentError, ModelError, ModelFileError
from recsys.recommend import approximate
from recsys.recommend.approximate import ApproximateIndex, build, indexes_of
from recsys.recommend.index import ExactIndex

pytest.importorskip("usearch", reason="approximate search needs the extra ann")

N = 3000


@pytest.fixture(scope="module")
def items() -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((N, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def bias() -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal(N).astype(np.float32)


@pytest.fixture(scope="module")
def queries() -> npt.NDArray[np.float32]:
    return np.random.default_rng(2).standard_normal((400, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def index(items: Any, bias: Any, queries: Any) -> ApproximateIndex:
    found, about = build(items, bias, queries, "recommend", 0.97, always=True)
    assert found is not None
    assert about is found.about
    return found


@pytest.fixture(scope="module")
def model() -> recsys.Recommender:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"user": rng.integers(0, 300, 9000), "item": rng.integers(0, 800, 9000), "rating": 1}
    )
    items = pd.DataFrame({"item": range(800), "title": [f"T{n}" for n in range(800)]})
    items["year"] = 1900 + items["item"] % 100
    ratings = recsys.Ratings.from_frame(
        frame, user="user", item="item", rating="rating", items=items
    )
    return recsys.train(recsys.ImplicitALS(n_factors=8, n_epochs=3), ratings)


def test_the_recall_is_that_of_an_independent_count(
    index: ApproximateIndex, items: Any, bias: Any, queries: Any
) -> None:
    """Against all scores sorted by NumPy, on the half that did not choose the expansion."""
    others = queries[len(queries) // 2 :]
    best = np.argsort(-(others @ items.T + bias), axis=1)[:, :10]
    found, _ = index.search(others, 10)
    hits = sum(len(set(a) & set(b)) for a, b in zip(best.tolist(), found.tolist(), strict=True))
    assert index.about.recall == pytest.approx(hits / (10 * len(others)), abs=1e-9)
    assert 0.9 < index.about.recall < 1
    assert index.about.n_queries == len(others)


def test_scores_are_exact_and_in_order(
    index: ApproximateIndex, items: Any, bias: Any, queries: Any
) -> None:
    rows, scores = index.search(queries[:50], 10)
    for query, mine, given in zip(queries, rows, scores, strict=False):
        assert given == pytest.approx(items[mine] @ query + bias[mine], abs=1e-5)
        assert (np.diff(given) <= 0).all()
        assert len(set(mine.tolist())) == 10


def test_nothing_excluded_comes_back_and_filters_hold(
    index: ApproximateIndex, items: Any, bias: Any, queries: Any
) -> None:
    rng = np.random.default_rng(3)
    out = sp.csr_matrix(sp.random(len(queries), N, 0.02, random_state=0))
    for candidates in (None, np.arange(0, N, 3), np.sort(rng.choice(N, 100, replace=False))):
        rows, _ = index.search(queries, 10, out, candidates)
        exact, _ = ExactIndex(items, bias).search(queries, 10, out, candidates)
        assert (rows >= 0).all()
        for user in range(len(queries)):
            assert not set(rows[user]) & set(out[[user]].indices)
        if candidates is not None:
            assert np.isin(rows, candidates).all()
        assert np.mean([np.isin(a, b).mean() for a, b in zip(exact, rows, strict=True)]) > 0.95


@pytest.mark.parametrize("n_left", [0, 3, 10])
def test_where_few_are_left_the_exact_search_answers(
    n_left: int, index: ApproximateIndex, items: Any, bias: Any, queries: Any
) -> None:
    out = np.array([0, N - n_left]), np.arange(N - n_left)
    rows, scores = index.search(queries[:1], 10, out)
    exact = ExactIndex(items, bias).search(queries[:1], 10, out)
    assert rows.tolist() == exact[0].tolist()
    assert scores == pytest.approx(exact[1], nan_ok=True)
    assert (rows >= 0).sum() == n_left
    few = np.arange(n_left)
    assert (index.search(queries[:1], 10, None, few)[0] >= 0).sum() == n_left


def test_a_tiny_catalogue_is_searched_exactly(queries: Any) -> None:
    items = np.random.default_rng(0).standard_normal((7, 12)).astype(np.float32)
    nothing = np.zeros(7, np.float32)
    found, about = build(items, nothing, queries, "recommend")
    assert found is None
    assert not about.approximate
    assert f"is faster from {approximate.PAYS_FROM:,}" in about.why
    found, _ = build(items, nothing, queries, "recommend", always=True)
    assert found is not None
    exact = ExactIndex(items, nothing).search(queries, 10)
    rows, scores = found.search(queries, 10)
    assert rows.tolist() == exact[0].tolist()
    assert scores == pytest.approx(exact[1], abs=1e-5, nan_ok=True)


def test_an_index_is_built_where_the_exact_search_cannot_skip_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same directions: of equal lengths an index pays, of very different ones it does not."""
    monkeypatch.setattr(approximate, "PAYS_FROM", 1_000_000)
    rng = np.random.default_rng(0)
    items = rng.standard_normal((9000, 120)).astype(np.float32)
    items /= np.linalg.norm(items, axis=1)[:, None]
    queries, nothing = items[:40], np.zeros(len(items), np.float32)
    equal = build(items, nothing, queries, "similar", 0.5)
    assert equal[1].work == 9000 * 121
    assert equal[0] is not None
    lengths = np.exp(rng.normal(0, 3, len(items))).astype(np.float32)
    found, about = build(items * lengths[:, None], nothing, queries, "recommend", 0.5)
    assert found is None
    assert about.work < approximate.PAYS_FROM


def test_the_same_items_give_the_same_graph(items: Any, bias: Any, queries: Any) -> None:
    first, second = (build(items, bias, queries, "recommend", 0.9, always=True) for _ in range(2))
    assert first[1] == second[1]
    assert first[0] is not None
    assert second[0] is not None
    assert np.array_equal(first[0].to_bytes(), second[0].to_bytes())


@pytest.mark.parametrize("recall", [0, 1.1, "much"])
def test_a_recall_must_be_one(recall: Any, items: Any, bias: Any, queries: Any) -> None:
    with pytest.raises(ArgumentError, match="recall must lie above 0 and at most 1"):
        build(items, bias, queries, "recommend", recall)


def test_a_model_answers_with_its_indexes(model: recsys.Recommender) -> None:
    quick = model.indexed(1.0, always=True)
    assert set(quick.approximate) == {"recommend", "similar"}
    assert not model.approximate
    for user in range(20):
        for how in ({}, {"where": "year < 1950"}, {"exclude": [1, 2, 3]}, {"exclude_seen": False}):
            mine, exact = (one.recommend(user, n=5, **how) for one in (quick, model))
            assert mine["item"].tolist() == exact["item"].tolist()
            assert mine["score"].tolist() == pytest.approx(exact["score"].tolist(), abs=1e-5)
        mine, exact = quick.similar_items(user), model.similar_items(user)
        assert mine["item"].tolist() == exact["item"].tolist()
    short = quick.recommend(0, n=900)
    assert len(short) == len(model.recommend(0, n=900))
    assert short.attrs["shortfall"] == model.recommend(0, n=900).attrs["shortfall"]


def test_evaluation_measures_it(model: recsys.Recommender) -> None:
    quick = model.indexed(1.0, always=True)
    users = np.arange(50)
    seen = model.seen()[users]
    best = quick.ranker().best(users, seen, 10, seen)
    exact = model.ranker().best(users, seen, 10, seen)
    assert np.mean(best == exact) > 0.99


def test_a_model_without_factors_has_nothing_to_index(random_ratings: recsys.Ratings) -> None:
    for spec in (recsys.EASE(), recsys.Popularity()):
        with pytest.raises(ModelError, match="no factors, so there is nothing to index"):
            recsys.train(spec, random_ratings).indexed()


def test_the_extra_is_named_where_it_is_missing(
    model: recsys.Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("usearch"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "usearch.index", raising=False)
    with pytest.raises(ModelError, match=r"pip install 'recsys-mf\[ann\]'"):
        indexes_of(model, always=True)


def test_a_file_gives_the_same_answers(model: recsys.Recommender, tmp_path: Path) -> None:
    quick = model.indexed(0.9, always=True)
    again = recsys.load_index(model, recsys.save_index(quick, tmp_path / "x.index"))
    assert again.index_report == quick.index_report
    for user in range(10):
        assert again.recommend(user).equals(quick.recommend(user))
        assert again.similar_items(user).equals(quick.similar_items(user))
    exact = recsys.load_index(model, recsys.save_index(model.indexed(), tmp_path / "none.index"))
    assert not exact.approximate
    assert exact.index_report["recommend"].why


def test_the_file_of_another_model_or_a_damaged_one_is_refused(
    model: recsys.Recommender, random_ratings: recsys.Ratings, tmp_path: Path
) -> None:
    path = recsys.save_index(model.indexed(0.9, always=True), tmp_path / "x.index")
    other = recsys.train(recsys.ImplicitALS(n_factors=8, n_epochs=1), random_ratings)
    with pytest.raises(ModelFileError, match="the index of another model"):
        recsys.load_index(other, path)
    with pytest.raises(ModelFileError, match="not an index"):
        recsys.load_index(model, recsys.save(model, tmp_path / "model"))
    raw = bytearray(path.read_bytes())
    for at in (len(raw) // 2, len(raw) - 1):
        damaged = raw.copy()
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="altered since it was saved"):
            recsys.load_index(model, path)
    path.write_bytes(raw[:-100])
    with pytest.raises(ModelFileError, match="cut off"):
        recsys.load_index(model, path)
