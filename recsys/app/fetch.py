"""MovieLens data sets, downloaded and verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.settings import Settings, option


def _names() -> Sequence[str]:
    from recsys.ratings.datasets import DATASETS

    return list(DATASETS)


@dataclass(frozen=True, kw_only=True)
class FetchRequest(Settings):
    """Which data set, and where it goes."""

    name: str = option(choices=_names, meaning="Data set.")
    to: str = option(
        "data", metavar="DIR", meaning="Folder in which to create the folder of the data set."
    )
    timeout: float = option(
        30.0,
        low=0,
        high=86_400,
        above=True,
        metavar="SECONDS",
        meaning="Give up after this long without receiving data.",
    )


@dataclass(frozen=True)
class FetchedSet:
    """A data set that is there now."""

    name: str
    folder: Path
    source: str
    """Where it came from."""
    licence: str
    remark: str = ""
    """What its checksum does not show."""

    @property
    def was_there(self) -> bool:
        """Whether nothing had to be downloaded."""
        return self.source == "already there"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "folder": str(self.folder), "source": self.source, "licence": self.licence,
            "remarks": [self.remark] if self.remark else [],
        }  # fmt: skip


def fetch(
    request: FetchRequest,
    on_bytes: Callable[[int, int | None], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> FetchedSet:
    """The data set, downloaded unless it is there.

    Args:
        request: which, and where to.
        on_bytes: called with the bytes that are done and those of the whole.
        on_wait: called once if another process is fetching the same set.

    Raises:
        DownloadError: it could not be downloaded completely and unaltered.
    """
    from recsys.ratings import datasets

    found = datasets.fetch(
        request.name, request.to, timeout=request.timeout, on_bytes=on_bytes, on_wait=on_wait
    )
    return FetchedSet(request.name, found.folder, found.source, found.licence, found.remark)
