"""Reading ratings for a command, which says first what was understood of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recsys.ratings.account import Account
    from recsys.ratings.ratings import Ratings
    from recsys.ratings.source import Source

OnAccount = Callable[["Account"], None]
"""Called with what was understood of the ratings, before they are used."""


def no_account(account: Account) -> None:
    """An `OnAccount` that does nothing."""


def read_and_account(
    source: Source, on_account: OnAccount, by: Callable[[Source], Ratings] | None = None
) -> Ratings:
    """The ratings of a source, once `on_account` has been called with their account.

    Args:
        source: where they are.
        on_account: what to call.
        by: what reads them; None for this process.

    Raises:
        DataError: they cannot be read.
    """
    from recsys.ratings.readers import read

    ratings = (by or read)(source)
    if ratings.account is not None:
        on_account(ratings.account)
    return ratings
