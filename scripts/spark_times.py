#!/usr/bin/env python3
"""Compares training by Apache Spark on this machine with training by recsys, on the same files.

Both read a Parquet file, train implicit ALS at f = 64 for ten epochs, and save the model; each run
is a command of its own, in turn. The first file is MovieLens 1M, the second a synthetic matrix in
the shape of MovieLens 20M. It needs Java 17 and pyspark.

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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_jobs.data import as_ratings, synthetic
from benchmark_tables import replace_between_marks, row

import recsys
from recsys import provenance

PAGE = Path("docs/spark.md")
EPOCHS, WIDTH, MEMORY = 10, 64, "8g"
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


def measured(file: Path, folder: Path, *more: str) -> tuple[float, float]:
    """Seconds of a command that trains on everything, and NDCG@10 of one that holds out."""
    began = time.perf_counter()
    run(file, folder / "m.safetensors", *more)
    seconds = time.perf_counter() - began
    accuracy = run(file, folder / "m.safetensors", *more, "--test", "0.1")["accuracy"]
    return seconds, next(one["model"] for one in accuracy if one["metric"] == "NDCG@10")


def written(ratings: recsys.Ratings, folder: Path, name: str) -> Path:
    """The ratings as a Parquet file, shuffled."""
    file = folder / f"{name}.parquet"
    ratings.to_frame().sample(frac=1, random_state=0).to_parquet(file, index=False)
    return file


def lines(ml_1m: Path, size: float, rounds: int) -> Iterator[str]:
    """The table."""
    yield row(("ratings", "recsys, s", "Spark, s", "Spark / recsys", "NDCG@10", "NDCG@10 of Spark"))
    yield "|---" * 6 + "|"
    sets: dict[str, Callable[[], recsys.Ratings]] = {
        "MovieLens 1M": lambda: recsys.read_ratings(ml_1m),
        "synthetic": lambda: as_ratings(synthetic(size)),
    }
    for name, make in sets.items():
        with tempfile.TemporaryDirectory() as folder:
            ratings = make()
            file = written(ratings, Path(folder), name.replace(" ", "-"))
            here, there = [], []
            for _ in range(rounds):
                here.append(measured(file, Path(folder)))
                there.append(measured(file, Path(folder), "--engine", "spark"))
            ours, its = np.median(here, axis=0), np.median(there, axis=0)
            yield row((
                f"{name}, {ratings.n_ratings:,}", f"{ours[0]:.1f}", f"{its[0]:.0f}",
                f"{its[0] / ours[0]:.0f}", f"{ours[1]:.3f}", f"{its[1]:.3f}",
            ))  # fmt: skip


def main() -> None:
    """Prints the table, and writes it if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("ratings", type=Path, help="MovieLens 1M")
    parser.add_argument("--size", type=float, default=1.0, help="share of the synthetic matrix")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; default: 1")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    options = parser.parse_args()
    table = []
    for text in lines(options.ratings, options.size, options.rounds):
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
