"""Unpacks archives, zip and tar, that are not trusted."""

from __future__ import annotations

import errno
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from recsys.errors import DataError
from recsys.ratings.columns import first_line

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
"""Endings of tar archives that are unpacked."""
LARGEST_RATIO = 100
"""Most bytes that one byte of an archive may unpack to; text of ratings has about 5."""
HARMLESS = 50_000_000
"""Bytes up to which the ratio does not matter."""

_ENCRYPTED = 1  # bit of the flags of a member of a zip
_BAD_NAMES = (
    errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENOENT
)  # fmt: skip


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    extract: Callable[[Path], object]
    """Writes it into a folder."""
    is_folder: bool
    problem: str = ""
    """Why it cannot be unpacked here, with the remedy."""


def is_archive(path: Path) -> bool:
    """Whether the name of a file is that of an archive which `unpack` reads."""
    return path.name.lower().endswith((".zip", *TARS))


def unpack(
    archive: Path, folder: Path, wanted: Callable[[str], bool] = lambda name: True
) -> list[str]:
    """Extracts the wanted members of an archive into `folder`; returns the names of the others.

    What is not called like a tar archive is a zip archive.

    Raises:
        DataError: the archive is damaged or encrypted, a member is a link or would be extracted
            outside the folder or over another one, or its content is suspiciously large.
        OSError: its content is larger than the free disk space, or cannot be written.
    """
    is_tar = archive.name.lower().endswith(TARS)
    try:
        with (_of_tar if is_tar else _of_zip)(archive) as members:
            for name in (one.name for one in members):
                parts = Path(name.replace("\\", "/")).parts
                if name.startswith(("/", "\\")) or ".." in parts or name[1:2] == ":":
                    raise DataError(
                        f"{archive}: member {name!r} escapes the archive; nothing was unpacked"
                    )
            chosen = [one for one in members if wanted(one.name)]
            _check_names(archive, chosen)
            _check_sizes(archive, chosen, folder)
            for member in chosen:
                _extract(archive, member, folder)
            return [one.name for one in members if not wanted(one.name)]
    except (
        zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError,
        NotImplementedError,
    ) as error:  # fmt: skip
        raise _damaged(archive, error) from None
    except OSError as error:
        if error.errno is None:  # from bz2 and gzip, which have no error of their own
            raise _damaged(archive, error) from None
        raise


@contextmanager
def _of_zip(archive: Path) -> Iterator[list[_Member]]:
    with zipfile.ZipFile(archive) as bundle:

        def member(info: zipfile.ZipInfo) -> _Member:
            locked = "is encrypted; unzip it with its password first"
            problem = locked if info.flag_bits & _ENCRYPTED else ""
            extract = partial(bundle.extract, info)
            return _Member(info.filename, info.file_size, extract, info.is_dir(), problem)

        yield list(map(member, bundle.infolist()))


@contextmanager
def _of_tar(archive: Path) -> Iterator[list[_Member]]:
    with tarfile.open(archive) as bundle:

        def member(info: tarfile.TarInfo) -> _Member:
            known = info.isreg() or info.isdir()
            problem = "" if known else "is a link or device; unpack the archive first"
            name = info.name.removeprefix("./") + "/" * info.isdir()
            extract = partial(_write, bundle, info, name)
            return _Member(name, info.size, extract, info.isdir(), problem)

        members = list(map(member, bundle.getmembers()))
        # Two blocks of zeros are the end, and one is read; without them, members may be missing.
        if bundle.fileobj is not None and not bundle.fileobj.read(1):
            raise EOFError("cut off")
        yield members


def _write(bundle: tarfile.TarFile, info: tarfile.TarInfo, name: str, folder: Path) -> None:
    # Plain bytes: no owner, mode, link or time of an archive that is not trusted.
    file = folder / name
    if info.isdir():
        file.mkdir(parents=True, exist_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    found = bundle.extractfile(info)
    if found is not None:
        with found, open(file, "xb") as out:
            shutil.copyfileobj(found, out)


def _check_names(archive: Path, members: Sequence[_Member]) -> None:
    names = [one.name.rstrip("/") for one in members]
    counts = Counter(names)
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for member, name in zip(members, names, strict=True):
        if member.problem:
            raise DataError(f"{archive}: member {name!r} {member.problem}")
        if counts[name] > 1 or (not member.is_folder and name in folders):
            raise DataError(f"{archive}: more than one member is called {name!r}; unpack it first")


def _check_sizes(archive: Path, members: Sequence[_Member], folder: Path) -> None:
    # Neither zipfile nor tarfile extracts more than the size that a member declares.
    total, packed = sum(one.size for one in members), archive.stat().st_size
    if total > max(HARMLESS, LARGEST_RATIO * packed):
        raise DataError(
            f"{archive}: {packed:,} bytes would unpack to {total:,}, more than {LARGEST_RATIO} "
            "times as many; if that is right, unpack it first"
        )
    free = shutil.disk_usage(folder).free
    if total > free:
        raise OSError(
            errno.ENOSPC,
            f"{archive} would unpack to {total:,} bytes here, and {free:,} are free; unpack it "
            "where there is more space",
            str(folder),
        )


def _extract(archive: Path, member: _Member, folder: Path) -> None:
    try:
        member.extract(folder)
    except OSError as error:
        if error.errno not in _BAD_NAMES:
            raise
        name = member.name
        short = name if len(name) <= 60 else f"{name[:57]}..."
        raise DataError(f"{archive}: cannot unpack {short!r} ({error.strerror})") from None


def _damaged(archive: Path, error: Exception) -> DataError:
    kind = "tar" if archive.name.lower().endswith(TARS) else "zip"
    return DataError(
        f"{archive}: damaged or not a {kind} archive ({first_line(error)}); fetch it again"
    )
