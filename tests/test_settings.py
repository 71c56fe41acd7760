"""Settings as data: what is declared once is checked, parsed and listed everywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from recsys.errors import ArgumentError
from recsys.settings import Settings, hyper, option, settings_of


@dataclass(frozen=True)
class Oven(Settings):
    heat: float = hyper(180.0, low=0, above=True, high=300, meaning="Degrees.")
    trays: int = hyper(2, low=1, typical=(1, 4), symbol="t", meaning="How many.")
    timer: float | None = hyper(None, low=0, meaning="Minutes; None for no end.")
    mode: str = option("fan", choices=("fan", "grill"), meaning="What blows.")
    light: bool = option(False, meaning="Lamp.")
    names: Sequence[str] = option([], meaning="Of the trays.")
    labels: Mapping[str, str] = option({}, meaning="By tray.")


def test_defaults_are_the_declared_ones() -> None:
    assert Oven().values() == {
        "heat": 180.0, "trays": 2, "timer": None, "mode": "fan", "light": False, "names": [],
        "labels": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("heat", 0), ("heat", 301), ("heat", float("nan")), ("heat", "hot"), ("heat", True),
        ("trays", 0), ("trays", 1.5), ("trays", 10**400), ("trays", None), ("timer", -1),
        ("mode", "gril"), ("light", 1), ("names", "one"), ("labels", ["one"]),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_name(name: str, bad: Any) -> None:
    with pytest.raises(ArgumentError, match=name):
        Oven(**{name: bad})


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'grill'"):
        Oven(mode="gril")
    with pytest.raises(ArgumentError, match="did you mean 'trays'"):
        Oven.parsed({"tray": 1})


def test_numpy_numbers_become_plain_ones() -> None:
    given: dict[str, Any] = {"heat": np.float32(200), "trays": np.int64(3)}
    oven = Oven(**given)
    assert (type(oven.heat), type(oven.trays)) == (float, int)
    assert Oven(trays=3.0) == Oven(trays=3)  # type: ignore[arg-type]


def test_texts_become_values_of_the_right_type() -> None:
    given = {"heat": "200", "trays": "3", "timer": "none", "light": "true"}
    assert Oven.parsed(given) == Oven(heat=200.0, trays=3, timer=None, light=True)


@pytest.mark.parametrize(("name", "text"), [("trays", "3.5"), ("heat", "x"), ("light", "1")])
def test_a_text_that_is_no_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(ArgumentError, match=name):
        Oven.parsed({name: text})


def test_declarations_are_data() -> None:
    by_name = {setting.name: setting for setting in settings_of(Oven)}
    assert by_name["trays"].kind is int
    assert by_name["trays"].typical == (1, 4)
    assert by_name["timer"].optional
    assert by_name["heat"].range == "a number above 0 and at most 300"
    assert by_name["labels"].kind is dict
    assert by_name["names"].kind is list


def test_long_values_are_quoted_in_part() -> None:
    long = "x" * 10_000
    wrong: list[dict[str, Any]] = [
        {"heat": long}, {"light": long}, {"trays": [long]}, {"mode": long}, {"names": long},
        {long: 1},
    ]  # fmt: skip
    for given in wrong:
        with pytest.raises(ArgumentError) as raised:
            Oven.parsed(given)
        assert len(str(raised.value)) < 300
