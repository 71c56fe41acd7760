"""Recognizes text files without rows of fields by their first lines."""

from __future__ import annotations

import re
from collections.abc import Callable

from recsys.ratings.compressed import first_lines

_LINES = 50  # that are looked at
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"

_Lines = list[str]


def _all(pattern: str) -> Callable[[_Lines], bool]:
    return lambda lines: all(re.fullmatch(pattern, line) for line in lines)


def _first(pattern: str) -> Callable[[_Lines], bool]:
    return lambda lines: re.match(pattern, lines[0], re.I) is not None


def _any(pattern: str) -> Callable[[_Lines], bool]:
    return lambda lines: any(re.match(pattern, line, re.I) for line in lines)


def _is_drawn(lines: _Lines) -> bool:
    rules = [line for line in lines[:3] if re.fullmatch(r"[\s|+:=-]+", line)]
    return any("--" in line and ("|" in line or "+" in line) for line in rules)


_KINDS: tuple[tuple[Callable[[_Lines], bool], str], ...] = (
    (
        _first(r"""\s*(?:\[\s*)?(?:\[?\s*\{\s*(?:(?:u?'[^']*'|u?"[^"]*")\s*:|$)|$)"""),
        "JSON, which layout='json-lines' reads (on the command line --layout json-lines)",
    ),
    (
        _all(rf"\s*{_NUMBER}(?:\s+\d+:{_NUMBER})+\s*(?:#.*)?"),
        "lines of svmlight or libFM (a number, then index:value); write a row per user, item and "
        "value, such as 1,5,3",
    ),
    (
        _is_drawn,
        "a table drawn with lines; write it as CSV or with tabs (psql --csv, mysql --batch)",
    ),
    (
        _first(r"\s*<(?:\?xml\b|!--|\w+[^,;\t<]*>\s*$|(\w+)\b.*</\1>\s*$)"),
        "XML or HTML; write its ratings as CSV",
    ),
    (_any(r"\s*@relation\s"), "an ARFF file of Weka; write its rows as CSV"),
    (
        _any(
            r"insert into\s|create table\s|begin transaction;|copy\s.*\sfrom stdin"
            r"|-- (?:mysql|mariadb|postgresql)"
        ),
        "SQL; load it into a database and read that: sqlite:///FILE or postgresql://...",
    ),
    (_all(r"\s*- +\w+:\s.*|\s+\w+:\s.*|---\s*"), "YAML; write a row per rating as CSV"),
    (
        _all(r"\s*(?:\(.*\)|\[.*\]),?\s*"),
        "lists or tuples in brackets; write the rows without the brackets",
    ),
)
"""What says that lines are of a kind, and what to say then."""


def foreign(file: str) -> str:
    """What a text file without rows of fields is, and what to do; "" for any other file."""
    lines = first_lines(file)[:_LINES]
    return next((what for is_such, what in _KINDS if lines and is_such(lines)), "")
