#!/usr/bin/env python3
"""Times how a ratings store takes in and gives back many ratings, and writes of single ones.

Each step runs in a process of its own, so that its peak memory is its own. The ratings have the
shape of MovieLens 20M (lognormal users, Zipf items) and a fixed seed. The store is made in an
empty database, and left there.

    scripts/store_speed.py sqlite:////tmp/speed.db --ratings 20000000
    scripts/store_speed.py postgresql://... --ratings 20000000
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

import recsys
from recsys import provenance
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Rating

USERS_PER_RATING, ITEMS_PER_RATING = 138_493 / 20_000_263, 26_744 / 20_000_263
N_THREADS, N_WRITES, N_READS = 4, 50, 1000


def synthetic(n: int, seed: int = 0) -> pd.DataFrame:
    """About n ratings of distinct pairs, in the order of users."""
    rng = np.random.default_rng(seed)
    n_users, n_items = max(10, int(n * USERS_PER_RATING)), max(500, int(n * ITEMS_PER_RATING))
    weights = rng.lognormal(0, 1.2, n_users)
    per_user = np.minimum(1 + rng.poisson(weights / weights.sum() * n * 1.15), n_items // 2)
    users = np.repeat(np.arange(1, n_users + 1, dtype=np.int32), per_user)
    items = (n_items * rng.random(len(users), np.float32) ** 2).astype(np.int32) + 1
    pairs = np.unique(users.astype(np.int64) * (n_items + 1) + items)
    ratings = (rng.integers(1, 11, len(pairs)) / 2).astype(np.float32)
    times = rng.integers(800_000_000, 1_700_000_000, len(pairs))
    return pd.DataFrame(
        {
            "user_id": (pairs // (n_items + 1)).astype(np.int32),
            "item_id": (pairs % (n_items + 1)).astype(np.int32),
            "rating": ratings,
            "timestamp": times,
        }
    )


def make(_: str, file: str, n: int) -> int:
    """Writes the ratings to a Parquet file."""
    frame = synthetic(n)
    frame.to_parquet(file)
    return len(frame)


def read_file(_: str, file: str, __: int) -> int:
    """Reads the file, which is where an import begins."""
    return recsys.read_ratings(file).n_ratings


def import_(url: str, file: str, _: int) -> int:
    """Reads the file and writes it to the store."""
    ratings = recsys.read_ratings(file)
    with RatingsStore.open(url, create=True) as store:
        return store.importing(ratings)


def read(url: str, _: str, __: int) -> int:
    """Reads the ratings of the store."""
    return recsys.read_ratings(url).n_ratings


def export(url: str, file: str, _: int) -> int:
    """Writes the ratings of the store to Parquet."""
    with RatingsStore.open(url) as store:
        store.export(Path(file).parent / "out", "parquet")
        return store.counts()["ratings"]


def ask(url: str, _: str, __: int) -> int:
    """Reads people one by one."""
    rng = np.random.default_rng(1)
    with RatingsStore.open(url) as store:
        most = store.counts()["users"]
        for what, question in (("a person", store.given), ("a mark", store.mark)):
            times = []
            for user in rng.integers(1, most + 1, N_READS).tolist():
                start = time.perf_counter()
                question(user)
                times.append(time.perf_counter() - start)
            say_times(what, times)
        return 2 * N_READS


def write(url: str, _: str, __: int) -> int:
    """Writes single ratings in several threads."""
    times: list[float] = []

    def work(user: int) -> None:
        for item in range(N_WRITES):
            start = time.perf_counter()
            store.write(user, [Rating(item + 1, 4.0)])
            times.append(time.perf_counter() - start)

    with RatingsStore.open(url) as store:
        threads = [threading.Thread(target=work, args=(1 + n,)) for n in range(N_THREADS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    say_times("a write", times)
    return len(times)


STEPS: dict[str, Callable[[str, str, int], int]] = {
    "make": make, "read-file": read_file, "import": import_, "read": read, "export": export,
    "ask": ask, "write": write,
}  # fmt: skip


def say_times(what: str, seconds: list[float]) -> None:
    """Prints to standard error, because the result of a step is on standard output."""
    middle, most = median(seconds) * 1e3, np.quantile(seconds, 0.99) * 1e3
    print(f"{what}: median {middle:.2f} ms, 99 % {most:.2f} ms", file=sys.stderr)


def step(name: str, url: str, file: str, n: int) -> None:
    """Runs one step and prints what it took."""
    start = time.perf_counter()
    done = STEPS[name](url, file, n)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(json.dumps({"n": done, "seconds": seconds, "cpu": cpu, "peak": peak}))


def main() -> None:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--steps", default=",".join(STEPS), help="default: %(default)s")
    parser.add_argument("--file", help="Parquet file of ratings, made if it is not there")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step(given.step, given.url, given.file, given.ratings)
        return
    print(", ".join(f"{k} {v}" for k, v in provenance.versions().items()))
    with tempfile.TemporaryDirectory() as folder:
        file = given.file or str(Path(folder) / "ratings.parquet")
        for name in given.steps.split(","):
            if name == "make" and Path(file).exists():
                continue
            command = [sys.executable, __file__, given.url, "--step", name, "--file", file]
            command += ["--ratings", str(given.ratings)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout)
            rate = found["n"] / found["seconds"]
            print(
                f"{name:9} {found['n']:>12,} in {found['seconds']:7.1f} s  {rate:>11,.0f}/s  "
                f"CPU {found['cpu']:,.1f} s  peak {found['peak']:,.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
