"""The language of conditions on items: from a text to a tree, with errors that point at it.

    condition  := conjunction ("or" conjunction)*
    conjunction := negation ("and" negation)*
    negation   := "not" negation | "(" condition ")" | comparison
    comparison := value order NAME order value | NAME test | value order NAME
    test       := order value | ["not"] "has" value | ["not"] "contains" value
                | ["not"] "in" "(" value ("," value)* ")" | "is" ["not"] "missing"
    order      := "<" | "<=" | ">" | ">=" | "=" | "==" | "!="
    value      := number | 'text' | "text" | true | false

A NAME with blanks stands in backquotes. Nothing is evaluated here, and nothing is ever run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from recsys.errors import ArgumentError
from recsys.visible import brief

Value = float | str | bool

ORDERS = ("<=", ">=", "==", "!=", "<", ">", "=")

MOST_CHARACTERS = 4000
MOST_NESTED = 50
"""Parentheses and negations within each other."""

_SHOWN = 20  # characters that a message quotes

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_WORDS = ("and", "or", "not", "has", "contains", "in", "is", "missing", "true", "false")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<quoted>`[^`]+`)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign><=|>=|==|!=|[<>=(),])"
    r"|(?P<end>$))"
)


@dataclass(frozen=True)
class Comparison:
    """A column against values; true for an item whose column says so."""

    column: str
    how: str
    """An order (`<`, `<=`, `>`, `>=`, `=`, `!=`), `has`, `contains`, `in` or `missing`."""
    values: tuple[Value, ...]
    at: int
    """Where it begins in the text."""
    value_at: int
    """Where its values begin."""


@dataclass(frozen=True)
class Not:
    """True where the part is not."""

    part: Condition


@dataclass(frozen=True)
class Both:
    """True where every part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    """True where one of the parts is."""

    parts: tuple[Condition, ...]


Condition = Comparison | Not | Both | Either


class Token(NamedTuple):
    """A word of a condition."""

    kind: str
    """number, text, name, word, sign or end."""
    text: str
    at: int


def parse(text: str) -> Condition:
    """The tree of a condition.

    >>> parse("year >= 1990")
    Comparison(column='year', how='>=', values=(1990.0,), at=0, value_at=8)

    Raises:
        ArgumentError: it cannot be read; points at the character.
    """
    if len(text) > MOST_CHARACTERS:
        raise ArgumentError(f"where must have at most {MOST_CHARACTERS} characters")
    return _Parser(text).whole()


def fail(text: str, at: int, message: str) -> NoReturn:
    """Raises ArgumentError that points at the character `at` of the text."""
    there = " ".join(text[at : at + _SHOWN].split())
    more = "..." if len(text) > at + _SHOWN else ""
    place = f"at {there + more}" if there else "at the end"
    raise ArgumentError(f"where: {message} (character {at + 1}, {place})")


class _Parser:
    # Recursive descent: a method for each line of the grammar.

    def __init__(self, text: str) -> None:
        self._text, self._depth = text, 0
        self._tokens = list(_tokens(text))

    def whole(self) -> Condition:
        if self._next.kind == "end":
            fail(self._text, 0, "the condition is empty; write, for example, year >= 1990")
        found = self._either()
        if self._next.kind != "end":
            self._expected("and, or, or the end")
        return found

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._took("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._took("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > MOST_NESTED:
            fail(self._text, self._next.at, f"at most {MOST_NESTED} levels of parentheses")
        if self._took("not"):
            found: Condition = Not(self._one())
        elif self._took("("):
            found = self._either()
            if not self._took(")"):
                self._expected('")"')
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Condition:
        at = self._next.at
        if self._next.kind == "name":
            return self._test(self._take().text, at)
        if not self._at_value():
            self._expected("the name of a column, a value or (")
        low_at, low = self._next.at, self._value()
        order = self._order()
        if self._next.kind != "name":
            self._expected("the name of a column, with which the value is compared")
        column = self._take().text
        first = Comparison(column, _TURNED[order], (low,), at, low_at)
        if self._next.text not in ORDERS:
            return first
        return Both((first, self._ordered(column, at)))

    def _test(self, column: str, at: int) -> Condition:
        if self._next.text in ORDERS:
            return self._ordered(column, at)
        if self._took("is"):
            negated = self._took("not")
            if not self._took("missing"):
                self._expected("missing")
            found = Comparison(column, "missing", (), at, at)
            return Not(found) if negated else found
        negated = self._took("not")
        how = next((word for word in ("has", "contains", "in") if self._took(word)), "")
        value_at = self._next.at
        if how == "in":
            values = self._list()
        elif how:
            values = (self._value(),)
        else:
            self._expected("<, <=, >, >=, =, !=, has, contains, in or is")
        found = Comparison(column, how, values, at, value_at)
        return Not(found) if negated else found

    def _ordered(self, column: str, at: int) -> Comparison:
        order, value_at = self._order(), self._next.at
        if self._next.kind == "name":
            fail(self._text, value_at, f"a text needs quotes: {brief(self._next.text)}")
        return Comparison(column, order, (self._value(),), at, value_at)

    def _list(self) -> tuple[Value, ...]:
        if not self._took("("):
            self._expected('"(" and a list such as (1994, 1995)')
        values = [self._value()]
        while self._took(","):
            values.append(self._value())
        if not self._took(")"):
            self._expected('"," or ")"')
        return tuple(values)

    def _order(self) -> str:
        if self._next.text not in ORDERS or self._next.kind != "sign":
            self._expected("<, <=, >, >=, = or !=")
        return self._take().text.replace("==", "=")

    def _at_value(self) -> bool:
        return self._next.kind in ("number", "text") or self._next.text in ("true", "false")

    def _value(self) -> Value:
        if not self._at_value():
            self._expected("a number or a text in quotes")
        token = self._take()
        if token.kind == "number":
            return float(token.text)
        return token.text == "true" if token.kind == "word" else token.text

    @property
    def _next(self) -> Token:
        return self._tokens[0]

    def _take(self) -> Token:
        return self._tokens.pop(0)

    def _took(self, text: str) -> bool:
        if self._next.kind in ("word", "sign") and self._next.text == text:
            self._take()
            return True
        return False

    def _expected(self, what: str) -> NoReturn:
        found = "the end" if self._next.kind == "end" else brief(self._next.text)
        fail(self._text, self._next.at, f"expected {what}, not {found}")


def _tokens(text: str) -> list[Token]:
    found, at = list[Token](), 0
    while not found or found[-1].kind != "end":
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            why = "a quote is not closed" if text[at] in "'\"`" else f"{text[at]!r} has no meaning"
            fail(text, at, why)
        kind = str(match.lastgroup)
        start, word = match.start(kind), match[kind]
        if kind == "name" and word.lower() in _WORDS:
            kind, word = "word", word.lower()
        elif kind in ("text", "quoted"):
            kind, word = ("text" if kind == "text" else "name"), word[1:-1]
        found.append(Token(kind, word, start))
        at = match.end()
    return found
