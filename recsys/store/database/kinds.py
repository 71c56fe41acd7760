"""Ids as the store keeps them: text, and for each side whether they stand for integers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from sqlalchemy import Connection, select

from recsys.errors import ArgumentError
from recsys.ids import WHOLE_NUMBER, IdArray, shown
from recsys.store.database.schema import meta
from recsys.store.database.upsert import insert_new
from recsys.visible import writable

Side = Literal["user", "item"]
Kind = Literal["integer", "text"]
_LONGEST = 1000


class Kinds:
    """The kind of ids of each side, which the first write decides.

    Integer ids come back as integers. A store of integer ids refuses text that does not spell one
    in the usual way; a store of text takes the number 7 for the text "7", as `IdIndex` does.
    """

    def __init__(self) -> None:
        self._known: dict[str, Kind] = {}

    @property
    def all_known(self) -> bool:
        """Whether the kinds of both sides are known, which do not change any more."""
        return len(self._known) == 2

    def load(self, connection: Connection) -> None:
        """Reads what was decided, unless all is known."""
        if not self.all_known:
            rows = connection.execute(select(meta).where(meta.c.key.in_(("user", "item"))))
            self._known = {key: "integer" if kind == "integer" else "text" for key, kind in rows}

    def decide(self, connection: Connection, side: Side, integer: bool) -> None:
        """Keeps the kind of a side, unless it was decided before."""
        self.load(connection)
        if side not in self._known:
            kind = "integer" if integer else "text"
            connection.execute(insert_new(connection, meta), {"key": side, "value": kind})
            self.load(connection)

    def forget(self) -> None:
        """Reads the kinds again when they are needed: the transaction that decided them failed."""
        self._known = {}

    def is_integer(self, side: Side) -> bool | None:
        """Whether the ids of a side are integers; None as long as that is open."""
        return None if side not in self._known else self._known[side] == "integer"

    def to_dict(self) -> dict[str, str]:
        """The kind of each side that has been decided."""
        return {side: self._known[side] for side in ("user", "item") if side in self._known}

    def find(self, one_id: object, side: Side) -> str | None:
        """An id as text, for a question; None if the store cannot have it."""
        try:
            return self.text(one_id, side)
        except ArgumentError:
            return None

    def text(self, one_id: object, side: Side) -> str:
        """An id as the store keeps it.

        Raises:
            ArgumentError: it is no id, or not one of the kind that this store has.
        """
        found = text_of(one_id, side)
        if self.is_integer(side) and not WHOLE_NUMBER.fullmatch(found):
            raise ArgumentError(
                f"{side} id {shown(one_id)} is text, and the {side} ids of this store are integers"
            )
        return found

    def ids(self, texts: Iterable[str], side: Side) -> list[Any]:
        """Ids in their own type."""
        return list(map(int, texts)) if self.is_integer(side) else list(texts)

    def array(self, texts: Iterable[str], side: Side) -> IdArray:
        """Ids in their own type: int64, or an object array of str."""
        kind: Any = np.int64 if self.is_integer(side) else object
        return np.array(self.ids(texts, side), dtype=kind)


def text_of(one_id: object, side: Side) -> str:
    """An id as text.

    Raises:
        ArgumentError: it is neither an integer nor text that a database can hold.
    """
    if isinstance(one_id, str):
        if not one_id or len(one_id) > _LONGEST or "\0" in one_id or writable(one_id) != one_id:
            raise ArgumentError(
                f"{side} id {shown(one_id)} must be text of 1 to {_LONGEST} characters, without NUL"
            )
        return one_id
    if isinstance(one_id, int | np.integer) and not isinstance(one_id, bool):
        return str(int(one_id))
    raise ArgumentError(f"{side} id {shown(one_id)} is neither a whole number nor text")
