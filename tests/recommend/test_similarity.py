from typing import Any

import numpy as np
import pytest
from scipy.spatial import distance

from recsys.recommend.similarity import METRICS, Metric, Similarity, likeness

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(50, 6)).astype(np.float32) * RNG.random((50, 1)).astype(np.float32)


def by_formula(
    u: np.ndarray, v: np.ndarray, metric: Metric, alpha: float, mean: np.ndarray
) -> float:
    u, v, mean = (np.asarray(a, np.float64) for a in (u, v, mean))
    if metric == "cosine":
        return 1 - float(distance.cosine(u, v))
    if metric == "adjusted-cosine":
        return 1 - float(distance.cosine(u - mean, v - mean))
    if metric == "dot":
        return float(u @ v)
    if metric == "damped":
        return float(u @ v / np.linalg.norm(v) ** alpha)
    apart = distance.euclidean(u, v) if metric == "euclidean" else distance.cityblock(u, v)
    return -float(apart)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_by_its_formula(metric: Metric) -> None:
    mean = TABLE.astype(np.float64).mean(axis=0)
    expected = [[by_formula(u, v, metric, 0.3, mean) for v in TABLE] for u in TABLE[:7]]
    assert likeness(TABLE[:7], TABLE, metric, 0.3) == pytest.approx(np.array(expected), abs=1e-5)
    rows, scores = Similarity(TABLE).search(4, 9, metric, 0.3)
    order = [i for i in np.argsort(-np.array(expected[4]), kind="stable") if i != 4][:9]
    assert rows.tolist() == order
    assert scores == pytest.approx(np.array(expected[4])[order], abs=1e-5)


def test_damped_lies_between_dot_and_cosine() -> None:
    def order(metric: Metric, alpha: float = 0.5) -> list[int]:
        rows, _ = Similarity(TABLE).search(4, 49, metric, alpha)
        return [int(row) for row in rows]

    assert order("damped", 0.0) == order("dot")
    assert order("damped", 1.0) == order("cosine")
    assert order("damped", 0.5) not in (order("dot"), order("cosine"))


@pytest.mark.parametrize("metric", METRICS)
def test_more_than_there_are_and_none_for_a_zero_vector(metric: Metric) -> None:
    rows, scores = Similarity(TABLE).search(4, 99, metric)
    assert len(rows) == len(scores) == 49
    assert 4 not in rows
    with_zeros = np.vstack([TABLE, np.zeros(6, np.float32)])
    assert len(Similarity(with_zeros).search(50, 5, metric)[0]) == 0


def test_asking_again_gives_the_same_whatever_was_asked_between() -> None:
    similarity = Similarity(TABLE)
    first = similarity.search(4, 9, "damped", 0.3)
    for metric in METRICS:
        similarity.search(4, 9, metric, 0.9)
    again = similarity.search(4, 9, "damped", 0.3)
    assert first[0].tolist() == again[0].tolist()
    assert first[1].tolist() == again[1].tolist()


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="metric must be one of cosine, dot, adjusted-cosine"):
        likeness(TABLE, TABLE, "chess")  # type: ignore[arg-type]
    alpha: Any
    for alpha in (-0.1, 1.5, "x"):
        with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
            Similarity(TABLE).search(0, 3, "damped", alpha)
