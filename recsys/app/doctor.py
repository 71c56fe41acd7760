"""What was understood of a ratings file, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys.ratings.source import Source
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.findings import Finding
    from recsys.ratings.account import Account


@dataclass(frozen=True)
class DoctorRequest(Source):
    """Which ratings to examine, and how to read them."""

    held_out: str | None = option(
        None, metavar="FILE", meaning="File with test ratings, to compare with RATINGS."
    )


@dataclass(frozen=True)
class Examined:
    """What was understood of the ratings, their size, and what was found."""

    account: Account | None
    data: Mapping[str, Any]
    findings: tuple[Finding, ...]
    held_out: Account | None = None
    """What was understood of the held-out ratings."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        held_out = {} if self.held_out is None else {"held_out": self.held_out.to_dict()}
        return held_out | {
            "account": None if self.account is None else self.account.to_dict(),
            "data": dict(self.data),
            "findings": [vars(finding) for finding in self.findings],
        }


def doctor(request: DoctorRequest) -> Examined:
    """What was understood of the ratings, and what is odd about them.

    Raises:
        DataError: the ratings or the held-out ratings cannot be read.
    """
    from recsys.ratings.doctor import examine
    from recsys.ratings.ratings import overview
    from recsys.ratings.readers import read, read_held_out

    ratings = read(request)
    held_out = None
    if request.held_out is not None:
        held_out = read_held_out(request.held_out, request, ratings)
    found = examine(ratings, held_out)
    test = None if held_out is None else held_out.account
    return Examined(ratings.account, overview(ratings), tuple(found), test)
