#!/usr/bin/env python3
"""What a checkpoint costs a training: the copy of a state, and its file.

    scripts/checkpoint_cost.py data/ml-1m              two minutes on two cores
    scripts/checkpoint_cost.py data/ml-1m --write      and write the table into docs/performance.md

Each model is trained for some epochs without a checkpoint and with a state after each epoch, in
turn. The state after the last epoch but one is then saved again and again. Numbers are medians.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmark_tables import replace_between_marks, row

import recsys
from recsys.models.bayesian_mf import BayesianMF
from recsys.models.kept import EVERY
from recsys.models.spec import Spec
from recsys.store import container
from recsys.store.checkpoint import entry_of

PAGE = Path("docs/performance.md")
MARKS = "<!-- checkpoint -->", "<!-- /checkpoint -->"
SPECS: tuple[Spec, ...] = (
    recsys.ImplicitALS(64, n_epochs=16),
    recsys.ExplicitALS(64, n_epochs=16),
    BayesianMF(n_burn_in=5, n_samples=20, thinning=1),
)
ROUNDS = 3


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def cells(spec: Spec, ratings: recsys.Ratings, file: Path) -> Iterator[str]:
    """The row of a model."""
    states: list[recsys.State] = []

    def on_state(state: recsys.State) -> None:
        states[:] = [state]

    spec.fit(ratings)  # the first fit takes longer
    plain, kept = [], []
    for _ in range(ROUNDS):
        plain.append(seconds(lambda: spec.fit(ratings)))
        kept.append(seconds(lambda: spec.fit(ratings, on_state=on_state)))
    n_epochs, state = spec.n_epochs, states[0]  # type: ignore[attr-defined]
    copies = [seconds(state.copy) for _ in range(20)]
    saves = []
    for _ in range(10):
        entry = entry_of(state)
        saves.append(seconds(lambda entry=entry: container.write(file, *entry)))  # type: ignore[misc]
    yield f"`{spec.name}`"
    for times in (plain, kept):
        yield f"{1e3 * statistics.median(times) / n_epochs:.0f}"
    yield f"{1e3 * statistics.median(copies):.1f}"
    yield f"{file.stat().st_size / 1e6:.1f}"
    yield f"{1e3 * statistics.median(saves):.0f}"
    yield f"{statistics.median(saves) / EVERY:.2%}"


def main() -> None:
    """Prints the table, and writes it if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("ratings", type=Path, help="ratings with values")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    options = parser.parse_args()
    ratings = recsys.read_ratings(options.ratings)
    heads = ("model", "ms an epoch", "with a state after each", "ms a copy", "MB a file",
             "ms a save", f"of {EVERY:g} s")  # fmt: skip
    lines = [row(heads), "|---" * len(heads) + "|"]
    with tempfile.TemporaryDirectory() as folder:
        for spec in SPECS:
            lines.append(row(tuple(cells(spec, ratings, Path(folder) / "state"))))
            print(lines[-1], flush=True)
    body = "\n".join(lines)
    print(body)
    if options.write:
        replace_between_marks(PAGE, body + "\n", MARKS)


if __name__ == "__main__":
    main()
