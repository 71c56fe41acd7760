"""Properties of `IdIndex`: external ids and row numbers map to each other, in any order."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import ArgumentError, UnknownIdError
from recsys.ids import IdIndex, as_id_array, numbers_in_text

INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60, unique=True)
LETTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=60, unique=True)
ANY_IDS = INTEGERS | TEXTS


@settings(max_examples=150, deadline=None)
@given(ids=ANY_IDS)
def test_rows_and_ids_are_inverse(ids: list[int] | list[str]) -> None:
    index = IdIndex(ids)
    assert index.ids.tolist() == sorted(ids)
    assert index.ids[index.rows(ids)].tolist() == ids
    assert sorted(index.rows(ids)) == list(range(len(ids)))


@settings(max_examples=100, deadline=None)
@given(ids=ANY_IDS, seed=st.integers(0, 1000))
def test_the_order_of_the_ids_does_not_matter(ids: list[int] | list[str], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(ids))
    shuffled = IdIndex([ids[i] for i in order])
    assert shuffled == IdIndex(ids)
    assert shuffled.rows(ids).tolist() == IdIndex(ids).rows(ids).tolist()


@settings(max_examples=150, deadline=None)
@given(ids=ANY_IDS, others=ANY_IDS)
def test_many_ids_are_found_like_each_alone(
    ids: list[int] | list[str], others: list[int] | list[str]
) -> None:
    """Few ids are bisected, many are hashed: both know which ids are in the index."""
    index = IdIndex(ids)
    spellings = set(map(str, ids))
    for wanted in (others, others * 17):
        found = index.find(wanted).tolist()
        assert found == [int(index.find([one])[0]) for one in wanted]
        assert [row >= 0 for row in found] == [str(one) in spellings for one in wanted]


@settings(max_examples=100, deadline=None)
@given(ids=ANY_IDS)
def test_an_id_survives_the_command_line(ids: list[int] | list[str]) -> None:
    index = IdIndex(ids)
    assert [index.parse(str(one)) for one in ids] == ids


@settings(max_examples=100, deadline=None)
@given(numbers=st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=20))
def test_whole_numbers_are_read_from_text(numbers: list[int]) -> None:
    texts = [str(number) for number in numbers]
    found = numbers_in_text(texts)
    assert found is not None
    assert found.tolist() == numbers
    assert numbers_in_text([f"{text}.0" for text in texts]).tolist() == numbers  # type: ignore[union-attr]
    for other in ("007", "1.5", "one", "", "-0", "+7", "0x10", "7.", " 7", str(2**63)):
        assert numbers_in_text([*texts, other]) is None


def test_an_unknown_id_comes_with_the_most_similar_ones() -> None:
    with pytest.raises(UnknownIdError, match="user 'u3' is not in .* mean 'u03', 'u13', 'u23'"):
        IdIndex([f"u{i:02d}" for i in range(30)], "user").rows(["u3"])
    with pytest.raises(UnknownIdError, match="ids look like 'u00'"):
        IdIndex([f"u{i:02d}" for i in range(30)], "user").rows(["somebody"])
    with pytest.raises(UnknownIdError, match="item 7 is not in the data: 2 item ids, from 3 to 9"):
        IdIndex([3, 9]).row(7)
    with pytest.raises(UnknownIdError, match="2 item ids, whole numbers from 3 to 9"):
        IdIndex([3, 9]).parse("7a")
    with pytest.raises(UnknownIdError, match="which holds no items"):
        IdIndex([]).row(7)


def test_values_that_are_no_ids_do_not_hide_the_others() -> None:
    assert IdIndex([3, 9]).find([9, 1.5, 3]).tolist() == [1, -1, 0]
    column = pd.Series([9, None, 3], dtype="Int64")
    assert IdIndex([3, 9]).find(column).tolist() == [1, -1, 0]
    assert IdIndex(["a"]).find([pd.NA, "a", pd.NaT, None]).tolist() == [-1, 0, -1, -1]
    with pytest.raises(ArgumentError, match="item id <NA> is missing"):
        as_id_array([7, pd.NA])
    with pytest.raises(ArgumentError, match="item ids must be unique: 1 repeat"):
        IdIndex([3, 3])


def test_looking_up_a_few_ids_needs_no_pandas() -> None:
    code = (
        "import sys; from recsys.ids import IdIndex; import recsys.ratings.feedback\n"
        "index = IdIndex(['a', 'b']); index.rows(['b'])\n"
        "sys.exit(bool({'pandas', 'pyarrow', 'rapidfuzz'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_numbers_and_their_spellings_are_the_same_ids() -> None:
    assert IdIndex([3, 7]).find(["7", "007", "7.0", "x", "-0", "+3"]).tolist() == [1] + [-1] * 5
    assert IdIndex(["007", "7", "x"]).find([7, 8]).tolist() == [1, -1]
    assert IdIndex([3, 7]).find([7, "3", "gift-card"]).tolist() == [1, 0, -1]


def test_ids_beyond_int64_and_with_trailing_nul_stay_apart() -> None:
    large = [2**63 + 5, 2**63 + 6]
    for ids in (large, np.array(large, np.uint64)):
        index = IdIndex(ids)
        assert not index.is_integer
        assert index.rows(large).tolist() == [0, 1]
    assert len(IdIndex(["a", "a\0"])) == 2
    assert IdIndex(["a", "a\0"]).rows(["a\0"]).tolist() == [1]
