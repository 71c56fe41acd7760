"""What a server may say and send, and what becomes of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from downloads import Server, serving

from recsys.errors import DownloadError
from recsys.ratings.download import download, md5_of

LARGEST = 2_000_000


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        state.body = bytes(range(256)) * 4_000
        yield state


@pytest.fixture
def part(tmp_path: Path) -> Iterator[BinaryIO]:
    with open(tmp_path / "part", "w+b") as stream:
        yield stream


def receive(server: Server, part: BinaryIO, size: int | None = None, timeout: float = 20) -> bytes:
    url = f"{server.url}/x.zip"
    largest = size or LARGEST
    download(url, part, size=size, largest=largest, timeout=timeout, on_bytes=None)
    part.seek(0)
    return part.read()


def test_a_server_need_not_say_how_much_it_sends(server: Server, part: BinaryIO) -> None:
    server.length = None
    assert receive(server, part) == server.body
    assert md5_of(part) == md5_of(io.BytesIO(server.body))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("said", ["abc", "-5", "", "1_000", "1e5", "٣", "9" * 19, "0x10", "5, 5"])
def test_a_length_that_is_none(said: str, known: bool, server: Server, part: BinaryIO) -> None:
    server.length = said.encode().decode("latin-1")
    with pytest.raises(DownloadError, match="gives its size as"):
        receive(server, part, len(server.body) if known else None)


def test_a_length_that_is_too_large_is_refused_at_once(server: Server, part: BinaryIO) -> None:
    server.length = str(LARGEST + 1)
    with pytest.raises(DownloadError, match=r"has 2,000,001 bytes, more than the 2,000,000"):
        receive(server, part)
    assert md5_of(part) == md5_of(io.BytesIO(b""))


@pytest.mark.parametrize("said", [0, 5, 10_000_000])
def test_a_wrong_length_of_a_known_file(said: int, server: Server, part: BinaryIO) -> None:
    server.length = str(said)
    with pytest.raises(DownloadError, match=f"offers {said:,} bytes, and the file has 1,024,000"):
        receive(server, part, len(server.body))


@pytest.mark.parametrize("known", [True, False])
def test_a_body_without_an_end(known: bool, server: Server, part: BinaryIO) -> None:
    server.length, server.endless = None, True
    with pytest.raises(DownloadError, match="sends more than the .* what came was deleted"):
        receive(server, part, len(server.body) if known else None)
    assert server.sent < 20_000_000  # what the sockets hold included
    assert part.seek(0, io.SEEK_END) == 0


def test_more_than_was_announced_is_not_read(server: Server, part: BinaryIO) -> None:
    server.length, server.endless = "1000", True
    assert receive(server, part) == server.body[:1000]


def test_less_than_was_announced(server: Server, part: BinaryIO) -> None:
    server.length = "1030000"
    assert receive(server, part) == server.body  # asked for the rest, the server has none
    assert server.asked == [None, "bytes=1024000-"]
    server.ranges = False
    with pytest.raises(DownloadError, match="cut off at 1,024,000 of 1,030,000 bytes; run again"):
        receive(server, part)


def test_a_part_that_is_too_long_is_begun_again(server: Server, part: BinaryIO) -> None:
    part.write(bytes(LARGEST + 1))
    assert receive(server, part) == server.body
    assert server.asked == [None]
