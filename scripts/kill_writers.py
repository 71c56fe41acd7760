#!/usr/bin/env python3
"""Kills processes that write to a ratings store, and checks that nothing acknowledged is lost.

Several processes write to one store: single ratings, several at once, replacements, requests with
keys. Each reports what was acknowledged. At a random moment all of them are killed (SIGKILL). Then
the store is opened, its integrity is checked, and every rating that was acknowledged must be there,
or a later one that its writer sent in its place.

    scripts/kill_writers.py sqlite:////tmp/killed.db --times 50
    scripts/kill_writers.py postgresql://... --times 50
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Rating, UserRating

N_WRITERS, N_ITEMS = 3, 20


@dataclass
class Killed:
    """What came of it."""

    times: int = 0
    acknowledged: int = 0
    """Ratings that were acknowledged, each time they were."""
    lost: int = 0
    """Ratings that were acknowledged, and were not there, or older ones were."""
    damaged: int = 0
    """Times that the database was not sound."""


def write_for_ever(url: str, writer: int, first: int, report: Path) -> None:
    """Writes rising values as fast as it can, and notes each when it has been acknowledged."""
    chance = random.Random(first)
    with RatingsStore.open(url) as store, open(report, "wb", buffering=0) as notes:
        value = first
        while True:
            value += 1
            user, many = 10 * writer + value % 3, chance.random() < 0.2
            items = chance.sample(range(N_ITEMS), 5 if many else 1)
            key = f"{writer}-{value}" if chance.random() < 0.5 else None
            if many:
                store.write_many([UserRating(user, one, value) for one in items], key=key)
            else:
                store.write(user, [Rating(items[0], value)], key=key)
            # One write to the file, so that a line is there as a whole or not at all.
            notes.write("".join(f"{user} {one} {value}\n" for one in items).encode())


def nursery(url: str) -> None:
    """Starts writers for each line of standard input, by forks, which take no time to import.

    A line has a value to begin with and a folder for what they note. The answer is a line of
    their numbers, and an empty one when all of them have ended.
    """
    for line in sys.stdin:
        first, folder = line.rstrip("\n").split(" ", 1)
        pids = []
        for writer in range(1, N_WRITERS + 1):
            pid = os.fork()
            if not pid:
                write_for_ever(url, writer, int(first), Path(folder) / str(writer))
            pids.append(pid)
        print(*pids, flush=True)
        for pid in pids:
            os.waitpid(pid, 0)
        print(flush=True)


def kill_writers(url: str, times: int, seed: int = 0) -> Killed:
    """Starts writers and kills them, so many times; see the top of this file."""
    chance, found = random.Random(seed), Killed()
    with RatingsStore.open(url, create=True) as store:
        store.write(0, [Rating(0, 0)])
    acknowledged: dict[tuple[int, int], float] = {}
    command = [sys.executable, __file__, url, "--nursery"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as by:
        for n in range(times):
            lines = _killed_after(by, chance.uniform(0.02, 0.3), 100_000 * n)
            found.times += 1
            found.acknowledged += len(lines)
            for line in lines:
                user, item, value = map(int, line.split())
                acknowledged[user, item] = value
            with RatingsStore.open(url) as store:
                found.damaged += not store.is_sound()
                found.lost += _lost(store, acknowledged)
    return found


def _killed_after(by: "subprocess.Popen[str]", seconds: float, first: int) -> list[str]:
    # What the writers noted until they were killed, `seconds` after all of them had begun.
    assert by.stdin is not None
    assert by.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        by.stdin.write(f"{first} {folder}\n")
        by.stdin.flush()
        pids = list(map(int, by.stdout.readline().split()))
        reports = [Path(folder) / str(n + 1) for n in range(N_WRITERS)]
        end = time.monotonic() + 60
        while not all(one.exists() and one.stat().st_size for one in reports):
            if time.monotonic() > end:
                raise RuntimeError("a writer does not write")
            time.sleep(0.01)
        time.sleep(seconds)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        by.stdout.readline()
        return [line for report in reports for line in report.read_text().splitlines()]


def _lost(store: RatingsStore, acknowledged: dict[tuple[int, int], float]) -> int:
    lost = 0
    for user in {user for user, _ in acknowledged}:
        given = store.given(user)
        there = {} if given is None else dict(zip(given.items, given.values, strict=True))
        mine = {item: value for (who, item), value in acknowledged.items() if who == user}
        lost += sum(bool(there.get(item, -1) < value) for item, value in mine.items())
    return lost


def main() -> None:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nursery", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.nursery:
        nursery(given.url)
        return
    found = kill_writers(given.url, given.times, given.seed)
    print(
        f"killed {found.times} times; {found.acknowledged:,} ratings acknowledged, "
        f"{found.lost} lost; the database was damaged {found.damaged} times"
    )
    sys.exit(bool(found.lost or found.damaged))


if __name__ == "__main__":
    main()
