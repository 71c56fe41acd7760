"""The versions of a model in service: listed, promoted, rolled back, shared, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.in_store import InStore, age_of, keep_for_field, name_field, share_of
from recsys.errors import ArgumentError
from recsys.files import expanded
from recsys.ratings.account import counted
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.store.database.ratings_store import RatingsStore
    from recsys.store.database.shelf import Shelf
    from recsys.store.database.versions import Version

ACTIONS = ("list", "add", "promote", "rollback", "share", "purge")

_NEEDED = {"add": "FILE", "promote": "VERSION", "share": "VERSION"}


@dataclass(frozen=True, kw_only=True)
class ModelsRequest(InStore):
    """What to do with which version."""

    action: str = option(
        choices=ACTIONS,
        metavar="ACTION",
        meaning="list all versions; add FILE; promote VERSION; rollback to the previous one; "
        "share traffic with VERSION; purge old files.",
    )
    what: str | None = option(None, meaning="Version, or for add a model file.")
    name: str = name_field()
    ab: str | None = option(
        None,
        metavar="SHARE",
        meaning="With share: the share of users that the version serves, such as 10%, or 0% to "
        "end its trial.",
    )
    keep_for: str = keep_for_field()
    models: str | None = option(
        None,
        metavar="DIR",
        meaning="Folder of the model files, which the store records; move the files there first.",
        default_text="the recorded one, or next to an SQLite file",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = _NEEDED.get(self.action)
        if needed and self.what is None:
            raise ArgumentError(f"models {self.action} needs a {needed}")
        if not needed and self.what is not None:
            raise ArgumentError(
                f"models {self.action} takes no further argument, not {self.what!r}"
            )
        if (self.ab is None) == (self.action == "share"):
            raise ArgumentError("models share VERSION needs --ab SHARE, and nothing else takes it")

    @property
    def version(self) -> int:
        """The version that was named."""
        text = str(self.what)
        if not text.isdecimal():
            raise ArgumentError(f"VERSION must be a whole number, not {text!r}")
        return int(text)


@dataclass(frozen=True)
class Versions:
    """The versions of a name after what was done, and what that was."""

    name: str
    folder: Path
    versions: tuple[Version, ...]
    done: str
    """In words; "" for a list."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        versions = [one.to_dict() for one in self.versions]
        return {
            "name": self.name,
            "folder": str(self.folder),
            "versions": versions,
            "done": self.done,
        }


def models(request: ModelsRequest) -> Versions:
    """Does what was asked, and returns the versions of the name.

    Raises:
        ArgumentError: the request has a bad value.
        UnknownIdError: there is no such version.
        ModelFileError: a file is missing, or has changed.
        StoreError: the store cannot be used, or there is nothing to go back to.
    """
    with request.opened() as store:
        shelf = store.models
        if request.models is not None:
            shelf.keep_in(request.models)
        done = _ACTIONS[request.action](shelf, request)
        if request.action == "purge":
            done += _bury(store)
        return Versions(request.name, shelf.folder(), shelf.list(request.name), done)


def _add(shelf: Shelf, request: ModelsRequest) -> str:
    one = shelf.add(request.name, expanded(str(request.what)))
    return f"{one.name}: {request.what} is version {one.version}"


def _promote(shelf: Shelf, request: ModelsRequest) -> str:
    one = shelf.promote(_own(shelf, request).version)
    return f"{one.name}: version {one.version} is in service"


def _rollback(shelf: Shelf, request: ModelsRequest) -> str:
    one = shelf.rollback(request.name)
    return f"{one.name}: version {one.version} is in service again"


def _share(shelf: Shelf, request: ModelsRequest) -> str:
    share = share_of(str(request.ab), "ab")
    one = shelf.share(_own(shelf, request).version, share)
    if not share:
        return f"{one.name}: version {one.version} no longer serves any users"
    return f"{one.name}: version {one.version} serves {100 * share:.3g} % of the users"


def _purge(shelf: Shelf, request: ModelsRequest) -> str:
    gone = shelf.purge(request.name, age_of(request.keep_for, "keep-for"))
    numbers = ", ".join(str(one.version) for one in gone)
    return f"{request.name}: " + (f"deleted {numbers}" if gone else "nothing is old enough")


def _own(shelf: Shelf, request: ModelsRequest) -> Version:
    one = shelf.get(request.version)
    if one.name != request.name:
        raise ArgumentError(
            f"version {one.version} is of {one.name}, not of {request.name}; name it with --name"
        )
    return one


def _bury(store: RatingsStore) -> str:
    # Tombstones of people who are in no version any more. A version is of the ratings that were
    # read at the time `made`; a file that was trained elsewhere may be of older ones. Only where
    # somebody asks for it: a service may serve a file that is not on the shelf.
    there = [one for one in store.models.list() if one.state != "purged"]
    if not there or any(one.mark is None for one in there):
        return ""
    n = store.drop_tombstones(min(one.made for one in there))
    return f" and {counted(n, 'tombstone')}" if n else ""


_ACTIONS: Mapping[str, Callable[[Shelf, ModelsRequest], str]] = {
    "list": lambda shelf, request: "",
    "add": _add,
    "promote": _promote,
    "rollback": _rollback,
    "share": _share,
    "purge": _purge,
}
