#!/usr/bin/env python3
"""What `recsys train --estimate` foresees against measured peaks, and what large data cost.

    scripts/memory.py estimate                 estimates against measured peaks; ten minutes
    scripts/memory.py scale 10 30              reading and training of 10 and 30 million ratings
    scripts/memory.py estimate scale 10 30 100 --write      both, into docs/performance.md

Peaks are those of whole processes, as the system counts them. Each is started afresh. Data sets of
millions are made here: the users of each eleven million rate items as in MovieLens 20M, the rows
are shuffled. MovieLens is read from data/ml-100k and data/ml-1m, as far as it is there.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from benchmark_jobs.data import MOVIELENS, N_USERS, synthetic
from benchmark_tables import replace_between_marks, row

import recsys
from recsys import provenance
from recsys.app.estimate import memory_of
from recsys.memory import process_memory
from recsys.threads import default_threads

PAGE = Path("docs/performance.md")
MILLION = 1_000_000
ESTIMATE_MARKS = "<!-- estimate -->", "<!-- /estimate -->"
SCALE_MARKS = "<!-- scale -->", "<!-- /scale -->"

MODELS = {
    "implicit-als": ("n_factors=64", "n_epochs=2"),
    "explicit-als": ("n_factors=64", "n_epochs=2"),
    "normalized-svd": (),
    "ease": (),
    "auto": (),
}
LARGE = 20
"""Millions of ratings of the larger data set of the estimates."""
SMALL_ONLY = "normalized-svd", "ease", "auto"
"""Models that are not measured on it: they take long, or more gigabytes than most machines have."""
SHOWN = 10, 30, 100, 300, 1000
"""Millions of ratings of the table; those that are not measured are computed."""
WIDTH = 64

LAUNCH = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss, file=sys.stderr)
os._exit(os.waitstatus_to_exitcode(status) != 0)
"""
"""Runs a command and prints its peak in KiB. The system counts the memory of the process that
starts another as that of the other, so a small one starts it."""


def make(n: int, folder: Path) -> dict[str, Path]:
    """Files of `n` ratings: Parquet and CSV."""
    files = {ending: folder / f"{n}.{ending}" for ending in ("parquet", "csv")}
    if all(file.exists() for file in files.values()):
        return files
    users, items = np.empty(n, np.int32), np.empty(n, np.int32)
    done, part = 0, 0
    while done < n:
        matrix = synthetic(1.0, part).tocoo()
        order = np.random.default_rng(part).permutation(matrix.nnz)[: n - done]
        users[done : done + len(order)] = matrix.row[order] + part * N_USERS
        items[done : done + len(order)] = matrix.col[order]
        done, part = done + len(order), part + 1
    rng = np.random.default_rng(n)
    order = rng.permutation(n)
    schema = pa.schema(
        {"user": pa.int32(), "item": pa.int32(), "rating": pa.float32(), "timestamp": pa.int64()}
    )
    with (
        pa.parquet.ParquetWriter(files["parquet"], schema) as parquet,
        pa.csv.CSVWriter(files["csv"], schema) as csv,
    ):
        for start in range(0, n, MILLION):
            own = order[start : start + MILLION]
            values = rng.integers(1, 11, len(own)).astype(np.float32) / 2
            times = rng.integers(789_652_009, 1_427_784_002, len(own))
            batch = pa.record_batch([users[own], items[own], values, times], schema=schema)
            parquet.write_batch(batch)
            csv.write_batch(batch)
    return files


def peak_of(command: Sequence[object]) -> tuple[int, str]:
    """Bytes that a process held at most, and what it printed.

    Raises:
        SystemExit: it failed.
    """
    line = [sys.executable, *map(str, command)]
    done = subprocess.run([sys.executable, "-c", LAUNCH, *line], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)} failed: {done.stderr}")
    return int(done.stderr.split()[-1]) * 1024, done.stdout


def estimates(folder: Path) -> Iterator[str]:
    """The rows of the first table."""
    yield row(["data", "model", "estimated, MB", "measured, MB", "estimated / measured"])
    yield "|---|---|---|---|---|"
    made = make(LARGE * MILLION, folder)
    data: dict[str, Path] = dict(reversed(MOVIELENS.items()))
    data |= {f"{LARGE} million, {ending}": file for ending, file in made.items()}
    for name, path in data.items():
        for model, settings in MODELS.items():
            if not path.exists() or (path in made.values() and model in SMALL_ONLY):
                continue
            given = [part for one in settings for part in ("--set", one)]
            command = ["-P", "-m", "recsys", "train", path, "--model", model, *given, "--json"]
            foreseen = json.loads(peak_of([*command, "--estimate"])[1])["memory"]["peak"]
            measured = peak_of([*command, "-o", folder / "model.safetensors"])[0]
            cells = [f"{foreseen / 1e6:,.0f}", f"{measured / 1e6:,.0f}"]
            bound = ", at most" if model == "auto" else ""
            line = row([name, f"`{model}`", *cells, f"{foreseen / measured:.2f}{bound}"])
            print(line, flush=True)
            yield line


def child(job: str, file: str) -> None:
    """Reads a file, and trains if that is the job; prints what it took."""
    import pandas  # noqa: F401  what reading imports is not its memory

    base = process_memory()[0]
    began = time.perf_counter()
    ratings = recsys.read_ratings(file)
    found: dict[str, float] = {"seconds": time.perf_counter() - began}
    found |= {"beyond": process_memory()[1] - base, "result": memory_of(ratings)}
    if job == "train":
        Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
        log = recsys.ImplicitALS(WIDTH, n_epochs=3).fit(ratings).log
        found |= {"epoch": log[-1].seconds / len(log), "fit": process_memory()[1] - base}
    print(json.dumps(found))


def measured(n: int, folder: Path) -> dict[str, float]:
    """What `n` ratings cost: seconds and bytes by name."""
    files = make(n, folder)
    found: dict[str, float] = {}
    for ending, job in (("parquet", "train"), ("csv", "read")):
        command = [__file__, "--child", job, files[ending]]
        own: dict[str, Any] = json.loads(peak_of(command)[1])
        found |= {f"{ending} seconds": own["seconds"], f"{ending} beyond": own["beyond"]}
        found |= {name: own[name] for name in ("epoch", "fit") if name in own}
        found["result"] = own["result"]
    print(n, found, flush=True)
    return found


def scale(millions: Sequence[int], folder: Path) -> Iterator[str]:
    """The rows of the second table."""
    heads = ["ratings", "Parquet, s", "CSV, s", "ratings in memory, GB", "peak beyond, Parquet, GB"]
    heads += ["beyond, CSV, GB", f"s an epoch, f = {WIDTH}", "peak of training, GB", ""]
    yield row(heads)
    yield "|" + "---|" * len(heads)
    known = {n: measured(n * MILLION, folder) for n in millions}
    largest = known[max(known)]
    for n in sorted({*SHOWN, *known}):
        # Every cost is a number per rating, as there are so many users to so many ratings.
        own = known.get(n) or {name: one * n / max(known) for name, one in largest.items()}
        cells = [f"{own[name]:,.0f}" for name in ("parquet seconds", "csv seconds")]
        cells.append(f"{own['result'] / 1e9:.2f}")
        for name in ("parquet beyond", "csv beyond"):
            cells.append(f"{(own[name] - own['result']) / 1e9:.2f}")
        cells += [f"{own['epoch']:.1f}", f"{own['fit'] / 1e9:.2f}"]
        how = "measured" if n in known else f"computed, from {max(known)} million"
        yield row([f"{n} million", *cells, how])


def machine() -> str:
    """Where the numbers are from."""
    found = provenance.machine()
    return (
        f"{found['processor']}, {found['cores']} cores, {default_threads()} threads; commit "
        f"{provenance.commit()}."
    )


def main() -> None:
    """Prints the tables, and writes them if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", nargs="*", help="estimate, scale, and millions of ratings")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    parser.add_argument("--folder", type=Path, help="where data are kept; made anew by default")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        millions = [int(one) for one in options.what if one.isdecimal()] or [10, 30]
        jobs = {
            "estimate": (ESTIMATE_MARKS, estimates(folder)),
            "scale": (SCALE_MARKS, scale(millions, folder)),
        }
        for name, (marks, lines) in jobs.items():
            if name in options.what:
                text = "\n".join([*lines, "", machine()])
                print(text)
                if options.write:
                    replace_between_marks(PAGE, f"{text}\n", marks)


if __name__ == "__main__":
    main()
