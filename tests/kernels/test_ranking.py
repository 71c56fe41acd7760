import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import random_csr

from recsys import kernels
from recsys.errors import ArgumentError

Case = dict[str, Any]
"""Arguments of `kernels.top_k` by name."""


def case(
    seed: int, n_queries: int = 20, n_items: int = 150, width: int = 8, whole: bool = True
) -> Case:
    # With small whole numbers, scores are exact in float32 and ties are common.
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        values = rng.integers(-3, 4, shape) if whole else rng.normal(size=shape)
        return values.astype(np.float32)

    excluded = random_csr(n_queries, n_items, 0.2, rng)
    return {
        "queries": draw(n_queries, width),
        "item_factors": draw(n_items, width),
        "item_bias": draw(n_items),
        "excluded": (excluded.indptr, excluded.indices),
    }


@pytest.mark.parametrize("isa", kernels.INSTRUCTION_SETS)
@pytest.mark.parametrize("k", [1, 10, 149, 400])
def test_equals_sorting_all_scores(isa: str, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_ISA", isa)
    given_case = case(k)
    items, scores = kernels.top_k(**given_case, k=k)
    expected_items, expected_scores = reference.top_k(**given_case, k=k)
    assert np.array_equal(items, expected_items)
    assert np.array_equal(scores, expected_scores, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_queries=st.integers(1, 70),
    n_items=st.integers(1, 100),
    width=st.integers(1, 12),
    k=st.integers(1, 30),
    share=st.floats(0, 1),
)
def test_equals_sorting_all_scores_on_any_data(
    seed: int, n_queries: int, n_items: int, width: int, k: int, share: float
) -> None:
    given_case = case(seed, n_queries, n_items, width)
    rng = np.random.default_rng(seed)
    candidates = np.flatnonzero(rng.random(n_items) < share)
    items, scores = kernels.top_k(**given_case, k=k, candidates=candidates)
    expected_items, expected_scores = reference.top_k(**given_case, k=k, candidates=candidates)
    assert np.array_equal(items, expected_items)
    assert np.array_equal(scores, expected_scores, equal_nan=True)


@pytest.mark.parametrize("isa", kernels.INSTRUCTION_SETS)
@pytest.mark.parametrize("biased", [False, True])
def test_skipped_items_could_not_be_in_the_list(
    isa: str, biased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Items of very unequal length, so that most of them are ruled out by their length alone; some
    # of the queries so short that the bias decides.
    monkeypatch.setenv("RECSYS_ISA", isa)
    given_case = case(5, n_queries=70, n_items=3000)
    rng = np.random.default_rng(0)
    given_case["queries"] *= 2.0 ** rng.integers(-8, 2, (70, 1)).astype(np.float32)
    given_case["item_factors"] *= 2.0 ** rng.integers(-4, 5, (3000, 1)).astype(np.float32)
    given_case["item_bias"] = rng.integers(0, 40, 3000).astype(np.float32) if biased else None
    items, scores = kernels.top_k(**given_case, k=10)
    expected_items, expected_scores = reference.top_k(**given_case, k=10)
    assert np.array_equal(items, expected_items)
    assert np.array_equal(scores, expected_scores)


def test_long_items_come_first_and_bound_the_rest() -> None:
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(500, 6)).astype(np.float32)
    factors *= rng.lognormal(size=(500, 1)).astype(np.float32)
    bias = rng.normal(size=500).astype(np.float32)
    packed = kernels.packed_items(factors, item_bias=bias)
    panel = len(packed.bias) // len(packed.most_norm)
    for first in range(0, 500, panel):
        rest = packed.candidates[first:]
        norm, most = np.linalg.norm(factors[rest], axis=1).max(), bias[rest].max()
        assert norm <= packed.most_norm[first // panel] <= norm * 1.0001
        assert most <= packed.most_bias[first // panel] <= most + 0.001
    lengths = np.linalg.norm(factors, axis=1) + bias
    assert np.all(np.diff(lengths[packed.candidates]) <= 1e-5)


def test_lengths_whose_squares_underflow_are_bounds_too() -> None:
    # The longer items point in the same direction; the short one at the end is the best.
    queries = np.array([[1e-25, 0]], np.float32)
    items = np.array([*[[1e-3, 10]] * 640, [5, 0]], np.float32)
    assert kernels.top_k(queries, items, 1)[0].tolist() == [[640]]
    assert kernels.top_k(queries[:, ::-1] * 1e25, items[:, ::-1] * 1e-24, 1)[0].tolist() == [[640]]


def test_equal_scores_come_in_item_order() -> None:
    items, _ = kernels.top_k(np.ones((3, 2), np.float32), np.ones((50, 2), np.float32), 20)
    assert (items == np.arange(20)).all()


def test_an_excluded_item_never_comes_back() -> None:
    everything = np.arange(0, 5 * 40 + 1, 40), np.tile(np.arange(40), 5)
    items, scores = kernels.top_k(
        np.ones((5, 3), np.float32), np.ones((40, 3), np.float32), 40, excluded=everything
    )
    assert (items == -1).all()
    assert np.isnan(scores).all()


def test_exclusions_in_any_order_are_excluded() -> None:
    given_case = case(3)
    expected = kernels.top_k(**given_case, k=150)
    indptr, columns = given_case["excluded"]
    shuffled = columns.copy()
    rng = np.random.default_rng(0)
    for first, last in pairwise(indptr):
        rng.shuffle(shuffled[first:last])
    for order in (shuffled, shuffled.astype(">i8")):
        found = kernels.top_k(**(given_case | {"excluded": (indptr, order)}), k=150)
        assert np.array_equal(found[0], expected[0])


def test_an_answer_does_not_depend_on_who_else_asks() -> None:
    given_case = case(1, n_queries=100, whole=False)
    indptr, columns = given_case["excluded"]
    together, scores = kernels.top_k(**given_case, k=10)
    for q in (0, 17, 63, 64, 99):
        alone = given_case | {
            "queries": given_case["queries"][q : q + 1],
            "excluded": (
                np.array([0, indptr[q + 1] - indptr[q]]),
                columns[indptr[q] : indptr[q + 1]],
            ),
        }
        items, score = kernels.top_k(**alone, k=10)
        assert np.array_equal(items[0], together[q])
        assert np.array_equal(score[0], scores[q])


def test_same_bits_at_any_thread_count() -> None:
    given_case = case(2, n_queries=500, whole=False)
    results = [kernels.top_k(**given_case, k=7, n_threads=n) for n in (1, 2, 5)]
    for items, scores in results[1:]:
        assert np.array_equal(items, results[0][0])
        assert np.array_equal(scores, results[0][1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k must be"),
        ({"queries": np.ones((2, 3), np.float32)}, "wide"),
        ({"candidates": np.array([3, 1])}, "candidates"),
        ({"candidates": np.array([200])}, "candidates"),
        ({"excluded": (np.array([0, 1]), np.array([500]))}, "indptr|column"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernels.top_k(**({"k": 5} | case(3) | change))


def test_packed_items_can_be_searched_repeatedly() -> None:
    given_case = case(11)
    packed = kernels.packed_items(given_case["item_factors"], item_bias=given_case.get("item_bias"))
    expected = kernels.top_k(**given_case, k=5)
    rest = {k: v for k, v in given_case.items() if k not in ("item_factors", "item_bias")}
    for _ in range(2):
        found = kernels.top_k(**rest, item_factors=packed, k=5)
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[1], expected[1], equal_nan=True)
    with pytest.raises(ValueError, match="belong to packed_items"):
        kernels.top_k(**rest, item_factors=packed, k=5, candidates=np.arange(3))


def test_packed_items_go_to_another_process() -> None:
    given_case = case(7, n_queries=1)
    factors = given_case.pop("item_factors")
    packed = kernels.packed_items(factors, item_bias=given_case.pop("item_bias"))
    packed = kernels.screened(packed, factors)
    expected = kernels.top_k(**given_case, item_factors=packed, k=5)
    there = pickle.loads(pickle.dumps(packed))
    del packed, factors
    assert np.array_equal(kernels.top_k(**given_case, item_factors=there, k=5), expected)


@pytest.mark.parametrize("columns", [[-1, 3], [3, 40], [3, -1], [40, 3]])
def test_one_row_of_exclusions_is_checked_like_many(columns: list[int]) -> None:
    ones = np.ones((1, 3), np.float32), np.ones((40, 3), np.float32)
    excluded = np.array([0, 2]), np.array(columns, np.int32)
    with pytest.raises(ArgumentError, match="column number lies outside"):
        kernels.top_k(*ones, 5, excluded=excluded)


def asked_alone(given_case: Case, k: int, candidates: np.ndarray | None = None) -> Any:
    # Each query by itself, through the screen; items and scores of all of them.
    factors = given_case["item_factors"]
    packed = kernels.packed_items(factors, item_bias=given_case["item_bias"], candidates=candidates)
    packed = kernels.screened(packed, factors)
    assert packed.screen is not None
    indptr, columns = given_case["excluded"]
    found = [
        kernels.top_k(
            query[None], packed, k, excluded=(np.array([0, last - first]), columns[first:last])
        )
        for query, (first, last) in zip(given_case["queries"], pairwise(indptr), strict=True)
    ]  # fmt: skip
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_items=st.integers(1, 200),
    width=st.integers(1, 13),
    k=st.integers(1, 30),
    share=st.floats(0, 1),
    whole=st.booleans(),
    size=st.sampled_from([1e-18, 1e-12, 1e-3, 1.0, 1e6, 1e12]),
    isa=st.sampled_from(kernels.INSTRUCTION_SETS),
)
def test_a_screen_changes_no_bit(
    seed: int, n_items: int, width: int, k: int, share: float, whole: bool, size: float, isa: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_ISA", isa)
        given_case = case(seed, 6, n_items, width, whole)
        rng = np.random.default_rng(seed)
        given_case["queries"] *= np.float32(size)
        given_case["item_factors"] *= 2.0 ** rng.integers(-6, 7, (n_items, 1)).astype(np.float32)
        given_case["item_bias"] *= np.float32(size * rng.choice([0, 1, 100]))
        candidates = np.flatnonzero(rng.random(n_items) < share)
        expected = kernels.top_k(**given_case, k=k, candidates=candidates)
        for alone, together in zip(asked_alone(given_case, k, candidates), expected, strict=True):
            assert np.array_equal(alone, together, equal_nan=True)


@pytest.mark.parametrize("isa", kernels.INSTRUCTION_SETS)
def test_a_screen_changes_no_bit_where_scores_nearly_tie(
    isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Items that differ by less than a level: the bounds alone cannot order them.
    monkeypatch.setenv("RECSYS_ISA", isa)
    rng = np.random.default_rng(0)
    given_case = case(0, n_queries=20, n_items=2000, width=30)
    one = rng.normal(size=30).astype(np.float32)
    given_case["item_factors"] = one + rng.normal(0, 1e-5, (2000, 30)).astype(np.float32)
    given_case["item_bias"] = None
    expected = kernels.top_k(**given_case, k=10)
    for alone, together in zip(asked_alone(given_case, 10), expected, strict=True):
        assert np.array_equal(alone, together)


def test_a_bound_of_the_screen_is_one() -> None:
    given_case = case(1, n_queries=50, n_items=500, width=10, whole=False)
    factors = given_case["item_factors"] * np.logspace(-3, 3, 500, dtype=np.float32)[:, None]
    packed = kernels.packed_items(factors, item_bias=given_case["item_bias"])
    screen = kernels.screened(packed, factors).screen
    assert screen is not None
    panels = screen.panels.reshape(len(packed.most_norm), 3 + 3, -1)
    reach, steps, errors = (panels[:, 3 + i].ravel().view(np.float32)[:500] for i in range(3))
    levels = np.stack([(panels[:, k // 4] << 24 - 8 * (k % 4)) >> 24 for k in range(10)], axis=1)
    levels = levels.transpose(0, 2, 1).reshape(-1, 10)[:500]
    assert np.abs(levels).max(axis=1).tolist() == [127] * 500
    queries = given_case["queries"].astype(np.float64)
    close = reach + queries @ levels.T * steps
    room = np.linalg.norm(queries, axis=1)[:, None] * errors
    items = packed.candidates
    scores = queries @ factors[items].T.astype(np.float64) + given_case["item_bias"][items]
    assert np.all(np.abs(scores - close) <= room)
    # It is tight enough to rule most items out: a hundredth of what the lengths alone allow.
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(factors[items], axis=1)
    assert np.all(room <= 0.01 * lengths)


def test_factors_whose_bounds_would_overflow_have_no_screen() -> None:
    factors = np.full((40, 2), 1e20, np.float32)
    assert kernels.screened(kernels.packed_items(factors), factors).screen is None


@pytest.mark.parametrize("size", [1e-25, 1e20])
def test_a_query_whose_bounds_would_vanish_or_overflow_needs_no_screen(size: float) -> None:
    given_case = case(4, n_queries=6, n_items=400)
    given_case["queries"] *= np.float32(size)
    given_case["item_bias"] = None
    expected = kernels.top_k(**given_case, k=10)
    for alone, together in zip(asked_alone(given_case, 10), expected, strict=True):
        assert np.array_equal(alone, together)
