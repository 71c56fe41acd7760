"""Unpacks zip archives that are not trusted."""

from __future__ import annotations

import errno
import lzma
import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from recsys.errors import DataError
from recsys.ratings.columns import first_line

LARGEST_RATIO = 100
"""Most bytes that one byte of an archive may unpack to; text of ratings has about 5."""
HARMLESS = 50_000_000
"""Bytes up to which the ratio does not matter."""

_ENCRYPTED = 1  # bit of the flags of a member
_BAD_NAMES = (
    errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENOENT
)  # fmt: skip


def unpack(
    archive: Path, folder: Path, wanted: Callable[[str], bool] = lambda name: True
) -> list[str]:
    """Extracts the wanted members of a zip archive into `folder`; returns the names of the others.

    Raises:
        DataError: the archive is damaged or encrypted, a member would be extracted outside the
            folder or over another one, or its content is suspiciously large.
        OSError: its content is larger than the free disk space, or cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as bundle:
            for name in bundle.namelist():
                parts = Path(name.replace("\\", "/")).parts
                if name.startswith(("/", "\\")) or ".." in parts or name[1:2] == ":":
                    raise DataError(
                        f"{archive}: member {name!r} escapes the archive; nothing was unpacked"
                    )
            members = [one for one in bundle.infolist() if wanted(one.filename)]
            _check_names(archive, members)
            _check_sizes(archive, members, folder)
            for member in members:
                _extract(archive, bundle, member, folder)
            return [name for name in bundle.namelist() if not wanted(name)]
    except (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError) as error:
        raise _damaged(archive, error) from None


def _check_names(archive: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    names = [one.filename.rstrip("/") for one in members]
    counts = Counter(names)
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for member, name in zip(members, names, strict=True):
        if member.flag_bits & _ENCRYPTED:
            raise DataError(
                f"{archive}: member {name!r} is encrypted; unzip it with its password first"
            )
        if counts[name] > 1 or (not member.is_dir() and name in folders):
            raise DataError(f"{archive}: more than one member is called {name!r}; unzip it first")


def _check_sizes(archive: Path, members: Sequence[zipfile.ZipInfo], folder: Path) -> None:
    # zipfile never extracts more than the size that a member declares.
    total, packed = sum(one.file_size for one in members), archive.stat().st_size
    if total > max(HARMLESS, LARGEST_RATIO * packed):
        raise DataError(
            f"{archive}: {packed:,} bytes would unpack to {total:,}, more than {LARGEST_RATIO} "
            "times as many; if that is right, unzip it first"
        )
    free = shutil.disk_usage(folder).free
    if total > free:
        raise OSError(
            errno.ENOSPC,
            f"{archive} would unpack to {total:,} bytes here, and {free:,} are free; unzip it "
            "where there is more space",
            str(folder),
        )


def _extract(archive: Path, bundle: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    try:
        bundle.extract(member, folder)
    except OSError as error:
        if error.errno is None:  # from bz2, which has no error of its own
            raise _damaged(archive, error) from None
        if error.errno not in _BAD_NAMES:
            raise
        name = member.filename
        short = name if len(name) <= 60 else f"{name[:57]}..."
        raise DataError(f"{archive}: cannot unpack {short!r} ({error.strerror})") from None


def _damaged(archive: Path, error: Exception) -> DataError:
    return DataError(
        f"{archive}: damaged or not a zip archive ({first_line(error)}); fetch it again"
    )
