import pytest

from recsys.errors import ArgumentError
from recsys.evaluation.gate.margin import Margin


def test_a_margin_is_a_share_or_a_number() -> None:
    assert Margin.parse(" 10% ").of(0.3) == pytest.approx(0.03)
    assert Margin.parse("0.02").of(0.3) == 0.02
    assert Margin.parse("0").of(0.3) == 0
    assert str(Margin.parse("2.5%")) == "2.5 % of current"
    assert str(Margin.parse("0.02")) == "0.02"


def test_a_margin_that_lets_everything_through_is_refused() -> None:
    for text in ("5", "0.3283"):
        with pytest.raises(
            ArgumentError, match="would accept any candidate, because the model in service has"
        ):
            Margin.parse(text).of(0.3283)
    assert Margin.parse("0.02").of(0) == 0.02


@pytest.mark.parametrize(
    "text", ["", "five", "-1%", "-0.1", "100%", "5%%", "nan", "inf", "5 % off"]
)
def test_anything_else_is_named(text: str) -> None:
    with pytest.raises(ArgumentError, match="margin must be a share such as 5%"):
        Margin.parse(text)
