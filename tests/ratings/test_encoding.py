"""Ids become row numbers."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import TEXT_IDS

from recsys.errors import DataError
from recsys.ratings.encoding import encode, encode_integers


def test_ids_in_pieces_with_wide_and_narrow_ranges() -> None:
    rng = np.random.default_rng(0)
    for high in (1000, 10**15):
        ids = rng.integers(-high, high, 5000)
        index, codes = encode_integers([ids[:10], ids[10:10], ids[10:]], "user")
        unique, inverse = np.unique(ids, return_inverse=True)
        assert np.array_equal(index.ids, unique)
        assert np.array_equal(codes, inverse)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(-9, 9) | st.integers(-(2**62), 2**62), max_size=8),
        min_size=1,
        max_size=4,
    ).filter(any)
)
def test_whole_numbers_in_pieces_are_ranked_as_numpy_ranks_them(pieces: list[list[int]]) -> None:
    chunks = [np.array(piece, np.int64) for piece in pieces]
    index, codes = encode_integers(chunks, "user")
    unique, inverse = np.unique(np.concatenate(chunks), return_inverse=True)
    assert index.ids.tolist() == unique.tolist()
    assert codes.tolist() == inverse.tolist()
    assert codes.dtype == np.int32


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT_IDS, min_size=1, max_size=20), st.booleans())
def test_texts_are_ranked_in_increasing_order(ids: list[str], from_arrow: bool) -> None:
    column = pa.chunked_array([pa.array(ids)]) if from_arrow else np.array(ids, object)
    index, codes = encode(column, "user", "a table")
    assert index.ids.tolist() == sorted(set(ids))
    assert [index.ids[code] for code in codes] == ids


def test_whole_floats_in_text_are_whole_numbers_and_bad_ids_are_named() -> None:
    index, codes = encode(pa.chunked_array([pa.array(["7.0", "10", "7"])]), "user", "a table")
    assert index.ids.tolist() == [7, 10]
    assert codes.tolist() == [0, 1, 0]
    with pytest.raises(DataError, match=r"a table: item id 1\.5 is not a whole number"):
        encode(np.array([1.5, 2.0]), "item", "a table")
    with pytest.raises(DataError, match="a table: user id '' is missing"):
        encode(pa.chunked_array([pa.array(["a", ""])]), "user", "a table")
