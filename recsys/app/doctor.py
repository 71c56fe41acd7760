"""What was understood of a ratings file, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.ratings.source import Source
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.findings import Finding
    from recsys.ratings.account import Account


@dataclass(frozen=True)
class DoctorRequest(Source):
    """Which ratings to examine, and how to read them."""

    held_out: str | None = option(
        None, metavar="FILE", meaning="File of test ratings, which must not be among RATINGS."
    )


@dataclass(frozen=True)
class Examined:
    """What was understood of the ratings, their size, and what was found."""

    account: Account | None
    data: Mapping[str, Any]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "account": None if self.account is None else self.account.to_dict(),
            "data": dict(self.data),
            "findings": [vars(finding) for finding in self.findings],
        }


def doctor(request: DoctorRequest, on_account: OnAccount = no_account) -> Examined:
    """What was understood of the ratings, and what is odd about them.

    Raises:
        DataError: the ratings or the held-out ratings cannot be read.
    """
    from recsys.ratings.doctor import examine
    from recsys.ratings.ratings import overview
    from recsys.ratings.readers import read

    ratings = read_and_account(request, on_account)
    held_out = None
    if request.held_out is not None:
        held_out = read(replace(request, ratings=request.held_out))
    found = examine(ratings, held_out)
    return Examined(ratings.account, overview(ratings), tuple(found))
