"""A command that writes, as attacks know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faults.runs import ROOT

SAMPLE = ROOT / "data" / "sample"
READ = {
    "model": "model.safetensors",
    "zip": "sample.zip",
    "small": "small",
    "new": "new.csv",
    "users": "users.txt",
    "store": "store.db",
    "shelf": "shelf/s.db",
}
"""Name in arguments → file or folder in the working folder, made by `writers.prepare`."""

Check = Callable[[Path], None]
"""Raises where the file is not whole."""


@dataclass(frozen=True)
class Writer:
    """A command that writes."""

    name: str
    arguments: tuple[str, ...]
    """`{out}` stands for the folder to write to, `{data}` for the sample, each name of `READ` for
    its file."""
    whole: Mapping[str, Check]
    """Name in the folder `out` → its check."""
    others: tuple[str, ...] = ()
    """Patterns of what may be in the folder besides, from a run that was ended: complete blocks
    that the next run takes."""
    replaces: Mapping[str, str] = field(default_factory=dict)
    """Name in `out` of a file or folder that it reads and changes → where that comes from."""
    typed: str = ""
    """What somebody types into its terminal."""
    complete: Check | None = None
    """Raises where an undisturbed run has not left in `out` what it should, after a killed one."""
    once: bool = False
    """Whether it is refused where it has done its work before."""
    is_service: bool = False
    """Whether it runs until it gets a signal, and answers clients."""
    only_timed: bool = False
    """Whether it has several processes, of which kills take the first one at any time."""

    def command(self, place: Path, out: Path | None = None) -> list[str]:
        """The arguments for a working folder, and one for output, by default `out` in it."""
        known = {name: place / file for name, file in READ.items()} | {"out": out or place / "out"}
        return [one.format(data=SAMPLE, **known) for one in self.arguments]
