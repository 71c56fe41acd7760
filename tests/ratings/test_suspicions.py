"""What may be a mistake in a file is said with what was understood of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import recsys


def remarks_on(frame: pd.DataFrame, file: Path) -> list[str]:
    """The remarks of the account on a CSV file with these rows."""
    frame.to_csv(file, index=False)
    account = recsys.read_ratings(file).account
    assert account is not None
    return list(account.remarks)


@pytest.mark.parametrize("of", ["item", "user"])
def test_values_that_belong_to_items_or_users_are_remarked_on(of: str, tmp_path: Path) -> None:
    pairs = pd.DataFrame([(u, i) for u in range(12) for i in range(10)], columns=["user", "item"])
    own = pairs.assign(rating=1 + pairs[of] % 5)
    said = [one for one in remarks_on(own, tmp_path / "r.csv") if "all values of" in one]
    assert len(said) == 1
    assert f"all values of each {of} are equal, so 'rating' seems to describe the {of}" in said[0]
    # Not where one differs, all are equal, none repeats, or hardly any is not the usual value.
    values = own["rating"].to_numpy().copy()
    values[100] += 1
    alone = pairs.drop_duplicates(of).assign(rating=range(pairs[of].nunique()))
    few = pairs.assign(rating=np.where(pairs[of] == 3, 2.0, 1.0))
    for frame in (pairs.assign(rating=values), pairs.assign(rating=3.0), alone, few):
        assert not [one for one in remarks_on(frame, tmp_path / "r.csv") if "all values of" in one]


@pytest.mark.parametrize(
    ("name", "what"),
    [("NULL", "a missing id"), ("\\N", "a missing id"), ("Total", "a row or column of sums")],
)
def test_ids_that_may_be_none_are_remarked_on(name: str, what: str, tmp_path: Path) -> None:
    for role in ("user", "item"):
        frame = pd.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "x"], "rating": 4})
        assert not remarks_on(frame, tmp_path / "r.csv")
        frame.loc[:1, role] = name
        frame.loc[:1, "item" if role == "user" else "user"] = ["p", "q"]
        (said,) = remarks_on(frame, tmp_path / "r.csv")
        other = "item" if role == "user" else "user"
        assert said.startswith(f"the {role} {name!r} has 2 {other}s; if it stands for {what}")


def test_a_title_that_may_not_be_the_item_is_remarked_on(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": [1, 2], "title": ["Great", "Great"], "stars": [5, 1]})
    assert not remarks_on(frame, tmp_path / "r.csv")
    (said,) = remarks_on(frame.assign(restaurant_id=[10, 11]), tmp_path / "r.csv")
    assert "items are identified by 'title'" in said
    assert "if 'restaurant_id' identifies the item, use --column item=NAME" in said


def said_of(frame: pd.DataFrame) -> tuple[str, ...]:
    time = "time" if "time" in frame else None
    account = recsys.Ratings.from_frame(frame, timestamp=time).account
    assert account is not None
    return account.remarks


def test_ids_and_times_that_stand_for_nothing_are_said() -> None:
    rows = {"user_id": [-1, 1, 2], "item_id": [5, 5, 6], "rating": [1.0, 2.0, 3.0]}
    assert any("the user -1 is the only one below 0" in one for one in said_of(pd.DataFrame(rows)))
    rows["user_id"] = [-2, -1, 2]
    assert not any("below 0" in one for one in said_of(pd.DataFrame(rows)))
    timed = pd.DataFrame({**rows, "time": [0.0, 1.1e9, 1.2e9]})
    assert "1 rating with a time of 0 or below, before all others" in said_of(timed)
    text = pd.DataFrame({**rows, "user_id": ["NA", "a", "b"]})
    assert any("the user 'NA' has 1 item" in one for one in said_of(text))
    rounded = pd.DataFrame({**rows, "item_id": ["9.78E+12", "a", "b"]})
    assert any("9.78E+12 is a long number that a spreadsheet" in one for one in said_of(rounded))


def test_times_taken_for_ratings_are_said() -> None:
    rows = {"user_id": [1, 1, 2], "item_id": [5, 6, 5], "rating": [1.5e9, 1.6e9, 1.7e9]}
    assert any("above 1e8, as times are" in one for one in said_of(pd.DataFrame(rows)))


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["007", "7", "x"], "1 {} id may be a second spelling of another, such as '007' and"),
        (["1", "+1", "2", "2.0"], "2 {} ids may be a second spelling of another, such as '"),
        (["12.0", "13.0", "x"], "{} ids such as '12.0' are read as text; if pandas made"),
        (["ann b", "ann  b"], "1 {} id may be a second spelling of another, such as 'ann  b'"),
        (["\u200b1", "1"], "1 {} id may be a second spelling of another, such as '\\u200b1'"),
        (["Jos\u00e9", "Jose\u0301"], "1 {} id may be a second spelling of another, such as"),
        (["Jos\u00e9", "\u05d0\u05b8", "ann  b"], ""), (["Ann", "ann"], ""),
        (["12", "13", "x"], ""), (["007", "008", "x"], ""), (["7.5", "2", "x"], ""),
        (["2.0", *(f"film {n}" for n in range(40))], ""), (["1.0", "2.0"], ""),
    ],
)  # fmt: skip
def test_ids_that_may_be_one_are_remarked_on(ids: list[str], said: str, tmp_path: Path) -> None:
    for role, other in (("user", "item"), ("item", "user")):
        rows = "".join(f"{one},{n},{n % 5}\n" for n, one in enumerate(ids))
        (tmp_path / "r.csv").write_text(f"{role},{other},rating\n{rows}")
        account = recsys.read_ratings(tmp_path / "r.csv").account
        assert account is not None
        found = [one for one in account.remarks if "second spelling" in one or "as text; if" in one]
        assert [one.startswith(said.format(role)) for one in found] == [True] * bool(said)


def test_numbers_of_rows_that_may_be_taken_for_users_are_remarked_on(tmp_path: Path) -> None:
    rows = [(n // 4, n % 7, 1 + n % 5) for n in range(40)]
    for start, n_said in ((0, 1), (1, 1), (100, 0)):
        numbered = "".join(f"{start + n},{u},{i},{r}\n" for n, (u, i, r) in enumerate(rows))
        (tmp_path / "r.csv").write_text(numbered)
        account = recsys.read_ratings(tmp_path / "r.csv").account
        assert account is not None
        said = f"the ids are {start} to {start + 39}: if 'column 1' numbers the rows"
        assert len([one for one in account.remarks if said in one]) == n_said


def test_years_taken_for_ratings_are_said() -> None:
    for values, n in (([2001.0, 2003.0], 1), ([2001.5, 2003.0], 0), ([2000.0, 2000.0], 0)):
        rows = pd.DataFrame({"user_id": [1, 2], "item_id": [5, 6], "rating": values})
        assert len([one for one in said_of(rows) if "as years are" in one]) == n
