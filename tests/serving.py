"""`recsys serve` in a process of its own, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


class Server:
    """A server that runs, and a client of it."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address
        self.client = httpx.Client(base_url=address, timeout=30)

    def end(self, number: int) -> tuple[int, str]:
        """Sends a signal; returns the exit code and what was said on standard error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextmanager
def serving(*arguments: Any) -> Iterator[Server]:
    """A server on a free port, which ends with the block."""
    command = [sys.executable, "-P", "-m", "recsys", "serve", "--port", "0", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {})
    assert process.stderr is not None
    first = process.stderr.readline()
    while first.startswith("{"):  # the log
        first = process.stderr.readline()
    if not first.startswith("serving at http"):
        process.kill()
        raise AssertionError(f"no server: {first}{process.communicate()[1]}")
    server = Server(process, first.split()[2].removesuffix(":"))
    try:
        yield server
    finally:
        server.client.close()
        if process.poll() is None:
            process.kill()
            process.communicate()
