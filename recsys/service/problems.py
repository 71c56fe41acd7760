"""Errors as `application/problem+json` (RFC 9457), with statuses of `recsys.errors.OUTCOMES`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import orjson
from starlette.responses import Response

from recsys.errors import RecsysError, outcome
from recsys.visible import one_line

MEDIA_TYPE = "application/problem+json"
_LONGEST = 2000  # characters of a message
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Refusal(Exception):
    """A request that is refused before a model is asked: it has a status of HTTP and no exit code.

    Args:
        status: of HTTP.
        detail: one line that says what is wrong and what to do.
        headers: that go with the status, such as Retry-After.
    """

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers)


def kind_of(error: BaseException) -> tuple[int, str, str]:
    """Status, name and message of an error as a client sees them; a bug has no message.

    >>> from recsys.errors import UnknownIdError
    >>> kind_of(UnknownIdError("user 9 is not in the data"))
    (404, 'unknown-id', 'user 9 is not in the data')
    """
    if isinstance(error, Refusal):
        phrase = HTTPStatus(error.status).phrase
        return error.status, phrase.lower().replace(" ", "-"), error.detail
    status = outcome(error).http_status
    if isinstance(error, RecsysError):
        name = type(error).__name__.removesuffix("Error")
        return status, _WORD.sub("-", name).lower(), one_line(error, _LONGEST)
    if isinstance(error, MemoryError):
        return status, "no-memory", "the machine does not have enough memory for this; request less"
    if isinstance(error, OSError):
        return status, "no-resource", "a required file, disk or connection is not available"
    return 500, "bug", "internal error; the service's log has the details"


def problem(error: BaseException, request_id: str = "") -> Response:
    """The answer that says what went wrong."""
    status, name, detail = kind_of(error)
    body = {
        "type": f"urn:recsys:{name}",
        "title": name.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
    }
    if request_id:
        body["instance"] = f"urn:recsys:request:{request_id}"
    headers = error.headers if isinstance(error, Refusal) else {}
    if status == 503 and "Retry-After" not in headers:
        headers = {"Retry-After": "1"} | headers
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)
