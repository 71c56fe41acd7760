"""Ratings stores: import, export, upgrade, forgetting, tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.ratings.source import Source
from recsys.settings import Settings, option

if TYPE_CHECKING:
    from recsys.store.database.tokens import Token

OnRows = Callable[[int, int | None], None]
"""Called with how many ratings are done, and how many there are, where that is known."""


@dataclass(frozen=True, kw_only=True)
class StoreRequest(Settings):
    """Which store."""

    store: str = option(
        metavar="URL",
        meaning="Ratings store: sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
    )


@dataclass(frozen=True, kw_only=True)
class DumpRequest(Settings):
    """Which store, and where to."""

    store: str = option(metavar="URL", meaning="Ratings store.")
    out: str = option(metavar="FOLDER", meaning="Folder to write the files to.")
    to: str = option("csv", choices=("csv", "parquet"), meaning="Format of the files.")


@dataclass(frozen=True, kw_only=True)
class ForgetRequest(Settings):
    """Which store, and whom to forget."""

    store: str = option(metavar="URL", meaning="Ratings store.")
    user: str = option(metavar="USER", meaning="Id of the user.")
    by: str | None = option(None, metavar="WHO", meaning="Who requested it, for the audit log.")


@dataclass(frozen=True, kw_only=True)
class TokenRequest(Settings):
    """A new token."""

    store: str = option(metavar="URL", meaning="Ratings store.")
    name: str = option(metavar="NAME", meaning="Name of the client that uses the token.")
    scopes: Sequence[str] = option(
        ("read",),
        flags=("--scopes",),
        metavar="SCOPE,...",
        meaning="Scopes of the token: read, write, admin.",
        default_text="read",
    )
    days: float | None = option(
        None, above=True, low=0, metavar="N", meaning="Days until the token expires.",
        default_text="never",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RevokeRequest(Settings):
    """Which token to revoke."""

    store: str = option(metavar="URL", meaning="Ratings store.")
    name: str = option(metavar="NAME", meaning="Name of the token.")


@dataclass(frozen=True)
class Imported:
    """What an import wrote."""

    store: str
    ratings: int
    users: int
    items: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def import_ratings(
    source: Source,
    request: StoreRequest,
    on_account: OnAccount = no_account,
    on_rows: OnRows | None = None,
) -> Imported:
    """Reads ratings and writes them to a store, which is made if it is not there.

    Raises:
        DataError: the ratings cannot be read, or their ids do not suit the store.
        StoreError: the database is something else.
        StoreUnavailable: it cannot be reached, or has no room; what was written stays.
    """
    from recsys.ratings.databases import address
    from recsys.store.database.ratings_store import RatingsStore
    from recsys.store.database.records import ignored

    address(request.store)
    ratings = read_and_account(source, on_account)
    with RatingsStore.open(request.store, create=True) as store:
        start = time.perf_counter()
        n = store.importing(ratings, on_rows or ignored)
        seconds = time.perf_counter() - start
        return Imported(str(store), n, ratings.n_users, ratings.n_items, seconds)


def export_store(request: DumpRequest, on_rows: OnRows | None = None) -> list[Path]:
    """Writes what a store has to files, and returns them.

    Raises:
        StoreError: there is no such store.
        OSError: a file cannot be written.
    """
    from recsys.files import expanded
    from recsys.store.database.ratings_store import RatingsStore
    from recsys.store.database.records import ignored

    with RatingsStore.open(request.store) as store:
        return store.export(expanded(request.out), request.to, on_rows or ignored)


def upgrade_store(request: StoreRequest) -> dict[str, str]:
    """Brings the tables of a store up to date; the versions before and after.

    Raises:
        StoreError: there is no store, or one of a later version.
    """
    from recsys.store.database.ratings_store import RatingsStore

    before, after = RatingsStore.upgrade(request.store)
    return {"before": before, "after": after}


def show_store(request: StoreRequest) -> dict[str, Any]:
    """What a store holds.

    Raises:
        StoreError: there is no such store.
    """
    from recsys.store.database.ratings_store import RatingsStore

    with RatingsStore.open(request.store) as store:
        return store.about()


def forget_user(request: ForgetRequest) -> int:
    """Forgets a person; how many ratings they had.

    Raises:
        StoreError: there is no such store.
        ArgumentError: the id is none of this store.
    """
    from recsys.store.database.ratings_store import RatingsStore

    with RatingsStore.open(request.store) as store:
        return store.forget(request.user, request.by)


def add_token(request: TokenRequest) -> str:
    """A new token, which cannot be shown again.

    Raises:
        ArgumentError: there is a token of this name, or no such scope.
    """
    from recsys.store.database.ratings_store import RatingsStore

    expires = None if request.days is None else time.time() + request.days * 86_400
    with RatingsStore.open(request.store) as store:
        return store.tokens.add(request.name, request.scopes, expires)


def list_tokens(request: StoreRequest) -> list[Token]:
    """The tokens of a store, without their texts."""
    from recsys.store.database.ratings_store import RatingsStore

    with RatingsStore.open(request.store) as store:
        return store.tokens.list()


def revoke_token(request: RevokeRequest) -> None:
    """Makes a token invalid.

    Raises:
        UnknownIdError: there is none of this name.
    """
    from recsys.store.database.ratings_store import RatingsStore

    with RatingsStore.open(request.store) as store:
        store.tokens.revoke(request.name)
