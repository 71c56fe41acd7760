#!/usr/bin/env python3
"""Compares training by Apache Spark on this machine with training by recsys, on the same files.

Both read a Parquet file, train implicit ALS at f = 64 for ten epochs, and save the model; each run
is a command of its own, in turn. The first file is MovieLens 1M, the second is synthetic, with 20
million ratings. It needs Java 17 and pyspark.

    scripts/spark_times.py data/ml-1m            half an hour on two cores
    scripts/spark_times.py data/ml-1m --write    and write the table into docs/spark.md
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_tables import replace_between_marks, row
from memory import MILLION, make

import recsys
from recsys import provenance

PAGE = Path("docs/spark.md")
EPOCHS, WIDTH, MEMORY = 10, 64, "8g"
ENGINES = [(), ("--engine", "spark")]
REAL = "MovieLens 1M"
MODEL = ["--model", "implicit-als", "--set", f"n_factors={WIDTH}", "--set", f"n_epochs={EPOCHS}"]


def run(file: Path, out: Path, *more: str) -> dict[str, Any]:
    """What `recsys train --json` says."""
    command = [sys.executable, "-P", "-m", "recsys", "train", file, *MODEL, *more]
    submit = f"--driver-memory {MEMORY} pyspark-shell"
    done = subprocess.run(
        [*map(str, command), "--out", str(out), "--json"],
        env=os.environ | {"PYSPARK_SUBMIT_ARGS": submit}, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def seconds(file: Path, folder: Path, *more: str) -> float:
    """How long a command takes that trains on everything."""
    began = time.perf_counter()
    run(file, folder / "m.safetensors", *more)
    return time.perf_counter() - began


def ndcg(file: Path, folder: Path, *more: str) -> float:
    """NDCG@10 on a tenth that is held out."""
    found = run(file, folder / "m.safetensors", *more, "--test", "0.1")["accuracy"]
    return next(float(one["model"]) for one in found if one["metric"] == "NDCG@10")


def files(ml_1m: Path, millions: int, folder: Path) -> dict[str, tuple[Path, int]]:
    """Parquet files by name, with the number of their ratings; the rows are shuffled."""
    frame = recsys.read_ratings(ml_1m).to_frame().sample(frac=1, random_state=0)
    real = folder / "ml-1m.parquet"
    frame.to_parquet(real, index=False)
    n = millions * MILLION
    return {REAL: (real, len(frame)), "synthetic": (make(n, folder)["parquet"], n)}


def lines(found: dict[str, tuple[Path, int]], folder: Path, rounds: int) -> Iterator[str]:
    """The table."""
    yield row(("ratings", "recsys, s", "Spark, s", "Spark / recsys", "NDCG@10", "NDCG@10 of Spark"))
    yield "|---" * 6 + "|"
    for name, (file, n) in found.items():
        times = [[seconds(file, folder, *engine) for engine in ENGINES] for _ in range(rounds)]
        ours, its = np.median(times, axis=0)
        accuracy = [f"{ndcg(file, folder, *e):.3f}" if name == REAL else "–" for e in ENGINES]
        yield row((f"{name}, {n:,}", f"{ours:.1f}", f"{its:.0f}", f"{its / ours:.0f}", *accuracy))


def main() -> None:
    """Prints the table, and writes it if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("ratings", type=Path, help="MovieLens 1M")
    parser.add_argument("--millions", type=int, default=20, help="synthetic ratings; default: 20")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; default: 1")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    options = parser.parse_args()
    table = []
    with tempfile.TemporaryDirectory() as folder:
        found = files(options.ratings, options.millions, Path(folder))
        for text in lines(found, Path(folder), options.rounds):
            print(text, flush=True)
            table.append(text)
    machine = provenance.machine()
    made = f"{machine['processor']}, {machine['cores']} cores; commit {provenance.commit()}."
    print(f"\n{made}")
    if options.write:
        text = "\n".join([*table, "", made]) + "\n"
        replace_between_marks(PAGE, text, ("<!-- spark -->", "<!-- /spark -->"))


if __name__ == "__main__":
    main()
