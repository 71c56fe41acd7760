"""From a condition to the items that meet it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from recsys.recommend.filters.columns import Column, Flags, ItemColumns
from recsys.recommend.filters.language import Both, Comparison, Condition, Not, fail, parse
from recsys.settings import near
from recsys.visible import brief

_ORDERS: Mapping[str, Callable[..., Flags]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
    "=": np.equal, "!=": np.not_equal,
}  # fmt: skip


def mask(text: str, columns: ItemColumns) -> Flags:
    """(n,) which items meet a condition.

    A comparison with a missing value is false, whatever the comparison. Texts are compared without
    regard to case; `has` asks for one of the values that a text lists, `contains` for a part of it.

    >>> from recsys.recommend.items import ItemTable
    >>> import pandas as pd
    >>> films = pd.DataFrame({"year": [1994, 2001], "genres": ["Comedy|War", "War"]})
    >>> mask("genres has 'comedy' or year > 2000", ItemColumns(ItemTable.of(films))).tolist()
    [True, True]

    Raises:
        ArgumentError: the condition cannot be read, has a column that is not there, or compares a
            column with what it does not hold; points at the character.
    """
    return _mask(parse(text), columns, text)


def hint(text: str, columns: ItemColumns) -> str:
    """Which text of a condition no item has, where that is so; "" otherwise."""
    for test in _tests(parse(text)):
        column = columns[test.column]
        if test.how in ("has", "=", "in") and column.numbers is None:
            known = set().union(*column.parts) if test.how == "has" else set(column.texts)
            for value in test.values:
                if str(value).casefold() not in known:
                    said = "has" if test.how == "has" else "is"
                    close = near(str(value).casefold(), sorted(known))
                    return f"no item's {test.column} {said} {brief(value)}{close}"
    return ""


def _tests(condition: Condition) -> list[Comparison]:
    if isinstance(condition, Comparison):
        return [condition]
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    return [test for part in parts for test in _tests(part)]


def _mask(condition: Condition, columns: ItemColumns, text: str) -> Flags:
    if isinstance(condition, Comparison):
        return _tested(condition, columns, text)
    if isinstance(condition, Not):
        return ~_mask(condition.part, columns, text)
    both = np.logical_and if isinstance(condition, Both) else np.logical_or
    return np.asarray(both.reduce([_mask(part, columns, text) for part in condition.parts]))


def _tested(test: Comparison, columns: ItemColumns, text: str) -> Flags:
    if test.column not in columns.names:
        said = f"the items have no column {brief(test.column)}{near(test.column, columns.names)}"
        fail(text, test.at, f"{said}; they have {', '.join(columns.names)}")
    column = columns[test.column]
    if test.how == "missing":
        return column.missing
    if test.how in ("has", "contains"):
        return _listed(test, column, text)
    if column.numbers is None:
        return _of_texts(test, column, text)
    if any(isinstance(value, str) for value in test.values):
        fail(text, test.value_at, f"{test.column} is a number; compare it with one")
    if test.how == "in":
        return np.isin(column.numbers, np.array(test.values, np.float64))
    return np.asarray(_ORDERS[test.how](column.numbers, test.values[0]) & ~column.missing)


def _listed(test: Comparison, column: Column, text: str) -> Flags:
    if column.numbers is not None:
        fail(text, test.at, f"{test.column} is a number, and {test.how} is for texts; use = or <")
    wanted = str(test.values[0]).casefold()
    if not isinstance(test.values[0], str):
        fail(text, test.value_at, f"{test.how} needs a text in quotes")
    if test.how == "has":
        return column.where([wanted in parts for parts in column.parts])
    return column.where([wanted in one for one in column.texts])


def _of_texts(test: Comparison, column: Column, text: str) -> Flags:
    if test.how not in ("=", "!=", "in"):
        fail(text, test.at, f"{test.column} is a text; use =, !=, in, has or contains")
    wanted = {str(value).casefold() for value in test.values}
    if not all(isinstance(value, str) for value in test.values):
        fail(text, test.value_at, f"{test.column} is a text; write the value in quotes")
    same = [one in wanted for one in column.texts]
    return column.where([not one for one in same] if test.how == "!=" else same)
