"""The search behind rankings and similar items, by vectors and by scores."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import random_csr

import recsys
from recsys import Ratings
from recsys.recommend.index import ExactIndex, index_of, top_of_scores


def whole_numbers(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    """Small whole numbers, so that scores are exact in float32 and ties are common."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_items=st.integers(1, 40),
    width=st.integers(0, 6),
    k=st.integers(1, 50),
    share=st.floats(0, 1),
)
def test_vectors_are_found_like_scores_are_sorted(
    seed: int, n_items: int, width: int, k: int, share: float
) -> None:
    vectors, queries = whole_numbers(seed, n_items, width), whole_numbers(seed + 1, 5, width)
    bias = whole_numbers(seed + 2, n_items)
    rng = np.random.default_rng(seed)
    candidates = np.flatnonzero(rng.random(n_items) < share)
    excluded = random_csr(5, n_items, 0.3, rng)
    rows, scores = ExactIndex(vectors, bias).search(queries, k, excluded, candidates)
    full = queries @ vectors.T + bias
    full[excluded.toarray() > 0] = -np.inf
    full[:, np.setdiff1d(np.arange(n_items), candidates)] = -np.inf
    expected_rows, expected_scores = top_of_scores(full, k)
    assert np.array_equal(rows, expected_rows)
    assert np.array_equal(scores, expected_scores, equal_nan=True)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n_columns=st.integers(1, 30), k=st.integers(1, 40))
def test_the_highest_scores_are_those_of_a_stable_sort(seed: int, n_columns: int, k: int) -> None:
    scores = whole_numbers(seed, 6, n_columns)
    scores[scores == -3] = -np.inf
    found, values = top_of_scores(scores, k)
    for row in range(6):
        order = [i for i in np.argsort(-scores[row], kind="stable") if scores[row, i] > -np.inf][:k]
        assert found[row][: len(order)].tolist() == order
        assert (found[row][len(order) :] == -1).all()
        assert np.array_equal(values[row][: len(order)], scores[row][order])


@pytest.mark.parametrize("spec", [recsys.EASE(5.0), recsys.ItemKNN(10), recsys.ImplicitALS(4)])
def test_every_fit_is_searched_like_its_scores(spec: object, random_ratings: Ratings) -> None:
    fitted = spec.fit(random_ratings)  # type: ignore[attr-defined]
    users = np.array([0, 3, 7])
    history = random_ratings.matrix[users]
    people = fitted.people(users, history)
    queries, offsets = fitted.queries(people)
    rows, scores = index_of(fitted).search(queries, 6, history)
    full = fitted.scores(people)
    full[history.toarray() != 0] = -np.inf
    expected_rows, expected_scores = top_of_scores(full, 6)
    assert np.array_equal(rows, expected_rows)
    assert np.allclose(scores + offsets[:, None], expected_scores, rtol=1e-5)


def test_candidates_between_two_searches_do_not_change_the_answer() -> None:
    index, query = ExactIndex(whole_numbers(0, 30, 4)), whole_numbers(1, 1, 4)
    first = index.search(query, 5)
    some = index.search(query, 5, candidates=np.arange(3))
    assert set(some[0][0]) <= {0, 1, 2, -1}
    assert np.array_equal(index.search(query, 5)[0], first[0])
    assert np.array_equal(index.search(query, 5, candidates=np.arange(3))[0], some[0])


def test_questions_one_at_a_time_get_the_answers_of_all_together() -> None:
    # From the second on they go through the screen of the index.
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 20)).astype(np.float32)
    queries = rng.normal(size=(30, 20)).astype(np.float32)
    excluded = random_csr(30, 3000, 0.05, rng)
    index, candidates = ExactIndex(vectors, vectors[:, 0].copy()), np.arange(0, 3000, 2)
    for allowed in (None, candidates):
        rows, scores = index.search(queries, 10, excluded, allowed)
        for at, query in enumerate(queries):
            alone = index.search(query[None], 10, excluded[[at]], allowed)
            assert np.array_equal(alone[0][0], rows[at])
            assert np.array_equal(alone[1][0], scores[at])
