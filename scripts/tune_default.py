#!/usr/bin/env python3
"""Compares the default, `recsys.auto()`, with ImplicitALS tuned by many trials of random settings.

    scripts/tune_default.py SET... [--trials 120] [--seeds 0,1,2] [--json FILE]
    scripts/tune_default.py SET... --rule

Each SET is a file or folder of ratings. A tenth of its ratings is the test. Trials are fitted to a
part of the others and ranked on the rest, and the best is trained on all of them, as `auto` does
it: the test chooses nothing. The trials draw the weight of unseen pairs, the regularization, its
exponent, the width and the kind of feedback, over ranges wider than those of `auto`.

With `--rule`, prints the constants of the rule for each set left out in turn: the mean of the five
points with the highest NDCG, relative to the best on each set, over the other sets.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import recsys
from recsys.errors import FitError
from recsys.evaluation.protocol.validation import validation_score
from recsys.evaluation.search.kinds import kinds_of_feedback
from recsys.evaluation.search.rounds import NARROWEST, WIDEST, middle
from recsys.evaluation.search.rule import EPOCHS, RULE, WIDTH, Point
from recsys.evaluation.search.trials import Bench, Setting
from recsys.evaluation.search.work import Ledger
from recsys.provenance import machine

LOW, HIGH = Point(1.0, 0.05, 0.0), Point(1000.0, 3.0, 1.3)
"""The corners of what random trials draw."""

POINTS = 48
"""Points of the grid by which the rule is fitted."""

ROW = "{:<16} {:>4} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>7} {:>6}"
HEADINGS = ("set", "seed", "popular", "default", "rule", "auto", "tuned", "ratio", "f auto",
            "s auto", "fits")  # fmt: skip


def drawn(u: npt.NDArray[np.float64]) -> Point:
    """The point at shares (3,) of the way between the corners."""
    contrast, ridge = (
        low * (high / low) ** share
        for low, high, share in zip(
            (LOW.contrast, LOW.ridge), (HIGH.contrast, HIGH.ridge), u[:2], strict=True
        )
    )
    return Point(float(contrast), float(ridge), float(u[2] * HIGH.exponent))


def latin(rng: np.random.Generator, n: int, axes: int) -> npt.NDArray[np.float64]:
    """(n, axes) a Latin hypercube."""
    ranks = np.array([rng.permutation(n) for _ in range(axes)]).T
    return np.asarray((ranks + rng.random((n, axes))) / n)


def tuned(train: recsys.Ratings, n_trials: int, seed: int) -> tuple[Any, recsys.Feedback]:
    """The best of random trials on a validation part: its spec and feedback."""
    bench = Bench(train, train.matrix.data > 0, Ledger(math.inf), seed)
    kinds = kinds_of_feedback(train)
    for u in latin(np.random.default_rng(seed), n_trials, 5):
        width = round(NARROWEST * (WIDEST / NARROWEST) ** u[3])
        setting = Setting(drawn(u[:3]), width, kinds[int(u[4] * len(kinds))])
        bench.tried(setting, EPOCHS, bench.n_parts, 1.0)
    best = max(bench.trials, key=lambda trial: trial.score)
    return bench.spec(best.setting, EPOCHS), best.setting.feedback


def compared(path: str, n_trials: int, seed: int) -> dict[str, Any]:
    """NDCG@10 on the test of popularity, the fixed default, the rule, `auto` and the best trial."""
    split = recsys.splits.random(recsys.read_ratings(path), 0.1, seed=seed)

    def worth(model: Any, feedback: recsys.Feedback | None = None) -> float:
        found = recsys.train(model, split.train, feedback=feedback)
        return validation_score(found.fitted, split)

    began = time.perf_counter()
    model = recsys.train(recsys.auto(seed=seed), split.train)
    seconds = time.perf_counter() - began
    spec = model.factors.spec
    began = time.perf_counter()
    recsys.ImplicitALS(n_factors=spec.n_factors).fit(split.train)
    one_fit = time.perf_counter() - began
    best, feedback = tuned(split.train, n_trials, seed)
    found = {
        "set": Path(path).parent.name if Path(path).suffix else Path(path).name,
        "seed": seed,
        "popularity": worth(recsys.Popularity()),
        "default": worth(recsys.ImplicitALS()),
        "rule": worth(recsys.auto(budget=0, seed=seed)),
        "auto": validation_score(model.fitted, split),
        "tuned": worth(best, feedback),
        "n_factors": spec.n_factors,
        "seconds": seconds,
        "fits": seconds / one_fit,
        "trials": n_trials,
        "search": {key: model.search[key] for key in ("recipe", "work", "validation")}
        if model.search
        else None,
        "best of the trials": best.to_dict() | {"feedback": str(feedback)},
    }
    return found | {"ratio": found["auto"] / found["tuned"]}


def leave_one_out(paths: list[str]) -> None:
    """Prints the rule that the other sets give, and what it is worth on the one left out."""
    points = [drawn(u) for u in latin(np.random.default_rng(0), POINTS, 3)]
    worth = []
    for path in paths:
        ratings = recsys.read_ratings(path)
        bench = Bench(ratings, ratings.matrix.data > 0, Ledger(math.inf), 0)
        kind = kinds_of_feedback(ratings)[0]
        scores = []
        for point in points:
            try:
                trial = bench.tried(Setting(point, WIDTH, kind), 6, 1, 1.0)
                scores.append(0.0 if trial is None else trial.score)
            except FitError:
                scores.append(0.0)
        worth.append(np.array(scores) / max(scores))
    for i, path in enumerate([*paths, ""]):
        others = [one for j, one in enumerate(worth) if j != i]
        total = np.log(np.maximum(others, 0.1)).mean(axis=0)
        rule = middle([points[j] for j in np.argsort(-total)[:5]])
        name = f"without {path}" if path else "all sets"
        print(f"{name}: {rule.contrast:.0f}, {rule.ridge:.2f}, {rule.exponent:.2f} (now {RULE})")


def main() -> None:
    """Runs the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", metavar="SET")
    parser.add_argument("--trials", type=int, default=120)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rule", action="store_true")
    given = parser.parse_args()
    if given.rule:
        leave_one_out(given.sets)
        return
    print(ROW.format(*HEADINGS))
    rows = []
    for path in given.sets:
        for seed in map(int, given.seeds.split(",")):
            row = compared(path, given.trials, seed)
            rows.append(row)
            cells = [
                f"{row[key]:.4f}" for key in ("popularity", "default", "rule", "auto", "tuned")
            ]
            print(ROW.format(row["set"], seed, *cells, f"{row['ratio']:.3f}", row["n_factors"],
                             f"{row['seconds']:.1f}", f"{row['fits']:.1f}"))  # fmt: skip
            sys.stdout.flush()
            if given.json:
                Path(given.json).write_text(json.dumps({"machine": machine(), "rows": rows}))


if __name__ == "__main__":
    main()
