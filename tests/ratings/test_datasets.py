"""Fetching against a local server that fails in every way."""

import hashlib
import http.server
import io
import os
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import recsys
from recsys.errors import DownloadError
from recsys.ratings import datasets

README = "Summary\n=======\n\nUsage License\n====\n\nBe kind.\n\nCitation\n====\nHarper\n"


def archive_bytes(folder: str = "ml-tiny") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as bundle:
        rows = "".join(f"{u},{u % 100 + 1},4.0,{u}\n" for u in range(1, 40_000))
        bundle.writestr(f"{folder}/ratings.csv", "userId,movieId,rating,timestamp\n" + rows)
        bundle.writestr(f"{folder}/README.txt", README)
    return buffer.getvalue()


@dataclass
class Server:
    """What the handler serves, and how it misbehaves."""

    body: bytes = field(default_factory=archive_bytes)
    status: int = 200
    cut_at: list[int] = field(default_factory=list)
    """Number of bytes after which each of the next replies is cut off."""
    pause: float = 0.0
    ranges: bool = True
    md5: str | None = None
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if state.status != 200:
                self.send_error(state.status)
                return
            if self.path.endswith(".md5"):
                digest = state.md5 or hashlib.md5(state.body).hexdigest()
                self.reply(200, f"MD5 (x.zip) = {digest}\n".encode())
                return
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            start = int(wanted[6:-1]) if wanted and state.ranges else 0
            if start >= len(state.body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.body)}")
                self.end_headers()
                return
            body = state.body[start:]
            cut = state.cut_at.pop(0) if state.cut_at else len(body)
            self.reply(206 if start else 200, body, cut)

        def reply(self, status: int, body: bytes, cut: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            time.sleep(state.pause)
            self.wfile.write(body[:cut])

        def log_message(self, *_: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    yield state
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def fetch(server: Server, to: Path, **options: Any) -> datasets.Fetched:
    # ml-32m, because its checksum is downloaded, so the server can invent one.
    return datasets.fetch("ml-32m", to, base_url=server.url, **options)


def assert_nothing_passes_for_whole(to: Path) -> None:
    assert not (to / "ml-32m").exists()
    assert not list(to.glob("*.zip"))


def test_fetches_unpacks_and_shows_the_licence(server: Server, tmp_path: Path) -> None:
    received = []
    fetched = fetch(server, tmp_path, on_bytes=lambda done, total: received.append((done, total)))
    assert fetched.folder == tmp_path / "ml-32m"
    assert fetched.licence == "Be kind."
    assert received[-1] == (len(server.body), len(server.body))
    assert recsys.read_ratings(fetched.folder).n_ratings == 39_999
    assert [p.name for p in tmp_path.iterdir()] == ["ml-32m"]
    again = fetch(server, tmp_path)
    assert again.source == "already there"
    assert len(server.asked) == 1


def test_a_download_cut_off_midway_goes_on_by_itself(server: Server, tmp_path: Path) -> None:
    server.cut_at = [100_000, 50_000]
    fetch(server, tmp_path)
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_download_that_stays_cut_off_can_be_resumed_later(server: Server, tmp_path: Path) -> None:
    server.cut_at = [1000, 1000, 1000]
    with pytest.raises(DownloadError, match=r"cut off at 3,000 of [\d,]+ bytes; run again"):
        fetch(server, tmp_path)
    assert_nothing_passes_for_whole(tmp_path)
    fetch(server, tmp_path)
    assert server.asked[-1] == "bytes=3000-"
    assert recsys.read_ratings(tmp_path / "ml-32m").n_ratings == 39_999


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.cut_at = [1000]
    fetch(server, tmp_path)
    assert recsys.read_ratings(tmp_path / "ml-32m").n_ratings == 39_999


def test_a_complete_part_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "ml-32m.zip.part").write_bytes(server.body)
    fetch(server, tmp_path)
    assert server.asked == [f"bytes={len(server.body)}-"]


def test_wrong_bytes_are_thrown_away(server: Server, tmp_path: Path) -> None:
    server.md5 = "0" * 32
    with pytest.raises(DownloadError, match=r"the checksum is \w+, not 0000.* was deleted"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_is_found_out(server: Server, tmp_path: Path) -> None:
    (tmp_path / "ml-32m.zip.part").write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match="checksum"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []
    fetch(server, tmp_path)


def test_network_errors_are_one_clear_line(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(DownloadError, match=r"ml-32m\.zip\.md5: the server answered 404 Not Found"):
        fetch(server, tmp_path)
    with pytest.raises(DownloadError, match=r"cannot be reached .*refused"):
        datasets.fetch("ml-1m", tmp_path, base_url="http://127.0.0.1:9", timeout=5)
    with pytest.raises(DownloadError, match="not a URL"):
        datasets.fetch("ml-1m", tmp_path, base_url="nonsense")
    with pytest.raises(ValueError, match=r"data set must be one of ml-100k, .*not 'ml-2m'"):
        datasets.fetch("ml-2m", tmp_path)
    assert_nothing_passes_for_whole(tmp_path)


def test_a_slow_server_times_out_and_says_so(server: Server, tmp_path: Path) -> None:
    server.pause = 2.0
    with pytest.raises(DownloadError, match=r"timed out|no answer"):
        fetch(server, tmp_path, timeout=0.2)
    assert_nothing_passes_for_whole(tmp_path)


def test_no_checksum_no_download(server: Server, tmp_path: Path) -> None:
    server.md5 = "none"
    with pytest.raises(DownloadError, match="contains no checksum"):
        fetch(server, tmp_path)


def test_fetching_never_starts_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("fetch started a process")

    for name in ("fork", "posix_spawn", "posix_spawnp", "system", "execv", "execve"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    said = r"cannot be reached .*; in a checkout, scripts/ml_100k_from_pypi\.py gets ml-100k"
    with pytest.raises(DownloadError, match=said):
        datasets.fetch("ml-100k", tmp_path, base_url="http://127.0.0.1:9", timeout=5)
    assert list(tmp_path.iterdir()) == []
