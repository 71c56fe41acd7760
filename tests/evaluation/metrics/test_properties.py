"""Properties that hold for any lists: bounds, invariances, and the slow definitions."""

import itertools
from math import log2
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.evaluation.metrics import METRICS, metrics_from
from recsys.evaluation.metrics.auc import auc
from recsys.evaluation.metrics.average_precision import average_precision
from recsys.evaluation.metrics.calibration import calibration
from recsys.evaluation.metrics.diversity import diversity
from recsys.evaluation.metrics.inputs import Lists
from recsys.evaluation.metrics.ndcg import graded_ndcg, ndcg
from recsys.evaluation.metrics.reciprocal_rank import reciprocal_rank

Flags = npt.NDArray[np.bool_]

OF_HITS = [
    m
    for m in METRICS.values()
    if set(m.needs) <= {"hits", "first_hits", "hits_above", "n_relevant"}
]
"""Metrics that need only hits: all accuracy metrics except AUC and graded NDCG."""


@st.composite
def ranked(draw: st.DrawFn) -> tuple[Flags, npt.NDArray[np.int64]]:
    """Hits of some lists, and the relevant items of each user: these, and some that were missed."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 8)))
    hits = draw(hnp.arrays(np.bool_, shape))
    missed = draw(hnp.arrays(np.int64, shape[0], elements=st.integers(0, 9)))
    return hits, hits.sum(axis=1) + missed


def above(hits: Flags) -> Any:
    return np.cumsum(hits, axis=1) - hits


def values(metric: Any, hits: Flags, n_relevant: npt.NDArray[np.int64]) -> Any:
    given = {"hits": hits, "first_hits": hits, "hits_above": above(hits), "n_relevant": n_relevant}
    return metric.function(**{name: given[name] for name in metric.needs})


@settings(max_examples=100, deadline=None)
@given(ranked())
def test_metrics_of_hits_are_shares_and_missing_without_relevant_items(world: Any) -> None:
    assert len(OF_HITS) == 7
    hits, n_relevant = world
    for metric in OF_HITS:
        found = values(metric, hits, n_relevant)
        assert (np.isnan(found) == (n_relevant == 0)).all(), metric.name
        there = found[n_relevant > 0]
        assert (there >= 0).all(), metric.name
        assert (there <= 1 + 1e-12).all(), metric.name
        assert ((there > 0) == hits.any(axis=1)[n_relevant > 0]).all(), metric.name


@settings(max_examples=100, deadline=None)
@given(ranked(), st.data())
def test_a_hit_further_up_never_lowers_a_metric(world: Any, data: st.DataObject) -> None:
    hits, n_relevant = world
    rank = data.draw(st.integers(0, hits.shape[1] - 1))
    better = hits.copy()  # from this rank on, hits before misses
    better[:, rank:] = -np.sort(-hits[:, rank:].astype(int), axis=1)
    for metric in OF_HITS:
        before, after = values(metric, hits, n_relevant), values(metric, better, n_relevant)
        ok = np.isnan(before) | (after >= before - 1e-12)
        assert ok.all(), metric.name


@settings(max_examples=60, deadline=None)
@given(ranked())
def test_every_curve_is_the_metric_at_every_length(world: Any) -> None:
    hits, n_relevant = world
    hits, n_relevant = hits[n_relevant > 0], n_relevant[n_relevant > 0]
    curves = [metric for metric in metrics_from(Lists) if metric.curve is not None]
    assert {metric.name for metric in curves} == {"ndcg", "recall", "precision"}

    class Inputs:
        pass

    inputs: Any = Inputs()
    inputs.hits, inputs.n_relevant = hits, n_relevant
    for metric in curves:
        found = metric.values_by_length(inputs)
        for k in range(1, hits.shape[1] + 1):
            expected = values(metric, hits[:, :k], n_relevant)
            assert found[:, k - 1] == pytest.approx(expected), metric.name


@settings(max_examples=60, deadline=None)
@given(ranked())
def test_ranked_metrics_equal_their_slow_definitions(world: Any) -> None:
    hits, n_relevant = world
    found = ndcg(hits, n_relevant), average_precision(hits, above(hits), n_relevant)
    first = reciprocal_rank(hits, n_relevant)
    for u, (row, n) in enumerate(zip(hits.tolist(), n_relevant.tolist(), strict=True)):
        if not n:
            continue
        gained = sum(1 / log2(rank + 2) for rank, hit in enumerate(row) if hit)
        ideal = sum(1 / log2(rank + 2) for rank in range(min(n, len(row))))
        assert found[0][u] == pytest.approx(gained / ideal)
        precisions = [sum(row[: rank + 1]) / (rank + 1) for rank, hit in enumerate(row) if hit]
        assert found[1][u] == pytest.approx(sum(precisions) / n)
        assert first[u] == pytest.approx(1 / (row.index(True) + 1) if any(row) else 0)


@settings(max_examples=60, deadline=None)
@given(ranked(), st.floats(0.5, 5))
def test_graded_ndcg_with_equal_gains_is_ndcg(world: Any, gain: float) -> None:
    hits, n_relevant = world
    ideal = np.arange(hits.shape[1]) < n_relevant[:, None]
    found = graded_ndcg(gain * hits, gain * ideal)
    assert found == pytest.approx(ndcg(hits, n_relevant), nan_ok=True)


@st.composite
def scored(draw: st.DrawFn) -> tuple[Any, Flags, Flags]:
    """Scores with ties; the relevant items are among those that compete."""
    n = draw(st.integers(1, 10))
    scores = draw(hnp.arrays(np.float64, (1, n), elements=st.integers(-4, 4).map(float)))
    allowed = draw(hnp.arrays(np.bool_, (1, n)))
    return scores, draw(hnp.arrays(np.bool_, (1, n))) & allowed, allowed


@settings(max_examples=100, deadline=None)
@given(scored())
def test_auc_counts_pairs_and_sees_only_the_order(world: Any) -> None:
    scores, relevant, allowed = world
    found = auc(scores, relevant, allowed)[0]
    positive = scores[0][relevant[0]]
    negative = scores[0][allowed[0] & ~relevant[0]]
    pairs = [(a > b) + (a == b) / 2 for a, b in itertools.product(positive, negative)]
    if not pairs:
        assert np.isnan(found)
        return
    assert found == pytest.approx(np.mean(pairs))
    assert auc(np.exp(scores), relevant, allowed)[0] == found
    assert auc(-scores, relevant, allowed)[0] == pytest.approx(1 - found)


genre_tables = hnp.arrays(np.float64, (6, 3), elements=st.integers(0, 1).map(float))


@settings(max_examples=60, deadline=None)
@given(genre_tables, st.permutations(range(6)), st.integers(0, 6), st.floats(0.5, 9))
def test_diversity_ignores_order_length_and_scale(
    genres: Any, order: list[int], n: int, scale: float
) -> None:
    items = np.array([order])
    items[:, n:] = -1
    found = diversity(items, items >= 0, genres)
    backwards = np.array([order[:n][::-1] + [-1] * (6 - n)])
    assert diversity(backwards, backwards >= 0, scale * genres) == pytest.approx(found, nan_ok=True)
    assert np.isnan(found[0]) if n < 2 else -1e-12 <= found[0] <= 1 + 1e-12


@settings(max_examples=60, deadline=None)
@given(genre_tables, st.permutations(range(6)))
def test_calibration_is_zero_for_the_same_mix_and_never_below(
    genres: Any, order: list[int]
) -> None:
    shares = genres / np.maximum(genres.sum(axis=1, keepdims=True), 1)
    sums = shares[order[:3]].sum(axis=0, keepdims=True)
    taste = sums / max(sums.sum(), 1e-300)
    same, other = (
        calibration(np.array([rows]), np.ones((1, 3)), taste, shares)[0]
        for rows in (order[:3], order[3:])
    )
    assert np.isnan(same) if not sums.sum() else same == pytest.approx(0, abs=1e-9)
    assert np.isnan(other) or other >= 0
