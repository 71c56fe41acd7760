"""Each way to re-rank takes what its formula says, and moves the measure that it is for."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import ArgumentError
from recsys.recommend.rerank.calibrated import Calibrated
from recsys.recommend.rerank.dpp import DPP
from recsys.recommend.rerank.less_popular import LessPopular
from recsys.recommend.rerank.mmr import MMR
from recsys.recommend.rerank.reranker import Pool, Reranker
from recsys.recommend.rerank.ways import WAYS, parse

STRENGTHS = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0])


def random_pool(seed: int, m: int = 9) -> Pool:
    rng = np.random.default_rng(seed)
    relevance = np.sort(rng.random(m))[::-1]
    relevance = (relevance - relevance[-1]) / (relevance[0] - relevance[-1])
    directions = rng.standard_normal((m, 4))
    genres = rng.integers(0, 2, (m, 3)).astype(float)
    genres /= np.maximum(genres.sum(axis=1, keepdims=True), 1)
    taste = rng.dirichlet(np.ones(3))
    return Pool(
        relevance,
        directions / np.linalg.norm(directions, axis=1, keepdims=True),
        genres,
        taste,
        rng.random(m),
    )


def slow(pool: Pool, k: int, worth: Callable[[list[int]], float]) -> list[int]:
    """Takes next the item whose list has the largest worth."""
    chosen: list[int] = []
    for _ in range(k):
        rest = [i for i in range(len(pool.relevance)) if i not in chosen]
        chosen.append(max(rest, key=lambda i: worth([*chosen, i])))
    return chosen


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), STRENGTHS)
def test_mmr_is_its_formula(seed: int, s: float) -> None:
    pool = random_pool(seed)
    cosine = pool.directions @ pool.directions.T  # type: ignore[union-attr, operator]

    def worth(items: list[int]) -> float:
        *before, last = items
        if not before:
            return float(pool.relevance[last])
        return float((1 - s) * pool.relevance[last] - s * max(cosine[last, i] for i in before))

    assert MMR(strength=s).order(pool, 5).tolist() == slow(pool, 5, worth)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.3, 0.5, 0.8]))
def test_dpp_takes_the_largest_determinant(seed: int, s: float) -> None:
    pool = random_pool(seed)
    cosine = pool.directions @ pool.directions.T  # type: ignore[union-attr, operator]
    quality = np.exp((1 - s) / (2 * s) * pool.relevance)
    kernel = quality[:, None] * cosine * quality

    def worth(items: list[int]) -> float:
        return float(np.linalg.slogdet(kernel[np.ix_(items, items)])[1])

    assert DPP(strength=s).order(pool, 4).tolist() == slow(pool, 4, worth)


def test_dpp_goes_on_by_relevance_where_no_direction_is_left() -> None:
    pool = random_pool(3, m=12)  # in four dimensions
    order = DPP(strength=0.5).order(pool, 12)
    assert sorted(order) == list(range(12))
    rest = [i for i in range(12) if i not in order[:4]]
    assert order[4:].tolist() == rest
    same = Pool(np.array([1.0, 0.5, 0.0]), np.array([[1.0, 0], [1, 0], [0, 1]]))
    assert DPP(strength=0.5).order(same, 3).tolist() == [0, 2, 1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), STRENGTHS)
def test_calibrated_is_its_formula(seed: int, s: float) -> None:
    pool = random_pool(seed)
    genres, taste = pool.genres, pool.taste
    assert genres is not None
    assert taste is not None

    def worth(items: list[int]) -> float:
        shares = genres[items].sum(axis=0)
        shares = shares / shares.sum() if shares.sum() else shares
        mixed = 0.99 * shares + 0.01 * taste
        divergence = sum(p * math.log(p / q) for p, q in zip(taste, mixed, strict=True) if p)
        return float((1 - s) * pool.relevance[items].mean() - s * divergence)

    assert Calibrated(strength=s).order(pool, 5).tolist() == slow(pool, 5, worth)


def test_a_discount_orders_by_its_formula() -> None:
    pool = random_pool(1)
    assert pool.popularity is not None
    worth = 0.6 * pool.relevance - 0.4 * pool.popularity
    assert LessPopular(strength=0.4).order(pool, 5).tolist() == np.argsort(-worth)[:5].tolist()


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("m", [0, 1, 3, 9])
def test_strength_0_leaves_the_list_and_no_item_comes_twice(way: type[Reranker], m: int) -> None:
    whole = random_pool(5)
    arrays = (whole.relevance, whole.directions, whole.genres, whole.popularity)
    relevance, directions, genres, popularity = (one[:m] for one in arrays if one is not None)
    pool = Pool(relevance, directions, genres, np.ones(3) / 3, popularity)
    assert way(strength=0).order(pool, 5).tolist() == list(range(min(m, 5)))
    order = way(strength=0.7).order(pool, 5).tolist()
    assert len(order) == len(set(order)) == min(m, 5)


def test_ways_are_read_by_name() -> None:
    assert parse("mmr") == MMR()
    assert parse("dpp=0.25") == DPP(strength=0.25)
    assert str(parse("calibrated=0.5")) == "calibrated=0.5"
    with pytest.raises(ArgumentError, match=r"rerank must be one of mmr, .*did you mean 'mmr'"):
        parse("mrr=0.3")
    with pytest.raises(ArgumentError, match="strength must be a number of at least 0"):
        parse("mmr=2")
    with pytest.raises(ArgumentError, match="strength must be a number, not 'much'"):
        parse("mmr=much")
