"""Options derived from declared settings, on a request of this file's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.cli.derive import Given, assignments, comma_separated, options_of, own_first
from recsys.cli.main import Command
from recsys.errors import ArgumentError
from recsys.settings import Settings, option


@dataclass(frozen=True)
class Base(Settings):
    depth: int = option(3, low=0, meaning="How deep.")


@dataclass(frozen=True, kw_only=True)
class Request(Base):
    file: str = option(meaning="File to read.")
    share: float = option(0.5, meaning="Which share.", default_text="a half")
    kind: str = option("a", choices=("a", "b"), meaning="Which kind.")
    word: str | None = option(None, metavar="WORD", meaning="A word.")
    deep: bool = option(False, meaning="Go deep.")
    exclude_seen: bool = option(True, flags=("--exclude-seen/--include-seen",), meaning="No seen.")
    header: bool | None = option(None, meaning="Has a header.")
    names: Sequence[str] = option([], flags=("--name", "-n"), meaning="Names. Repeatable.")
    numbers: Sequence[str] = option([], metavar="N,N,...", meaning="Numbers.")
    table: Mapping[str, Any] = option({}, flags=("--set",), meaning="Values. Repeatable.")


def parsed(*arguments: str, required: bool = True) -> dict[str, Any]:
    """What the command receives for these arguments."""
    received: dict[str, Any] = {}

    @options_of(Request, required=required)
    def command(given: Given, json: bool = False) -> None:
        received.update(given, json=json)

    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(cls=Command)(command)
    typer.main.get_command(app)(list(arguments), standalone_mode=False)
    return received


def test_only_given_options_arrive() -> None:
    assert parsed("f.csv") == {"file": "f.csv", "json": False}
    assert parsed(required=False) == {"json": False}
    with pytest.raises(Exception, match=r"(?i)missing"):
        parsed()


def test_an_option_without_a_default_must_be_given() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Asked(Settings):
        item: str = option(flags=("--item",), meaning="Which item.")

    received: dict[str, Any] = {}

    @options_of(Asked)
    def command(given: Given) -> None:
        received.update(given)

    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(cls=Command)(command)
    run = typer.main.get_command(app)
    with pytest.raises(Exception, match="(?i)missing parameter: item"):
        run([], standalone_mode=False)
    run(["--item", "7"], standalone_mode=False)
    assert received == {"item": "7"}


def test_each_kind_of_setting_has_its_option() -> None:
    found = parsed(
        "f", "--share", "0.2", "--kind", "b", "--word", "w", "--deep", "--include-seen",
        "--no-header", "--name", "x", "-n", "y", "--numbers", "1, 2", "--set", "a=1", "--set",
        "b = 2", "--depth", "4", "--json",
    )  # fmt: skip
    assert found == {
        "file": "f", "share": 0.2, "kind": "b", "word": "w", "deep": True,
        "exclude_seen": False, "header": False, "names": ["x", "y"], "numbers": ["1", "2"],
        "table": {"a": "1", "b": "2"}, "depth": 4, "json": True,
    }  # fmt: skip
    found.pop("json")
    assert Request(**found).depth == 4


def test_help_shows_meaning_choices_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    parsed("--help")
    text = " ".join(capsys.readouterr().out.split())
    for shown in ("Which share. [default: a half]", "[one of: a, b; default: a]", "File to read."):
        assert shown in text


@pytest.mark.parametrize(
    "twice",
    [
        ["--share", "1", "--share", "2"], ["--word=a", "--word", "a"], ["--header", "--no-header"],
        ["--numbers", "1", "--numbers", "2"],
    ],
)  # fmt: skip
def test_an_option_with_one_value_is_refused_twice(twice: list[str]) -> None:
    with pytest.raises(ArgumentError, match="is given twice"):
        parsed("f", *twice)
    assert parsed("f", "--deep", "--deep")["deep"] is True  # a switch that is on is on


def test_own_settings_come_before_inherited_ones() -> None:
    names = [setting.name for setting in own_first(Request)]
    assert (names[0], names[-1]) == ("file", "depth")
    assert len(names) == 11


NAMES = st.text("abcxyz_.0123456789", min_size=1)
VALUES = st.text(min_size=1).map(str.strip).filter(bool)


@given(st.dictionaries(NAMES, VALUES))
@settings(max_examples=200, deadline=None)
def test_assignments_give_back_what_was_written(table: dict[str, str]) -> None:
    assert assignments("--set", [f"{name}={value}" for name, value in table.items()]) == table
    assert assignments("--set", [f" {name} = {value} " for name, value in table.items()]) == table


@given(st.dictionaries(NAMES, VALUES, min_size=1), VALUES, st.randoms())
@settings(max_examples=100, deadline=None)
def test_assignments_refuse_a_name_that_comes_twice(
    table: dict[str, str], value: str, random: Any
) -> None:
    texts = [f"{name}={value}" for name, value in table.items()]
    texts.insert(random.randint(0, len(texts)), f"{random.choice(list(table))}={value}")
    with pytest.raises(ArgumentError, match="twice"):
        assignments("--set", texts)


@pytest.mark.parametrize("text", ["", "a", "=1", "a=", " = "])
def test_bad_assignments_are_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="--set must look like NAME=VALUE"):
        assignments("--set", [text])


@given(st.lists(st.text("abc xyz-0123456789").map(str.strip).filter(bool)))
@settings(max_examples=100, deadline=None)
def test_parts_between_commas_are_found_again(parts: list[str]) -> None:
    assert comma_separated(" , ".join(parts)) == parts


def test_only_columns_may_be_empty() -> None:
    assert assignments("--column", ["timestamp="], empty=True) == {"timestamp": ""}
    with pytest.raises(ArgumentError, match="must look like NAME=VALUE"):
        assignments("--set", ["n_factors="])
