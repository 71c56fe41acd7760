"""What values mean: ratings, counts, seen, and what stands for "not rated"."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.ratings.account import Account, Kind
from recsys.ratings.readers import read
from recsys.ratings.source import Source
from recsys.ratings.values import distinct, is_scale, kind_by_name, kind_by_values


def of(values: list[float], name: str = "column 3", **options: Any) -> recsys.Ratings:
    """Ratings of these values in one column of this name, each by a user of its own."""
    users = np.arange(len(values))
    frame = pd.DataFrame({"user_id": users, "item_id": users % 3, name: values})
    return recsys.Ratings.from_frame(frame, rating=name, **options)


def account_of(ratings: recsys.Ratings) -> Account:
    assert ratings.account is not None
    return ratings.account


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rating", "ratings"), ("Book-Rating", "ratings"), ("stars", "ratings"),
        ("label:float", "ratings"), ("overall", "ratings"), ("review_score", "ratings"),
        ("play_count", "counts"), ("plays", "counts"), ("weight", "counts"), ("hours", "counts"),
        ("quantity", "counts"), ("num views", "counts"), ("column 3", None), ("x", None),
    ],
)  # fmt: skip
def test_the_name_says_what_a_column_holds(name: str, kind: Kind | None) -> None:
    assert kind_by_name(name) == kind
    for values in ([1.0, 2, 5], [1.0, 2, 500]):
        if kind is not None:
            assert account_of(of(values, name)).kind == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 5, 4, 3], "ratings"),
        ([0.5, 5.0, 4.5], "ratings"),
        ([-10, 10, 9], "ratings"),
        (range(0, 101, 5), "ratings"),
        ([1, 1, 2, 1, 310], "counts"),
        ([0, 0, 7, 1200.5], "counts"),
        ([-3.3, 2.71, 9.9, 4.2], "ratings"),
        ([1, 1, 1], "seen"),
    ],
)
def test_without_a_telling_name_the_values_say_it(values: list[float], kind: Kind) -> None:
    ratings = of(list(map(float, values)))
    assert account_of(ratings).kind == kind
    assert account_of(ratings).why_kind


@settings(max_examples=100, deadline=None)
@given(
    low=st.integers(-50, 50), step=st.sampled_from([0.1, 0.25, 0.5, 1, 2, 20]),
    chosen=st.sets(st.integers(0, 20), min_size=2),
)  # fmt: skip
def test_any_grid_of_at_most_21_points_is_a_scale(low: int, step: float, chosen: set[int]) -> None:
    values = np.array([low + step * k for k in sorted(chosen)], np.float32)
    assert is_scale(values)
    assert kind_by_values(np.repeat(values, 3))[0] == "ratings"
    apart = np.sort(np.append(values, values[0] + 30.5 * step).astype(np.float32))
    assert not is_scale(apart)


def test_distinct_values_stop_at_the_most() -> None:
    values = np.tile(np.arange(7, dtype=np.float32)[::-1], 3)
    found = distinct(values)
    assert found is not None
    assert found.tolist() == list(range(7))
    assert distinct(values, most=6) is None


def test_minus_one_apart_from_the_scale_is_not_rated() -> None:
    """cases/files/04"""
    frame = pd.DataFrame({"user": [1, 1, 2, 2], "item": [2, 3, 3, 2], "rating": [-1, 8, -1, 9]})
    ratings = recsys.read_ratings(frame)
    account = account_of(ratings)
    assert sorted(ratings.matrix.data.tolist()) == [8, 9]
    assert (account.n_rows, account.n_repeats, account.dropped) == (4, 0, {"not rated (-1)": 2})
    assert account.low == 8
    assert "2 values of -1, apart from a scale of 8 to 9" in account.remarks[0]
    kept = recsys.read_ratings(frame, missing=[])
    assert kept.n_ratings == 4
    assert account_of(kept).remarks == ()


@pytest.mark.parametrize(
    "values", [[-1, 1, 1], [-1, 0, 1, 2], [-2, -1, 3, 4], [-1, 1, 3, 5], [-1, 1, 500, 3000]]
)
def test_minus_one_on_the_scale_is_a_rating(values: list[float]) -> None:
    ratings = of(values, "rating")
    assert ratings.n_ratings == len(values)
    assert not account_of(ratings).dropped


def test_returns_are_no_missing_values() -> None:
    assert of([-1, 2, 3], "quantity").n_ratings == 3


def test_missing_values_are_those_that_are_named(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("user,item,rating\n1,1,99\n1,2,4\n2,1,0\n2,2,-1\n")
    ratings = read(Source(str(file), missing=["99", "0"]))  # type: ignore[list-item]
    assert sorted(ratings.matrix.data.tolist()) == [-1, 4]
    assert account_of(ratings).dropped == {"not rated (99)": 1, "not rated (0)": 1}
    assert read(Source(str(file), missing=["none"])).n_ratings == 4  # type: ignore[list-item]
    absent = account_of(recsys.read_ratings(file, missing=[7]))
    assert absent.remarks[0] == "no value is 7, which was to stand for not rated"


def test_99_far_outside_the_scale_and_many_zeros_are_said() -> None:
    jester = of([-9.5, 3.25, 9.8, 99], "rating")
    assert jester.n_ratings == 4
    assert "1 value of 99, far outside the scale of -9.5 to 9.8" in account_of(jester).remarks[0]
    books = of([0, 0, 8, 9], "Book-Rating")
    assert "2 of 4 values are 0; if 0 stands for not rated" in account_of(books).remarks[0]
    assert account_of(of([0, 3, 8, 9], "rating")).remarks == ()
    assert account_of(of([95, 97, 99], "rating")).remarks == ()


EVENTS = pd.DataFrame({"user": ["ann"] * 5 + ["bob"], "item": [1, 1, 1, 2, 2, 1]})


def test_repeated_events_become_counts() -> None:
    """cases/files/11"""
    ratings = recsys.read_ratings(EVENTS)
    account = account_of(ratings)
    assert ratings.matrix.toarray().tolist() == [[3, 2], [1, 0]]
    assert (account.kind, account.n_repeats, account.duplicates) == ("counts", 3, "sum")
    assert ratings.has_values
    once = recsys.read_ratings(EVENTS, duplicates="latest")
    assert (account_of(once).kind, account_of(once).duplicates) == ("seen", "latest")
    assert set(once.matrix.data) == {1.0}
    assert not once.has_values


def test_events_that_do_not_repeat_stay_seen() -> None:
    ratings = recsys.read_ratings(EVENTS.drop_duplicates())
    assert not ratings.has_values
    assert account_of(ratings).kind == "seen"


RETURNS = {"customer": [1, 1, 1, 1, 2, 2], "product": [7, 7, 7, 8, 8, 8]}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("rating", {}, [[-2, 1], [0, -4]]),
        ("rating", {"duplicates": "sum"}, [[22, 1], [0, 0]]),
        ("quantity", {}, [[22, 1], [0, 0]]),
        ("quantity", {"duplicates": "latest"}, [[-2, 1], [0, -4]]),
    ],
)
def test_returns_net_out(name: str, options: Mapping[str, Any], expected: list[Any]) -> None:
    """cases/files/12: 12 + 12 − 2, and a net of 0 that stays seen."""
    frame = pd.DataFrame(RETURNS | {name: [12, 12, -2, 1, 4, -4]})
    ratings = recsys.read_ratings(frame, rating=name, **options)
    assert ratings.matrix.toarray().tolist() == expected
    assert ratings.n_ratings == 3
    assert account_of(ratings).n_repeats == 3
    summed = account_of(ratings).duplicates == "sum"
    assert account_of(ratings).kind == ("counts" if summed or name == "quantity" else "ratings")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(1, 9), st.integers(0, 5)),
        min_size=1, max_size=40,
    ),
    how=st.sampled_from(["sum", "max", "mean", "count", "latest"]),
    timed=st.booleans(),
)  # fmt: skip
def test_repeats_are_resolved_like_a_loop(
    rows: list[tuple[int, int, int, int]], how: str, timed: bool
) -> None:
    """Twin: a dictionary of lists, in order of time, then of position."""
    columns = ["user_id", "item_id", "rating", "time"]
    frame = pd.DataFrame(rows, columns=columns)
    ratings = recsys.Ratings.from_frame(
        frame,
        timestamp="time" if timed else None,
        duplicates=how,  # type: ignore[arg-type]
    )
    groups: dict[tuple[int, int], list[int]] = {}
    for user, item, value, _ in sorted(rows, key=lambda row: row[3]) if timed else rows:
        groups.setdefault((user, item), []).append(value)
    rules: dict[str, Any] = {"sum": sum, "max": max, "count": len, "latest": lambda v: v[-1],
             "mean": lambda v: np.float32(sum(v) / len(v))}  # fmt: skip
    found = {(row.user, row.item): row.rating for row in ratings.to_frame().itertuples()}
    assert found == {pair: rules[how](values) for pair, values in groups.items()}
    assert account_of(ratings).n_repeats == len(rows) - len(groups)


def test_a_column_of_books_is_read_as_ratings(tmp_path: Path) -> None:
    """cases/scripts/05, once the column is named"""
    file = tmp_path / "r.csv"
    file.write_text('"User-ID";"Book-ID";"Book-Rating"\n1;10;2\n1;11;9\n2;10;3\n2;12;10\n')
    ratings = recsys.read_ratings(file, rating="Book-Rating")
    assert account_of(ratings).kind == "ratings"
    assert recsys.ExplicitALS(1).fit(ratings).predict(1, 10)[0] < 5


def test_files_of_events_and_of_purchases_with_returns(tmp_path: Path) -> None:
    """cases/files/11 and 12 as they are."""
    events = tmp_path / "events.tsv"
    rows = ["ann\t1\t2020-01-01"] * 8 + ["ann\t2\t2020-01-02", "bob\t1\t2020-01-01"]
    events.write_text("user_id\ttrack_id\ttimestamp\n" + "\n".join([*rows, rows[-1]]) + "\n")
    ratings = recsys.read_ratings(events)
    assert ratings.matrix.toarray().tolist() == [[8, 1], [2, 0]]
    account = account_of(ratings)
    assert (account.n_rows, account.n_repeats, account.kind) == (11, 8, "counts")
    returns = tmp_path / "returns.csv"
    returns.write_text("customer_id,product_id,rating\n1,7,12\n1,7,12\n1,7,-2\n1,8,1\n2,8,3\n")
    latest, summed = (recsys.read_ratings(returns, duplicates=how) for how in (None, "sum"))
    assert latest.matrix.toarray().tolist() == [[-2, 1], [0, 3]]
    assert (account_of(latest).n_repeats, account_of(latest).duplicates) == (2, "latest")
    assert summed.matrix.toarray().tolist() == [[22, 1], [0, 3]]


def test_what_is_returned_is_seen_and_not_liked() -> None:
    """A net of 0 or less is not recommended again, and is no like in training."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((30, 12)) < 0.4)
    bought = pd.DataFrame({"user": users, "item": items, "quantity": 2.0})
    back = bought.iloc[::5].assign(quantity=-2.0)
    with_returns = recsys.read_ratings(pd.concat([bought, back]), rating="quantity")
    kept = bought.drop(bought.index[::5])
    zeros = with_returns.matrix.data == 0
    assert zeros.sum() == len(back)
    assert recsys.Feedback().liked(with_returns).nnz == len(kept)
    model = recsys.train(recsys.ImplicitALS(4, n_epochs=3), with_returns)
    user, item = back[["user", "item"]].iloc[0].tolist()
    assert item not in model.recommend(user, 12)["item"].tolist()
    row = with_returns.users.row(user)
    own = with_returns.matrix[row]
    assert model.factors.spec.weights_and_targets(own)[1][own.data == 0].tolist() == [0] * int(
        (own.data == 0).sum()
    )


@pytest.mark.parametrize("code", [-9, -99, -999, -9999, 255, 999, 9999])
def test_codes_for_not_rated_are_said(code: int) -> None:
    for name, others, n in (
        ("rating", [1, 3, 2.5], 1), ("x", [1, 3, 2], 1), ("plays", [1, 3, 2], 0),
        ("rating", [1, 3, 4.43], 0), ("rating", [-1.5, 3, 2], int(code > 0)),
        ("rating", [1, 100, 50.5], int(code < 0 or code > 400)),
    ):  # fmt: skip
        said = f"1 value of {code}, far outside the scale of"
        remarks = account_of(of([*others, code], name)).remarks
        assert len([one for one in remarks if said in one]) == n
