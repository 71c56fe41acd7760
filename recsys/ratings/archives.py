"""Unpacks zip archives that are not trusted."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from recsys.errors import DataError


def unpack(archive: Path, folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> None:
    """Extracts the wanted members of a zip archive into `folder`.

    Raises:
        DataError: the archive is damaged, or a member would be extracted outside the folder; in
            that case nothing is extracted.
    """
    try:
        with zipfile.ZipFile(archive) as bundle:
            for name in bundle.namelist():
                parts = Path(name.replace("\\", "/")).parts
                if name.startswith(("/", "\\")) or ".." in parts or name[1:2] == ":":
                    raise DataError(
                        f"{archive}: member {name!r} escapes the archive; nothing was unpacked"
                    )
            for name in bundle.namelist():
                if wanted(name):
                    bundle.extract(name, folder)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise DataError(
            f"{archive}: damaged or not a zip archive ({error}); fetch it again"
        ) from None
