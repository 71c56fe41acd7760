"""Numbers are written with the decimals that their intervals warrant, and no more."""

import math

from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation.result.wording import decimals, fixed, plural, signed

HALVES = st.floats(1e-6, 1e6)


@given(HALVES)
def test_half_the_interval_has_one_or_two_digits(half: float) -> None:
    shown = f"{half:.{decimals([half])}f}"
    digits = shown.replace(".", "").lstrip("0")
    # Above 36, whole numbers keep all their digits.
    assert len(digits) <= 2 or (half > 35 and "." not in shown)
    assert digits
    assert abs(float(shown) - half) <= 0.15 * half  # what is left out is small


@given(st.lists(HALVES, min_size=1, max_size=9))
def test_a_column_follows_its_middle_interval(halves: list[float]) -> None:
    among = sorted({decimals([half]) for half in halves})
    assert among[0] <= decimals(halves) <= among[-1]
    assert decimals([*halves, math.nan, math.inf, 0.0]) == decimals(halves)


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_what_is_written_is_the_number_rounded(value: float, places: int) -> None:
    for text in (fixed(value, places), signed(value, places)):
        number = float(text.replace("−", "-").replace(",", ""))
        assert abs(number - value) <= 0.51 * 10**-places
        assert "-" not in text
        assert len(text.partition(".")[2]) == places
    assert signed(value, places).startswith("+") == (round(value, places) > 0)


def test_more_than_one() -> None:
    assert [plural(noun) for noun in ("rating", "plays", "frequency", "count")] == [
        "ratings", "plays", "frequencies", "counts",
    ]  # fmt: skip
