"""The doctor: every finding on data that has it, and none on data that has not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.findings import Finding
from recsys.ratings import doctor
from recsys.ratings.ratings import Ratings

NOW = 1.7e9


def table(**columns: object) -> pd.DataFrame:
    """40 users who rated about half of 20 items, 1 to 5, with some columns replaced."""
    rng = np.random.default_rng(0)
    pairs = [(u, i) for u in range(40) for i in range(20) if rng.random() < 0.4]
    frame = pd.DataFrame(pairs, columns=["user_id", "item_id"])
    frame["rating"] = 1.0 + np.arange(len(frame)) % 5
    return frame.assign(**columns)  # type: ignore[arg-type]


def found(frame: pd.DataFrame, held_out: pd.DataFrame | None = None) -> dict[str, Finding]:
    when = "when" if "when" in frame else None
    ratings = recsys.Ratings.from_frame(frame, timestamp=when)
    test = None if held_out is None else recsys.Ratings.from_frame(held_out)
    return {one.code: one for one in doctor.examine(ratings, test, NOW)}


def test_nothing_is_odd_about_plain_ratings() -> None:
    n = len(table())
    assert found(table(when=1e9 + np.arange(n))) == {}


def test_repeats_are_a_warning_where_events_are_lost() -> None:
    frame = pd.concat([table(), table().head(3)])
    assert found(frame)["D001"].level == "note"
    assert f"3 of {len(frame)} rows repeat" in found(frame)["D001"].text
    ratings = recsys.Ratings.from_frame(pd.concat([table()] * 2), rating=None)
    one = next(one for one in doctor.examine(ratings, now=NOW) if one.code == "D001")
    assert ratings.account is not None
    assert one.level == ("warning" if ratings.account.duplicates == "latest" else "note")
    assert "--duplicates" in one.remedy


def test_one_text_among_numbers_is_named() -> None:
    frame = table().astype({"item_id": str})
    frame.loc[frame["item_id"] == "7", "item_id"] = "gift-card"
    said = found(frame)["D002"]
    assert said.text.startswith("19 of 20 item ids are whole numbers")
    assert "'gift-card'" in said.remedy
    assert "D002" not in found(table().assign(item_id="i" + table()["item_id"].astype(str)))


def test_gaps_between_ids() -> None:
    said = found(table(item_id=table()["item_id"] * 1000 + 5))["D003"]
    assert said.text == "20 item ids run from 5 to 19005"


def test_single_ratings() -> None:
    extra = pd.DataFrame({"user_id": range(100, 160), "item_id": range(60), "rating": 3.0})
    codes = found(pd.concat([table(), extra]))
    assert codes["D004"].text.startswith("60 of 100 users (60%)")
    assert codes["D005"].text.startswith("40 of 60 items (67%)")
    alone = found(extra)
    assert alone["D014"].level == "error"
    assert "D004" not in alone


@pytest.mark.parametrize(
    ("odd", "scale"),
    [(-2.0, "from 1 to 5"), (99.0, "from 1 to 5"), (999.0, "from 1 to 5"), (-99.0, "from 1 to 5")],
)
def test_a_value_apart_from_the_scale(odd: float, scale: str) -> None:
    rating = table()["rating"].to_numpy().copy()
    rating[::50] = odd
    said = found(table(rating=rating))["D006"]
    assert f"of {odd:g}" in said.text
    assert scale in said.text
    assert said.remedy.endswith(f"--missing {odd:g}")


def test_minus_one_is_a_finding_whether_it_was_left_out_or_not() -> None:
    rating = table()["rating"].to_numpy().copy()
    rating[::50] = -1
    codes = found(table(rating=rating))
    text = codes["D006" if "D006" in codes else "D015"].text
    assert "-1" in text


def test_zeros_are_apart_only_where_there_are_many() -> None:
    rating = table()["rating"].to_numpy().copy()
    rating[::25] = 0
    assert "D006" not in found(table(rating=rating))
    rating[::2] = 0
    assert "ratings of 0 (5" in found(table(rating=rating))["D006"].text


@given(st.integers(2, 10), st.sampled_from([0.5, 1.0, 2.0]), st.integers(-3, 3))
@settings(max_examples=40, deadline=None)
def test_an_even_scale_has_nothing_apart(n: int, step: float, low: int) -> None:
    # A scale that begins below zero has several values there, unless its -1 is all there is.
    scale = max(low, 1 - n) * step + step * np.arange(n)
    if (scale < 0).sum() == 1 or scale[0] == 0:
        scale = scale - scale[0] + step
    rating = scale[np.arange(len(table())) % n]
    assert "D006" not in found(table(rating=rating))


@given(st.integers(4, 10), st.sampled_from([-5.0, 99.0, -99.0, 1000.0]))
@settings(max_examples=40, deadline=None)
def test_a_planted_value_is_the_only_one_found(n: int, odd: float) -> None:
    rating = 1.0 + np.arange(len(table())) % n
    rating[:3] = odd
    found_apart = [
        one.text for one in doctor.apart(recsys.Ratings.from_frame(table(rating=rating)))
    ]
    assert len(found_apart) == 1
    assert found_apart[0].startswith(f"3 ratings of {odd:g} ")


def test_ratings_that_are_all_equal() -> None:
    assert "every rating is 4" in found(table(rating=4.0))["D007"].text


def test_times() -> None:
    n = len(table())
    assert "D008" in found(table(when=NOW + 1e6 + np.arange(n)))
    said = found(table(when=157_680_000 + np.arange(n) % 3))["D009"]
    assert "from 1974-12-31 00:00:00" in said.text
    assert "D010" in found(table(when=1e9))
    assert not {"D008", "D009", "D010"} & set(found(table(when=1e9 + np.arange(n))))


def of_kind(kind: str, rating: np.ndarray) -> dict[str, Finding]:
    ratings = recsys.Ratings.from_frame(table(rating=rating))
    assert ratings.account is not None
    ratings = replace(ratings, account=replace(ratings.account, kind=kind))  # type: ignore[arg-type]
    return {one.code: one for one in doctor.examine(ratings, now=NOW)}


def test_counts_read_as_ratings_and_the_other_way_round() -> None:
    n = len(table())
    counts = np.floor(np.exp(np.linspace(0, 9, n)))
    assert "look like counts" in of_kind("ratings", counts)["D011"].text
    assert "may be ratings" in of_kind("counts", 1.0 + np.arange(n) % 5)["D011"].text
    assert "D011" not in of_kind("counts", counts)
    assert "D011" not in of_kind("ratings", 1.0 + np.arange(n) % 5)


def test_a_heavy_head() -> None:
    users = np.arange(300)
    popular = pd.DataFrame({"user_id": users, "item_id": 0, "rating": 3.0})
    rest = pd.DataFrame({"user_id": users, "item_id": 1 + users % 120, "rating": 3.0})
    assert (
        "the 1 item with the most ratings (1 %) have 50%"
        in found(pd.concat([popular, rest]))["D012"].text
    )


def test_full_and_thin_tables() -> None:
    users, items = np.divmod(np.arange(200), 10)
    full = pd.DataFrame({"user_id": users, "item_id": items, "rating": 1.0 + items % 5})
    assert found(full)["D013"].text.startswith("100% of all pairs")
    assert "--missing" not in found(full)["D013"].remedy
    zeros = full.assign(rating=full["rating"] - 1)
    assert "--missing 0" in found(zeros)["D013"].remedy
    thin = pd.DataFrame({"user_id": np.arange(200) // 2, "item_id": np.arange(200) % 50})
    assert (
        "2.0 ratings on average"
        in found(thin.assign(rating=1.0 + thin["item_id"] % 5))["D013"].text
    )


def test_rows_left_out_are_counted() -> None:
    ratings = recsys.Ratings.from_frame(table())
    assert ratings.account is not None
    few = replace(ratings.account, n_rows=1000, dropped={"rating −1": 7, "no user": 2})
    said = next(doctor.left_out(replace(ratings, account=few)))
    assert (said.level, said.text) == ("note", "9 rows left out: rating −1 (7), no user (2)")
    many = replace(few, dropped={"rating −1": 70})
    assert next(doctor.left_out(replace(ratings, account=many))).level == "warning"


@given(st.integers(0, 60), st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_leak_is_counted_whatever_the_kind_of_ids(n: int, as_text: bool) -> None:
    frame = table()
    fresh = pd.DataFrame({"user_id": 1, "item_id": [101, 102], "rating": 2.0})
    test = pd.concat([frame.sample(n, random_state=n), fresh])
    if as_text:
        test = test.astype({"user_id": str, "item_id": str})
    said = found(frame, test)
    assert ("D016" in said) == (n > 0)
    if n:
        assert said["D016"].text.startswith(f"{n} of the {n + 2} held-out ratings")


def test_held_out_ratings_of_other_items() -> None:
    other = table().assign(item_id="B" + table()["item_id"].astype(str))
    said = found(table(), other)["D017"]
    assert said.level == "error"
    assert "item ids are text ('0', '1', '10', ...) in the ratings" in said.text


def test_ratings_without_an_account_are_examined(sample: Ratings) -> None:
    bare = replace(sample, account=None)
    assert {one.code for one in doctor.examine(bare, bare)} >= {"D016"}
