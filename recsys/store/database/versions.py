"""A version of a model in service, and which one serves whom."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recsys.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender

State = Literal["candidate", "current", "retired", "refused", "purged"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESOLUTION = 1 << 64


@dataclass(frozen=True)
class Version:
    """One model on the shelf."""

    version: int
    name: str
    file: Path
    sha256: str
    made: float
    """Seconds since 1970."""
    state: State
    spec: str | None
    """Name of the model, such as implicit-als."""
    recipe: Mapping[str, Any] | None
    """What it was trained with, so that the same can be trained again."""
    gate: Mapping[str, Any] | None
    """The evidence by which it was promoted or refused."""
    mark: int | None
    """The largest number of a change in the store that it was trained on."""
    parent: int | None
    """The version that was in service before."""
    share: float | None
    """Of the people it serves, where it is a candidate."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"file": str(self.file)}

    def load(self) -> Recommender:
        """The model.

        Raises:
            ModelFileError: the file is missing, or not the one that was put on the shelf.
        """
        from recsys.store.model_file import load

        return load(self.file, sha256=self.sha256)


@dataclass(frozen=True)
class Arm:
    """A version that serves, and the share of people that it serves."""

    label: Literal["current", "candidate"]
    version: Version
    share: float


def arm_of(user: object, arms: Sequence[Arm]) -> Arm:
    """The arm that serves a user: the same for as long as the same versions share the traffic.

    A hash of name, candidate and user decides, so that each candidate is tried on other people. A
    larger share adds people and moves nobody back. Somebody unknown (None) gets the current one.

    Args:
        user: id; 7 and "7" are the same person.
        arms: as `Shelf.arms` returns them, the current one first.
    """
    first = arms[0]
    if user is None:
        return first
    for arm in arms[1:]:
        said = f"{arm.version.name}\0{arm.version.version}\0{user}".encode("utf-8", "surrogatepass")
        drawn = int.from_bytes(hashlib.sha256(said).digest()[:8], "big")
        if drawn < arm.share * _RESOLUTION:
            return arm
    return first


def check_name(name: str) -> None:
    """Raises ArgumentError for what cannot be the name of a model in service."""
    if not _NAME.fullmatch(name):
        raise ArgumentError(
            "name must be 1 to 64 letters, digits, dots, hyphens or underscores, and begin with a "
            f"letter or digit, not {name!r}"
        )
