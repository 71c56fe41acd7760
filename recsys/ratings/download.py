"""Downloads a file: resumable, and never more of it than it may have."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import BinaryIO

from recsys.errors import DownloadError

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes received and the bytes expected (None if the server does not say)."""

_ATTEMPTS = 3
_CHUNK = 1 << 18


class UnreachableError(DownloadError):
    """The server cannot be reached at all."""


class _BrokenOffError(Exception):
    """A reply ended with an error; what came before is kept."""


def download(
    url: str,
    part: BinaryIO,
    *,
    size: int | None,
    largest: int,
    timeout: float,
    on_bytes: OnBytes | None,
) -> None:
    """Appends what is missing to `part`, which holds the beginning of the file at `url`.

    Args:
        url: what to download.
        part: what earlier calls have received, open for reading and writing.
        size: bytes of the file, where they are known beforehand.
        largest: most bytes that are received otherwise.
        timeout: seconds without a byte before giving up.
        on_bytes: called with the progress.

    Raises:
        DownloadError: the file is not complete. What there is of it is kept, unless it cannot be
            right.
        OSError: it cannot be written.
    """
    total: int | None = None
    for attempt in range(1, _ATTEMPTS + 1):
        if _length(part) > (largest if size is None else size):
            part.truncate(0)  # it belongs to another file
        try:
            total = _receive(url, part, size, largest, timeout, on_bytes)
        except _BrokenOffError as error:
            if attempt < _ATTEMPTS:
                continue
            raise DownloadError(
                f"{url}: {error} after {_length(part):,} bytes; run again to resume"
            ) from None
        have = _length(part)
        if total is None or have == total:
            return
        if have > total:
            part.truncate(0)
    raise DownloadError(
        f"{url}: cut off at {_length(part):,} of {total:,} bytes; run again to resume"
    )


def published_md5(url: str, timeout: float) -> str:
    """The MD5 that is published next to a file, at `url`.md5.

    Raises:
        DownloadError: there is none.
    """
    # GroupLens publishes "MD5 (ml-32m.zip) = ..." next to each archive.
    try:
        with _opened(f"{url}.md5", timeout) as reply:
            text = _read(reply, 4096).decode("ascii", errors="replace")
    except _BrokenOffError as error:
        raise DownloadError(f"{url}.md5: {error}; try again later") from None
    found = re.search(r"\b[0-9a-fA-F]{32}\b", text)
    if not found:
        raise DownloadError(f"{url}.md5: contains no checksum; try again later")
    return found[0].lower()


def md5_of(stream: BinaryIO) -> str:
    """The MD5 of a whole file."""
    stream.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _receive(
    url: str,
    part: BinaryIO,
    size: int | None,
    largest: int,
    timeout: float,
    on_bytes: OnBytes | None,
) -> int | None:
    # Appends what comes, and returns the bytes of the complete file.
    have = _length(part)
    with _opened(url, timeout, have) as reply:
        if reply.status == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return size or _size_in(reply.headers.get("Content-Range", ""))
        if reply.status != http.client.PARTIAL_CONTENT:
            have = 0
        total = _announced(url, reply, have, size, largest)
        part.truncate(have)
        part.seek(have)
        while chunk := _read(reply, _CHUNK):
            have += len(chunk)
            if have > (total or largest):
                part.truncate(0)
                raise DownloadError(
                    f"{url}: the server sends more than the {total or largest:,} bytes that it may "
                    "have; what came was deleted"
                )
            part.write(chunk)
            if on_bytes is not None:
                on_bytes(have, total)
        part.flush()
    return total


def _announced(
    url: str, reply: http.client.HTTPResponse, have: int, size: int | None, largest: int
) -> int | None:
    # The bytes of the complete file, from what the server says of the rest of it.
    said = reply.headers.get("Content-Length")
    if said is None:
        return size
    if not re.fullmatch("[0-9]{1,18}", said.strip()):
        short = said if len(said) <= 40 else f"{said[:37]}..."
        raise DownloadError(f"{url}: the server gives its size as {short!r}; try again later")
    total = have + int(said)
    if size is not None and total != size:
        raise DownloadError(
            f"{url}: the server offers {total:,} bytes, and the file has {size:,}; try again "
            "later, or another mirror"
        )
    if total > largest:
        raise DownloadError(f"{url}: has {total:,} bytes, more than the {largest:,} it may have")
    return total


def _size_in(content_range: str) -> int | None:
    found = re.fullmatch(r"bytes \*/([0-9]{1,18})", content_range)
    return int(found[1]) if found else None


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
    except (ValueError, http.client.InvalidURL) as error:
        raise DownloadError(f"{url}: not a URL ({error})") from None
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOffError(str(error) or type(error).__name__) from None


def _read(reply: http.client.HTTPResponse, most: int) -> bytes:
    try:
        return reply.read(most)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOffError(str(error) or type(error).__name__) from None


def _length(part: BinaryIO) -> int:
    part.flush()
    return os.fstat(part.fileno()).st_size
