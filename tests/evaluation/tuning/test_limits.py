import pytest

from recsys.errors import ArgumentError
from recsys.evaluation.tuning.limits import seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("90s", 90), (" 10M ", 600), ("0.5h", 1800), (7, 7)]
)
def test_a_budget_is_a_time(text: str | float, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "m", "ten", "10w", "-1", "0s", "nan", "inf", "1m30s", "5mm"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"budget must be a time such as 90s, 10m or 2h, not"):
        seconds(text)
