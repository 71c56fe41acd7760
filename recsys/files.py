"""Files that are written: checked before the work starts, and complete or not there at all."""

from __future__ import annotations

import atexit
import csv
import errno
import io
import os
import re
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from recsys.errors import ArgumentError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NO_RESOURCE = (errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC))
"""Errors of a system that lacks something, when the place to write to is right."""

_temporary: dict[Path, int] = {}
"""Temporary file or folder that is in use → the process that uses it."""

_PART = ".part"
_MOST_OF_NAME = 60  # characters of a name, up to four bytes each, of the 255 bytes of a file name


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` and `~NAME` replaced by a home folder.

    Raises:
        ArgumentError: there is no user of that name.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ArgumentError(
            f"{os.fspath(path)!r} begins with the home folder of a user who does not exist; for a "
            f"file with that name, write {os.path.join('.', path)!r}"
        ) from None


def read_whole(path: Path) -> bytes:
    """The bytes of a file or pipe.

    Raises:
        OSError: it cannot be read, or is a device, which may have no end.
    """
    with open(path, "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not stream.isatty()):
            raise OSError(errno.EINVAL, "is a device, not a file", str(path))
        return stream.read()


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
    file = expanded(text)
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

    The content goes to a temporary file in the same folder, is synced to disk and renamed. What
    earlier writers of the same file left there when they were killed is removed. A file
    that is replaced keeps its mode and, where permitted, its owner; a symbolic link stays a link,
    and its target is replaced. Folders that do not exist are created.

    Raises:
        OSError: something could not be written; the old file is unchanged.
    """
    target = Path(os.path.realpath(expanded(path)))
    target.parent.mkdir(parents=True, exist_ok=True)
    old = target.stat() if target.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise OSError(f"{path} is not a regular file")
    _remove_leftovers(target.parent, re.escape(_prefix(target)))
    temporary = target.with_name(f"{_prefix(target)}{os.urandom(8).hex()}{_PART}")
    try:
        with _removed(temporary), os.fdopen(_created(temporary), "wb") as stream:
            if old is not None and os.name == "posix":
                _inherit(stream.fileno(), old)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if fcntl is None:  # a file that is open cannot be renamed there
                stream.close()
            # Elsewhere while it is locked, so that nobody takes it for a leftover.
            os.replace(temporary, target)
    except OSError as error:
        if error.errno and error.filename is None:  # as of a write to a full disk
            error.filename = os.fspath(path)
        raise
    _sync_folder(target.parent)


def remove_leftovers(folder: Path, start: str) -> None:
    """Removes what killed writers left of files in a folder whose names begin with `start`.

    `replacing` does so for the file that it writes; this is for files with ever new names.
    """
    if folder.is_dir():
        _remove_leftovers(folder, rf"\.{re.escape(start[:_MOST_OF_NAME])}.*\.")


@contextmanager
def temporary_folder(
    within: str | os.PathLike[str] | None = None, prefix: str = "recsys."
) -> Iterator[Path]:
    """A new folder for the time of the block, removed with what is in it.

    Unlike that of `tempfile`, it is also removed where an interruption comes while it is created or
    removed.

    Args:
        within: the folder to make it in; None for the system's folder of temporary files.
        prefix: the start of its name.

    Raises:
        OSError: it cannot be created or removed.
    """
    folder = Path(_system_folder() if within is None else within)
    folder /= f"{prefix}{os.urandom(8).hex()}"
    with _removed(folder):
        folder.mkdir(mode=0o700)
        yield folder


def _system_folder() -> str:
    # The first time, `gettempdir` tries the folder by a file, which an interruption would leave.
    if not hasattr(signal, "pthread_sigmask"):
        return tempfile.gettempdir()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        return tempfile.gettempdir()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@atexit.register
def remove_temporary() -> None:
    """Removes what this process has made for a time, where an interruption cut off the removal.

    Python calls it when it ends.
    """
    for path, process in tuple(_temporary.items()):
        if process == os.getpid():  # a fork of it has the same table
            with suppress(OSError):
                _remove(path)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    r"""Replaces the file at `path` by `text` in UTF-8; see `replacing`.

    A byte of a file name that is not UTF-8 is written as a code such as \udcff.
    """
    with replacing(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    r"""The rows as CSV, a line each.

    >>> csv_text([["item", "title"], [1, "up\rdown"]])
    'item,title\n1,"up\rdown"\n'
    """
    lines = []
    for row in rows:
        # csv quotes line ends only if they are its own; other readers end lines at each of them.
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow(row)
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


@dataclass
class Claim:
    """A file that is written in several runs, and that no other process writes at the same time."""

    path: Path
    stream: BinaryIO
    """Open for reading and writing, at the start of the file."""
    exclusive: bool
    """Whether others are kept out; False where the file system has no locks."""
    keep: bool = True
    """Whether the file stays when it is released."""


@contextmanager
def claimed(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[Claim]:
    """The file at `path`, which is created if it is not there; waits while another process has it.

    Args:
        path: where it is. A link is not followed.
        on_wait: called once if another process has the file.

    Raises:
        OSError: it cannot be opened, or is a link, a folder or a device.
    """
    descriptor = _opened_regular(path)
    try:
        exclusive = _locked(descriptor)
        if not exclusive and fcntl is not None:
            if on_wait is not None:
                on_wait()  # which may raise, not to wait
            exclusive = _locked(descriptor, wait=True)
    except BaseException:
        os.close(descriptor)
        raise
    if exclusive and not _same_file(path, descriptor):  # removed while we waited
        os.close(descriptor)
        with claimed(path, on_wait) as claim:
            yield claim
        return
    with os.fdopen(descriptor, "r+b") as stream:
        claim = Claim(path, stream, exclusive)
        try:
            yield claim
        finally:
            if not claim.keep and fcntl is not None:  # while it is locked
                os.unlink(path)
    if not claim.keep and fcntl is None:  # a file that is open cannot be removed there
        os.unlink(path)


def sync_tree(folder: Path) -> None:
    """Waits until everything in a folder is on the disk."""
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb+") as stream:
                os.fsync(stream.fileno())
        _sync_folder(Path(path))


@contextmanager
def _removed(path: Path) -> Iterator[None]:
    # Removes the temporary file or folder at a path after the block. It is entered before anything
    # is there, and struck out after the removal: what an interruption leaves in between is removed
    # when Python ends.
    _temporary[path] = os.getpid()
    try:
        yield
    finally:
        _remove(path)
        del _temporary[path]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _opened_regular(path: Path) -> int:
    # A file with a second name would be changed under that name, too.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    if os.path.islink(path):
        raise OSError(errno.ELOOP, "is a link, and is not followed; remove it", str(path))
    descriptor = os.open(path, flags, 0o666)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file of one name; remove it", str(path))
    return descriptor


def _created(temporary: Path) -> int:
    # A new file, locked for as long as it is written. Created with mode 666 less the
    # umask, which only the system can apply safely: reading the umask means setting it, for all
    # threads.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        descriptor = os.open(temporary, flags, 0o666)
        locked = _locked(descriptor, wait=True)
        if not locked or _same_file(temporary, descriptor):
            return descriptor
        os.close(descriptor)  # another writer took it for a leftover before it was locked


def _remove_leftovers(folder: Path, prefix: str) -> None:
    # A temporary file that nobody has locked was left by a writer that was killed.
    if fcntl is None:
        return
    pattern = re.compile(rf"{prefix}[0-9a-f]{{16}}{re.escape(_PART)}", re.DOTALL)
    for name in filter(pattern.fullmatch, os.listdir(folder)):
        leftover = folder / name
        with suppress(OSError):
            descriptor = os.open(leftover, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if _locked(descriptor) and _same_file(leftover, descriptor):
                    os.unlink(leftover)
            finally:
                os.close(descriptor)


def _prefix(target: Path) -> str:
    return f".{target.name[:_MOST_OF_NAME]}."


def _locked(descriptor: int, wait: bool = False) -> bool:
    # Whether the file is locked by this process now, until it is closed.
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # by another process, or on a file system without locks
        return False
    return True


def _same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


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
