"""A server of archives that misbehaves in every way, for tests of downloads."""

from __future__ import annotations

import hashlib
import http.server
import io
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

README = "Summary\n=======\n\nUsage License\n====\n\nBe kind.\n\nCitation\n====\nHarper\n"
N_RATINGS = 39_999


def zip_of(members: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in members.items():
            # Without the time of day: archives that are parameters have it in the names of tests.
            bundle.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_STORED)
    return buffer.getvalue()


def archive_bytes(folder: str = "ml-tiny") -> bytes:
    rows = "".join(f"{u},{u % 100 + 1},4.0,{u}\n" for u in range(1, N_RATINGS + 1))
    ratings = "userId,movieId,rating,timestamp\n" + rows
    return zip_of({f"{folder}/ratings.csv": ratings, f"{folder}/README.txt": README})


@dataclass
class Server:
    """What is served, and how it misbehaves."""

    body: bytes = field(default_factory=archive_bytes)
    status: int = 200
    cut_at: list[int] = field(default_factory=list)
    """Number of bytes after which each of the next replies is cut off."""
    pause: float = 0.0
    """Seconds before the body."""
    drip: float = 0.0
    """Seconds after each 100,000 bytes."""
    ranges: bool = True
    md5: str | None = None
    length: str | None = "right"
    """What the header Content-Length says; None for no such header."""
    endless: bool = False
    asked: list[str | None] = field(default_factory=list)
    """The ranges of the archive that were asked for."""
    sent: int = 0
    url: str = ""


@contextmanager
def serving() -> Iterator[Server]:
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if state.status != 200:
                self.send_error(state.status)
                return
            if self.path.endswith(".md5"):
                digest = state.md5 or hashlib.md5(state.body).hexdigest()
                self.reply(200, f"MD5 (x.zip) = {digest}\n".encode(), "right")
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
            self.reply(206 if start else 200, body, state.length, cut)

        def reply(
            self, status: int, body: bytes, length: str | None, cut: int | None = None
        ) -> None:
            self.send_response(status)
            if length is not None:
                self.send_header("Content-Length", str(len(body)) if length == "right" else length)
            self.end_headers()
            time.sleep(state.pause)
            for start in range(0, len(body[:cut]), 100_000):
                self.send(body[:cut][start : start + 100_000])
                time.sleep(state.drip)
            while state.endless:
                self.send(bytes(100_000))

        def send(self, chunk: bytes) -> None:
            try:
                state.sent += self.wfile.write(chunk)
            except ConnectionError:  # the client has what it wants
                state.endless = False

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        state.url = f"http://127.0.0.1:{httpd.server_port}"
        yield state
        httpd.shutdown()
        thread.join()
