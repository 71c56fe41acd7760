"""`Call`: one request on its way through a route, and `Route`: what the service declares of one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy.typing as npt
import orjson
from starlette.requests import Request
from starlette.responses import Response

from recsys.errors import ArgumentError
from recsys.ids import LARGEST_EXACT, IdIndex, in_json
from recsys.recommend.answer import DECIMALS, Table, json_column
from recsys.recommend.explain import Explanation, explanations
from recsys.service.asked import Nothing, from_body, from_query, ratings_of
from recsys.service.guard import Scope
from recsys.service.people import Somebody
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender
    from recsys.service.service import Service
    from recsys.service.snapshot import Snapshot

SLASH = "\ue000"
"""What stands in a path for a slash that is part of an id."""

S = TypeVar("S", bound=Settings)
Json = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One request. It sees one snapshot, whatever happens to the model meanwhile."""

    service: Service
    snapshot: Snapshot
    request: Request
    body: Any = None
    """What its JSON body holds; None without one."""
    by: str = ""
    """Name of the token; "" where none is asked for."""

    def of(self, user: object) -> Call:
        """The same request, seen by the snapshot that serves this user; None for nobody's."""
        return self if user is None else replace(self, snapshot=self.service.live.now(user))

    @property
    def model(self) -> Recommender:
        """The model of the snapshot."""
        return self.snapshot.model

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name]).replace(SLASH, "/")

    @property
    def query(self) -> bytes:
        """The query string."""
        found: bytes = self.request.scope["query_string"]
        return found

    def asked(self, cls: type[S]) -> S:
        """The parameters of the query string."""
        return from_query(cls, self.query)

    def given(self, cls: type[S], *besides: str) -> S:
        """The parameters in the body, which may have the fields `besides`, too."""
        return from_body(cls, self.fields, besides)

    @property
    def fields(self) -> Json:
        """The body, which must be an object.

        Raises:
            ArgumentError: it is not.
        """
        if not isinstance(self.body, dict):
            raise ArgumentError("the body must be a JSON object, such as {}")
        return self.body

    def field(self, name: str) -> Any:
        """A field of the body that must be there.

        Raises:
            ArgumentError: it is not.
        """
        if name not in self.fields:
            raise ArgumentError(f"the body has no {name!r}")
        return self.fields[name]

    def ratings(self, name: str = "ratings", *, none: bool = False) -> dict[Any, Any]:
        """Item → rating from a field of the body."""
        return ratings_of(self.model, self.field(name), name, none=none)

    def answer(
        self,
        table: Table,
        folded_in: bool | None = None,
        why: Sequence[Explanation] = (),
        **more: Any,
    ) -> Json:
        """What a table of items or users looks like in JSON."""
        found: Json = {"model": self.snapshot.about}
        if folded_in is not None:
            found["folded_in"] = folded_in
        found |= more
        found["remarks"] = table.remarks
        found["rows"] = fragment(rows_in_json(table, self.snapshot))
        if why:
            found["why"] = [one.to_dict() for one in why]
        return found

    def reasons(self, who: Somebody, table: Table) -> Sequence[Explanation]:
        """Why each row of a list is there; nothing where it is popular items for a newcomer."""
        if "remark" in table.answer or table.rows is None:
            return ()
        return explanations(self.model, who.explained(), table.rows)


def rows_in_json(table: Table, snapshot: Snapshot) -> bytes:
    """The rows of a table, as `Table.to_dict` has them; what is known of items is kept encoded."""
    if table.items is not snapshot.model.items or table.rows is None or not len(table):
        return in_json_bytes(table.to_dict()["rows"])
    if not table.answer.keys().isdisjoint(snapshot.item_columns):  # the answer's own count
        return in_json_bytes(table.to_dict()["rows"])
    known = snapshot.known(table.rows.tolist())
    columns, forms = [], []
    for name, values in table.answer.items():
        column, form = ([own for own, _ in known], "b") if name == "item" else _column(values)
        columns.append(column)
        forms.append((name, form))
    columns.append([rest for _, rest in known])
    row = _form(tuple(forms))
    return b"[" + b",".join([row % one for one in zip(*columns, strict=True)]) + b"]"


@lru_cache(maxsize=64)
def _form(columns: tuple[tuple[str, str], ...]) -> bytes:
    # Of one row: names, how their values are written, and last what is known of the item.
    named = [
        in_json_bytes(name).replace(b"%", b"%%") + b":%" + form.encode() for name, form in columns
    ]
    return b"{" + b",".join(named) + b"%b}"


def _column(values: npt.NDArray[Any]) -> tuple[list[Any], str]:
    # A column of an answer with at least one row, and how its values are written as JSON.
    column, kind = values.tolist(), values.dtype.kind
    if kind == "f" and math.isfinite(sum(column)):
        return column, f".{DECIMALS}f"
    if kind in "iu" and max(column) <= LARGEST_EXACT and min(column) >= -LARGEST_EXACT:
        return column, "d"
    return [in_json_bytes(one) for one in json_column(values)], "b"


def id_at(index: IdIndex, row: int) -> Any:
    """The id in a row, ready for JSON."""
    return in_json(index.ids[row : row + 1].tolist()[0])


def in_json_bytes(content: Any) -> bytes:
    """The content as JSON."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def fragment(json: bytes) -> Any:
    """JSON that `as_json` takes as it is."""
    return orjson.Fragment(json)


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON; whole numbers that JavaScript would round are text already."""
    return Response(in_json_bytes(content), status, headers, "application/json")


Handler = Callable[[Call], Any]
"""From a call to what JSON can hold, or to a `Response`."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """What the service declares of one route; the OpenAPI document is derived from it."""

    method: str
    path: str
    handler: Handler
    summary: str
    scope: Scope | None = "read"
    """What a token must allow; None where none is asked for."""
    query: type[Settings] = Nothing
    """The parameters of its query string."""
    fields: type[Settings] = Nothing
    """The parameters in its body."""
    body: Mapping[str, Any] | None = None
    """JSON schemas of the other fields of the body by name; None for a route without a body."""
    required: Sequence[str] = ()
    """The fields among them that must be there."""
    body_schema: Mapping[str, Any] | None = None
    """The schema of a body that is no object."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that it reads, with their meaning."""
    answer: Mapping[str, Any] = field(default_factory=dict)
    """JSON schema of the answer."""
    example: Any = None
    """An example of the body."""
    threaded: bool = False
    """Whether it may take longer than a millisecond, and runs in a thread."""
    patient: bool = False
    """Whether it may take longer than other requests, as loading a model does."""
    tag: str = "questions"

    @cached_property
    def has_body(self) -> bool:
        """Whether it reads a body."""
        return self.body is not None or self.body_schema is not None
