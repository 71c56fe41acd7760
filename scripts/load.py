#!/usr/bin/env python
"""Puts load on `recsys serve` on this machine, and holds it against an empty route.

    scripts/load.py                          recommendations of stored users
    scripts/load.py --live                   of people who are folded in from a store
    scripts/load.py --live --writes 20       while people rate 20 items a second
    scripts/load.py --cache 0                every list is made again
    scripts/load.py --reload 5               while the model is replaced every five seconds
    scripts/load.py --workers 2 --seconds 60

The server and the client run on the same machine, with a model of MovieLens 1M. Blocks of requests
for recommendations and for the empty route (`/v1/health`) alternate, so that both see the same
machine. Every list is compared with what the model of that version answers. Prints JSON.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

import recsys

ROOT = Path(__file__).resolve().parents[1]
BLOCK_S = 1.0
N_PEOPLE = 400
EMPTY = "/v1/health"


@dataclass
class Measured:
    """What the client saw of one kind of request."""

    seconds: list[float] = field(default_factory=list)
    spent: float = 0.0
    server: float = 0.0
    """Seconds of CPU that the server used."""
    wrong: list[str] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """Rate and times."""
        ms = 1000 * np.array(self.seconds)
        p50, p99 = np.percentile(ms, [50, 99])
        return {
            "requests": len(ms),
            "per_second": round(len(ms) / self.spent, 1),
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "max_ms": round(float(ms.max()), 2),
            "server_cpu_ms": round(1000 * self.server / len(ms), 3),
            "wrong": len(self.wrong),
        }


class Connection:
    """A connection that asks as cheaply as Python can: the client shares the machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = b""

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        data = self._left
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._received()
        head = data[:end].lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(data) < end + 4 + length:
            data += self._received()
        self._left = data[end + 4 + length :]
        return int(head[9:12]), data[end + 4 : end + 4 + length]

    def _received(self) -> bytes:
        found = self._socket.recv(65536)
        if not found:
            raise ConnectionError("the server closed the connection")
        return found


def ask(port: int, paths: list[str], until: float, check: Any, into: Measured, n: int) -> None:
    """Asks in n threads until a time."""
    numbers, lock = count(), threading.Lock()

    def work() -> None:
        connection = Connection(port)
        mine, wrong = [], []
        while time.perf_counter() < until:
            path = paths[next(numbers) % len(paths)]
            started = time.perf_counter()
            status, body = connection.get(path)
            mine.append(time.perf_counter() - started)
            said = f"{path}: {status}" if status != 200 else check(path, body)
            if said:
                wrong.append(said)
        with lock:
            into.seconds += mine
            into.wrong += wrong

    started = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(n)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    into.spent += time.perf_counter() - started


@contextmanager
def served(arguments: list[str]) -> Iterator[tuple[int, int]]:
    """Port and process of a server."""
    command = [sys.executable, "-P", "-m", "recsys", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = server.stderr.readline()
        if not said.startswith("serving at http://127.0.0.1:"):
            server.kill()
            raise SystemExit(f"the server did not start: {said}")
        threading.Thread(target=server.stderr.read, daemon=True).start()
        try:
            yield int(said.split(":")[2]), server.pid
        finally:
            server.send_signal(signal.SIGTERM)
            if server.wait(60) != 143:
                print(f"the server ended with {server.returncode}", file=sys.stderr)


def memory(pid: int) -> float:
    """Resident memory of a process and its children, in MB."""
    found = subprocess.run(["ps", "-eo", "rss=,pid=,ppid="], capture_output=True, text=True)
    rows = [list(map(int, line.split())) for line in found.stdout.splitlines()]
    return round(sum(rss for rss, own, parent in rows if pid in (own, parent)) / 1024, 1)


def cpu(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            own, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
            if pid in (own, int(rest[1])):
                ticks += int(rest[11]) + int(rest[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def send(port: int, method: str, path: str, body: Any) -> Any:
    """The JSON of an answer to a change."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {said!r}")
    return json.loads(said)


def lists_of(model: recsys.Recommender, users: list[int]) -> dict[int, list[int]]:
    """The list of each user, as the model has it."""
    found = model.recommend_many(users, 10)
    lists: dict[int, list[int]] = {}
    for user, item in zip(found["user"].tolist(), found["item"].tolist(), strict=True):
        lists.setdefault(user, []).append(item)
    return lists


def main() -> int:
    """Runs the load, and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", default=str(ROOT / "data" / "ml-1m"))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--writes", type=float, default=0, help="ratings a second, with --live")
    parser.add_argument("--reload", type=float, default=0)
    parser.add_argument("--cache", type=float, default=32)
    given = parser.parse_args()
    if given.seconds > 900 or given.connections > 64:
        parser.error("at most 900 seconds and 64 connections")
    if given.writes and not given.live:
        parser.error("--writes goes with --live")
    with tempfile.TemporaryDirectory() as folder:
        report = measured(given, Path(folder))
    print(json.dumps(report, indent=2))
    return 1 if report["recommendations"]["wrong"] or report["empty"]["wrong"] else 0


def measured(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The load itself."""
    ratings = recsys.read_ratings(given.ratings)
    models = [
        recsys.train(recsys.ImplicitALS(64, seed=seed, n_epochs=6), ratings) for seed in (0, 1)
    ]
    files = [recsys.save(model, folder / f"{i}.safetensors") for i, model in enumerate(models)]
    users = models[0].fitted.users.ids[:N_PEOPLE].tolist()
    right = {str(i): lists_of(model, users) for i, model in enumerate(models)}
    arguments = [str(files[0]), "--workers", str(given.workers), "--cache", str(given.cache)]
    arguments += ["--store", f"sqlite:///{folder}/store.db"] if given.live else []
    with served(arguments) as (port, pid):
        if given.live:
            _rate_once(port, users, right["0"])
        paths = [f"/v1/users/{user}/recommendations" for user in users]
        check = Checked(right, given.live)
        pace = 1 / given.writes if given.writes else 0.0
        with repeated(pace, rating(port, check, users, models[0])) as writes:
            found = _alternating(given, port, pid, paths, check)
    lists, empty = found["recommendations"], found["empty"]
    about = {
        "workers": given.workers,
        "live": given.live,
        "reload_s": given.reload,
        "ratings_written": writes[0],
        "cache": given.cache,
    }
    ratios = {
        "ratio": round(lists["per_second"] / empty["per_second"], 3),
        # What else runs on the machine hardly changes this one.
        "cpu_ratio": round(empty["server_cpu_ms"] / lists["server_cpu_ms"], 3),
    }
    return about | found | ratios | {"examples": check.examples}


class Checked:
    """Whether a list is that of the model whose version it names."""

    def __init__(self, lists: dict[str, dict[int, list[int]]], live: bool) -> None:
        self._lists, self._live = lists, live
        self.examples: list[str] = []
        self.versions: dict[str, int] = {}
        self.rated: dict[int, list[tuple[float, int]]] = {}
        """User → when the service said that it has a rating, and the item."""

    def __call__(self, path: str, body: bytes) -> str:
        """What is wrong with an answer; "" where nothing is."""
        found = json.loads(body)
        name = found["model"]["name"]
        self.versions[name] = self.versions.get(name, 0) + 1
        items = [row["item"] for row in found["rows"]]
        if self._live:
            right = found["folded_in"] and not self._late(found["user"]).intersection(items)
        else:
            right = items == self._lists[name][found["user"]]
        if not right or len(items) != 10:
            self.examples = [*self.examples, body.decode()[:200]][:3]
            return "wrong"
        return ""

    def _late(self, user: int) -> set[int]:
        # What they rated before the request began, which takes less than half a second.
        now = time.perf_counter()
        return {item for when, item in self.rated.get(user, []) if when < now - 0.5}


@contextmanager
def repeated(every: float, act: Callable[[int], None]) -> Iterator[list[int]]:
    """Does something in a thread every so many seconds, 0 for never; how often it was done."""
    stop, done = threading.Event(), [0]

    def work() -> None:
        while every and not stop.wait(every):
            act(done[0])
            done[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()


def rating(
    port: int, check: Checked, users: list[int], model: recsys.Recommender
) -> Callable[[int], None]:
    """Lets somebody rate something, which must not be on their next list."""
    rng, items = np.random.default_rng(0), model.fitted.items.ids

    def act(_: int) -> None:
        user, item = users[rng.integers(len(users))], int(rng.choice(items))
        send(port, "PUT", f"/v1/users/{user}/ratings/{item}", {"rating": 4})
        check.rated.setdefault(user, []).append((time.perf_counter(), item))

    return act


def _rate_once(port: int, users: list[int], lists: dict[int, list[int]]) -> None:
    # Everybody rates the first item of their list, so that everybody has to be folded in.
    for user in users:
        send(port, "PUT", f"/v1/users/{user}/ratings/{lists[user][0]}", {"rating": 4})


def _alternating(
    given: argparse.Namespace, port: int, pid: int, paths: list[str], check: Checked
) -> dict[str, Any]:
    kinds = {"recommendations": Measured(), "empty": Measured()}
    for kind, warm in (("recommendations", paths), ("empty", [EMPTY])):
        ask(port, warm, time.perf_counter() + BLOCK_S, lambda *_: "", kinds[kind], 1)
        kinds[kind] = Measured()
    used_mb, end = [], time.perf_counter() + given.seconds

    def reload(n: int) -> None:
        send(port, "POST", "/v1/model", {"file": f"{(n + 1) % 2}.safetensors"})

    with repeated(given.reload, reload) as reloads:
        while time.perf_counter() < end:
            used_mb.append(memory(pid))
            for kind, asked, test in (
                ("recommendations", paths, check), ("empty", [EMPTY], lambda *_: ""),
            ):  # fmt: skip
                until, used = time.perf_counter() + BLOCK_S, cpu(pid)
                ask(port, asked, until, test, kinds[kind], given.connections)
                kinds[kind].server += cpu(pid) - used
    return {kind: one.report() for kind, one in kinds.items()} | {
        "reloads": reloads[0],
        "answers_by_model": check.versions,
        # While a model is replaced there are two: the median of a quarter is what stays.
        "memory_mb": [float(np.median(one)) for one in np.array_split(used_mb, 4) if len(one)],
    }


if __name__ == "__main__":
    sys.exit(main())
