"""Files that are written: checked before the work starts, and complete or not there at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from recsys.errors import ArgumentError


def output_file(
    path: str | os.PathLike[str], argument: str = "out", endings: Sequence[str] = ()
) -> Path:
    """The file that will be written to `path`, checked as far as that is possible beforehand.

    Folders that do not exist are created when the file is written.

    Args:
        path: where to write; `~` is the home folder.
        argument: what messages call the path.
        endings: the endings that are allowed; none for any.

    Raises:
        ArgumentError: the ending is wrong, the path is a folder, a device or a pipe, or its folder
            cannot be written to.
    """
    text = os.fspath(path)
    file = Path(text).expanduser()
    if endings and file.suffix not in endings:
        raise ArgumentError(f"{argument} must end in {', '.join(endings)}, not {text!r}")
    if not text or file.is_dir():
        raise ArgumentError(f"{argument} must be a file name, not {text!r}")
    if file.exists() and not file.is_file():
        raise ArgumentError(
            f"{argument} must be a regular file, and {text!r} is a device or a pipe"
        )
    folder = next(parent for parent in (file.parent, *file.parent.parents) if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ArgumentError(
            f"{argument} must be in a folder that can be written to, and {str(folder)!r} cannot"
        )
    return file


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file at `path` when the block ends without an error.

    The content goes to a temporary file in the same folder, is synced to disk and renamed. A file
    that is replaced keeps its mode and, where permitted, its owner; a symbolic link stays a link,
    and its target is replaced. Folders that do not exist are created.

    Raises:
        OSError: something could not be written; the old file is unchanged.
    """
    target = Path(os.path.realpath(Path(path).expanduser()))
    target.parent.mkdir(parents=True, exist_ok=True)
    old = target.stat() if target.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise OSError(f"{path} is not a regular file")
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.part")
    # Created with mode 666 less the umask, which only the system can apply safely: reading the
    # umask means setting it, for all threads.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o666), "wb") as stream:
            if old is not None and os.name == "posix":
                _inherit(stream.fileno(), old)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    _sync_folder(target.parent)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Replaces the file at `path` by `text` in UTF-8; see `replacing`."""
    with replacing(path) as stream:
        stream.write(text.encode("utf-8"))


def _inherit(descriptor: int, old: os.stat_result) -> None:
    # The owner first, because changing it may clear bits of the mode.
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
