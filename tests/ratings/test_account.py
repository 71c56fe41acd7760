"""What was understood of a source is kept with the ratings."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import recsys
from recsys.errors import ArgumentError
from recsys.ratings.account import Account, Kind, Taken


@pytest.fixture
def account(tmp_path: Path) -> Account:
    file = tmp_path / "plays.csv"
    file.write_text("user,track,rating,when,shop\nann,1,3,10,x\nann,1,0,20,y\nbob,2,5,86400,x\n")
    found = recsys.read_ratings(file, item="track", timestamp="when").account
    assert found is not None
    return found


def test_columns_ranges_and_repeats_are_those_of_the_file(account: Account) -> None:
    assert account.layout == "delimited text"
    assert account.columns == {
        "user": Taken("user", "ann"), "item": Taken("track", "1"), "rating": Taken("rating", "3.0"),
        "timestamp": Taken("when", "10"),
    }  # fmt: skip
    assert account.unused == ("shop",)
    assert (account.n_rows, account.n_repeats, account.n_zeros) == (3, 1, 1)
    assert (account.low, account.high) == (0, 5)
    assert (account.first_time, account.last_time) == ("1970-01-01T00:00:20", "1970-01-02T00:00:00")
    assert account.ids == {"user": "text", "item": "whole numbers"}


def test_it_survives_json(account: Account) -> None:
    saved = json.loads(json.dumps(account.to_dict()))
    assert Account.from_dict(saved) == account
    assert Account.from_dict(saved | {"a key of a later version": 1}) == account


def test_its_lines_say_what_was_taken_for_what(account: Account) -> None:
    lines = dict(account.lines())
    assert lines["columns"] == (
        "user = user (ann), item = track (1), rating = rating (3.0), timestamp = when (10); "
        "not used: shop"
    )
    assert lines["repeats"] == "1 row repeats an earlier user and item; the latest counts"
    assert lines["times"] == "1970-01-01 00:00:20 to 1970-01-02 00:00:00 UTC"
    assert lines["ids"] == "users are text, items are whole numbers"
    assert lines["values"].startswith("ratings")
    assert lines["values"].endswith(", 0 to 5, 1 of them 0")
    assert lines["titles"] == "none found"


def test_lines_stay_short_whatever_the_file_holds() -> None:
    taken = {"user": Taken("the\nname", "x" * 500), "item": Taken("column 2", "7")}
    unused = tuple(f"c{n}" for n in range(300))
    wide = Account("f", "x", taken, unused, dropped={"rating −1": 1, "no item": 2000},
                   kind="ratings")  # fmt: skip
    lines = list(wide.lines())
    columns = dict(lines)["columns"]
    assert len(columns) < 200
    assert columns.startswith("user = the name (xxx")
    assert columns.endswith("c11, and 288 more")
    assert [text for name, text in lines if name == "dropped"] == [
        "1 row: rating −1", "2,000 rows: no item",
    ]  # fmt: skip


def test_a_file_without_ratings_says_so_in_the_first_line(tmp_path: Path) -> None:
    file = tmp_path / "seen.csv"
    file.write_text("user,item,zest\n1,2,9\n2,2,8\n")
    account = recsys.read_ratings(file).account
    assert account is not None
    (_, first), (_, columns), *_ = account.lines()
    assert first == f"{file} (delimited text), 2 rows, no rating column"
    assert columns.endswith("not used: zest; if one has ratings or counts, name it with --column "
                            "rating=NAME")  # fmt: skip


def test_large_whole_numbers_are_written_in_full() -> None:
    read = Account("f", "x", {}, kind="counts", low=3.0, high=1234567890.0)
    assert dict(read.lines())["values"] == "counts, 3 to 1,234,567,890"
    assert dict(replace(read, high=3.0).lines())["values"] == "counts, all 3"


def test_a_table_has_an_account_too() -> None:
    frame = pd.DataFrame({"user_id": [1, 2], "item_id": [3, 4]})
    account = recsys.Ratings.from_frame(frame, rating=None).account
    assert account is not None
    assert (account.source, account.kind, account.low) == ("the table", "seen", None)
    assert dict(account.lines())["values"] == "none: every row is read as seen"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ArgumentError, match="kind must be one of"):
        Account("x", "y", {}, kind="stars")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "name", "noun"),
    [
        ("ratings", "Hours", "rating"),
        ("counts", "Hours", "hours"),
        ("counts", "play_count:float", "play count"),
        ("counts", "plays", "plays"),
        ("counts", "rating", "count"),
        ("counts", "Counts", "count"),
        ("counts", "column 3", "count"),
        ("counts", "how often they listened to it", "count"),
        ("seen", "hours", "value"),
    ],
)
def test_values_are_called_by_their_kind(kind: Kind, name: str, noun: str) -> None:
    account = Account("a.csv", "delimited text", {"rating": Taken(name, "1")}, kind=kind)
    assert account.noun == noun
    assert replace(account, columns={}).noun in ("rating", "count", "value")
    assert replace(account, duplicates="count").noun == ("count" if kind == "counts" else noun)
