"""The objects in a JSON file: one per line, or in a list, alone or in a document.

Lines may also be dictionaries as Python prints them, as in the dumps of Steam and Amazon.
"""

from __future__ import annotations

import ast
import io
import json
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from recsys.errors import DataError
from recsys.ratings.columns import RECOGNIZED, few, first_line, plain
from recsys.ratings.compressed import opened

Row = tuple[int, dict[str, Any]]
"""Number of the line in which an object begins, from 1, and the object."""

PRINTED = "lines are dictionaries as Python prints them"

_BLANKS = re.compile(r"[ \t\r\n]*")
_BY_COLUMN = (
    "holds columns instead of rows, as pandas writes them; write a row per rating, in pandas with "
    "to_json(FILE, orient='records', lines=True)"
)
_BY_LINE = "; write each object on one line, such as with jq -c . FILE"


def objects(file: str, remarks: list[str] | None = None) -> Iterator[Row]:
    """The objects in a file, each with the number of its line.

    Args:
        file: where it is.
        remarks: gets what else a person should know.

    Raises:
        DataError: the file cannot be read, or a line is not an object.
    """
    number, parse, remarks = 0, None, [] if remarks is None else remarks
    try:
        with opened(file) as stream:
            lines = enumerate(io.TextIOWrapper(stream, "utf-8-sig"), start=1)
            number, first = next(((n, line) for n, line in lines if line.strip()), (0, ""))
            parse = _parser(first) if first else None
            if parse is None:
                yield from _document(file, remarks) if first else ()
                return
            if parse is _printed:
                remarks.append(PRINTED)
            row = _object(parse(first))
            others = ((n, line) for n, line in lines if line.strip())
            second = next(others, None)
            if second is None and _holds_rows(row):
                yield from _document(file, remarks)
                return
            yield number, row
            for number, line in () if second is None else _chained(second, others):
                yield number, _object(parse(line))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file}: cannot be read ({first_line(error)})") from None
    except UnicodeDecodeError:
        raise DataError(f"{file}: not UTF-8 after line {number}; write it in UTF-8") from None
    except json.JSONDecodeError as error:
        at = number if parse is not None else error.lineno
        several = parse is None and error.msg == "Extra data"
        raise DataError(_no_object(file, at, error) + _BY_LINE * several) from None
    except (ValueError, RecursionError) as error:
        raise DataError(_no_object(file, number, error)) from None


def _no_object(file: str, line: int, error: Exception) -> str:
    return f"{file}, line {line}: not a JSON object on one line ({first_line(error)})"


def _chained(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


def _parser(line: str) -> Callable[[str], Any] | None:
    # What reads lines such as the first; None where an object has several lines.
    text = line.strip()
    if text.startswith("[") or (text.startswith("{") and text.endswith(("{", "[", ","))):
        return None
    if re.match(r"\{\s*(?:u?'|u\")", text):
        return _printed
    return json.loads


def _printed(line: str) -> Any:
    # Literals only: nothing is run. What JSON does not have, such as a set, is refused.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about backslashes in titles
            return json.loads(json.dumps(ast.literal_eval(line.strip())))
    except (ValueError, SyntaxError, TypeError, MemoryError):
        raise ValueError("and no dictionary of plain values, as Python prints it") from None


def _holds_rows(row: dict[str, Any]) -> bool:
    # Whether the only object of a file may be a document, and no row.
    nested = [isinstance(cell, dict | list) for cell in row.values()]
    is_row = {plain(name) for name in row} & {*RECOGNIZED["user"], *RECOGNIZED["item"]}
    return any(nested) and (all(nested) or not is_row)


def _document(file: str, remarks: list[str]) -> Iterator[Row]:
    # The objects of a file that is one list, or one object with a list of them.
    with opened(file) as stream:
        text = stream.read().decode("utf-8-sig")
    begin = _after_blanks(text, 0)
    if text.startswith("{", begin):
        members = list(_members(text, begin))
        lists = {key: at for key, at, value in members if _has_objects(value)}
        if not lists:
            if len(members) > 1 and all(isinstance(value, dict | list) for *_, value in members):
                raise DataError(f"{file}: {_BY_COLUMN}")
            yield 1 + text.count("\n", 0, begin), {key: value for key, _, value in members}
            return
        if len(lists) > 1:
            raise DataError(f"{file}: lists of objects at {few(list(lists))}; keep one of them")
        ((name, begin),) = lists.items()
        others = few([key for key, *_ in members if key != name])
        remarks.append(f"read the list at {name!r}{f', not what is at {others}' * bool(others)}")
    line, counted = 1, 0
    for at, value in _elements(text, begin):
        line += text.count("\n", counted, at)
        counted = at
        try:
            yield line, _object(value)
        except ValueError as error:
            raise DataError(_no_object(file, line, error)) from None


def _has_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _members(text: str, begin: int) -> Iterator[tuple[str, int, Any]]:
    # The keys of the object that is all of a text, where their values begin, and these.
    decode = json.JSONDecoder().raw_decode
    json.loads(text)  # says what is wrong, so that the rest needs no checks
    at = _after_blanks(text, begin + 1)
    while text[at] != "}":
        key, at = decode(text, at)
        at = _after_blanks(text, _after_blanks(text, at) + 1)  # a colon
        value, end = decode(text, at)
        yield key, at, value
        at = _after_blanks(text, end)
        at = _after_blanks(text, at + 1) if text[at] == "," else at


def _elements(text: str, begin: int) -> Iterator[tuple[int, Any]]:
    # Where each element of the list that begins there begins, and its value.
    decode = json.JSONDecoder().raw_decode
    at = _after_blanks(text, begin + 1)
    whole = not text[:begin].strip()
    while not text.startswith("]", at):
        value, end = decode(text, at)
        yield at, value
        at = _after_blanks(text, end)
        if text.startswith(",", at):
            at = _after_blanks(text, at + 1)
            if text.startswith("]", at):
                raise json.JSONDecodeError("Expecting value", text, at)
        elif not text.startswith("]", at):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    end = _after_blanks(text, at + 1)
    if whole and end < len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} instead of an object")
    return value
