#!/usr/bin/env python3
"""Compares the default, `recsys.auto()`, with ImplicitALS tuned by many trials of random settings.

    scripts/tune_default.py SET... [--trials 120] [--seeds 0,1,2] [--json FILE] [--again]
    scripts/tune_default.py SET... --without-set [--seeds 0,1,2] [--json FILE]
    scripts/tune_default.py --write [--json FILE]

Each SET is a file or folder of ratings. A tenth of its ratings is the test. Trials are fitted to a
part of the others and ranked on the rest; the best twelve are compared on four such parts, where
the data is small, and the best of those is trained on all of them. The test chooses nothing. The
trials draw the weight of unseen pairs, the regularization, its exponent, the width and the kind of
feedback, over ranges wider than those of `auto`. EASE, with the one setting that `recsys tune`
begins with, is there for comparison.

FILE keeps every trial as soon as it is made. A run that was stopped goes on from there, and one
that was finished is shown again; `--again` repeats the searches of `auto`, not the trials.

With `--without-set`, fits the rule, from which the search starts, to all SETs but one, and runs the
search from that rule on the one left out. The rule is the mean of the five points with the highest
NDCG, relative to the best on each set, over the other sets.

With `--write`, writes the table of docs/performance.md from FILE.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmark_tables import PAGE, replace_between_marks
from tune_default_table import HEADINGS, ROW, cells, table

import recsys
from recsys.evaluation.protocol.validation import validation_score
from recsys.evaluation.search.kinds import kinds_of_feedback
from recsys.evaluation.search.rounds import middle
from recsys.evaluation.search.rule import EPOCHS, RULE, WIDTH, Point
from recsys.evaluation.search.trials import Bench, Setting
from recsys.evaluation.search.work import Ledger
from recsys.evaluation.tuning.limits import MOST_ITEMS
from recsys.evaluation.tuning.spaces import space_of
from recsys.files import write_text
from recsys.models.implicit_als import ImplicitALS
from recsys.provenance import machine
from recsys.ratings.feedback import Feedback
from recsys.ratings.splits import Split

LOW, HIGH = Point(1.0, 0.05, 0.0), Point(1000.0, 3.0, 1.3)
"""The corners of what random trials draw."""

NARROW, WIDE = 16, 512
"""Widths that they draw."""

FINALISTS, PARTS = 12, 4
"""The best of the trials on one validation part are compared on more of them, where data is small
enough for several."""

POINTS = 48
"""Points of the grid by which the rule is fitted."""


class Results:
    """What was measured, in a JSON file that is written after every step."""

    def __init__(self, file: str | None) -> None:
        self._file = Path(file) if file else None
        self.runs: dict[str, dict[str, Any]] = {}
        self.points: dict[str, list[float]] = {}
        """NDCG of the points of the grid, for each set."""
        if self._file is not None and self._file.exists():
            kept = json.loads(self._file.read_text())
            self.runs, self.points = kept["runs"], kept["points"]

    def save(self) -> None:
        """Writes the file, if there is one."""
        if self._file is not None:
            kept = {"machine": machine(), "runs": self.runs, "points": self.points}
            write_text(self._file, json.dumps(kept, indent=1))

    def of(self, path: str, seed: int) -> dict[str, Any]:
        """What is known of a set and a seed, to be added to."""
        key = f"{name_of(path)}, seed {seed}"
        return self.runs.setdefault(key, {"set": name_of(path), "seed": seed, "trials": []})


def name_of(path: str) -> str:
    """The folder of a set, and its file where it is one.

    >>> name_of("data/steam/purchase.parquet"), name_of("data/ml-1m/")
    ('steam/purchase', 'ml-1m')
    """
    return f"{Path(path).parent.name}/{Path(path).stem}" if Path(path).suffix else Path(path).name


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


def bench_of(ratings: recsys.Ratings, seed: int) -> Bench:
    """A bench on which anything may be tried."""
    return Bench(ratings, ratings.matrix.data > 0, Ledger(math.inf), seed)


def random_settings(ratings: recsys.Ratings, n: int, seed: int) -> list[Setting]:
    """What the random trials try."""
    kinds = kinds_of_feedback(ratings)
    return [
        Setting(
            drawn(u[:3]), round(NARROW * (WIDE / NARROW) ** u[3]), kinds[int(u[4] * len(kinds))]
        )
        for u in latin(np.random.default_rng(seed), n, 5)
    ]


def tune(run: dict[str, Any], split: Split, n_trials: int, results: Results) -> None:
    """Adds the best of the random trials to a run, and what it is worth on the test."""
    bench = bench_of(split.train, run["seed"])
    settings = random_settings(split.train, n_trials, run["seed"])
    if run.get("n") != n_trials:
        run["trials"], run["n"] = [], n_trials
    trials = run["trials"]
    for setting in settings[len(trials) :]:
        about = bench.spec(setting, EPOCHS).to_dict() | {"feedback": str(setting.feedback)}
        trials.append(about | {"ndcg": scored(bench, setting, 1)})
        results.save()
    finalists = sorted(range(n_trials), key=lambda i: -trials[i]["ndcg"])[:FINALISTS]
    for i in finalists:
        if "all parts" not in trials[i]:
            n_parts = min(PARTS, bench.n_parts)
            known = trials[i]["ndcg"] if n_parts == 1 else scored(bench, settings[i], n_parts)
            trials[i]["all parts"] = known
            results.save()
    best = max(finalists, key=lambda i: float(trials[i]["all parts"]))
    run["best"] = trials[best]
    run["tuned"] = worth(bench.spec(settings[best], EPOCHS), split, settings[best].feedback)
    run["popularity"] = worth(recsys.Popularity(), split)
    run["default"] = worth(ImplicitALS(), split)


def scored(bench: Bench, setting: Setting, n_parts: int) -> float:
    """NDCG@10 of a setting, 0 where it has no finite solution."""
    trial = bench.tried(setting, EPOCHS, n_parts, 1.0)
    return 0.0 if trial is None else trial.score


def worth(model: Any, split: Split, feedback: Feedback | None = None) -> float:
    """NDCG@10 on the test."""
    return validation_score(recsys.train(model, split.train, feedback=feedback).fitted, split)


def search(run: dict[str, Any], split: Split, budget: float) -> None:
    """Adds what `auto` finds to a run, and what it is worth on the test."""
    seed = run["seed"]
    began = time.perf_counter()
    model = recsys.train(recsys.auto(budget, seed), split.train)
    seconds = time.perf_counter() - began
    spec = model.factors.spec
    one_fit = median(seconds_of_a_fit(spec.n_factors, split) for _ in range(3))
    assert model.search is not None
    kept = {key: model.search[key] for key in ("recipe", "work", "validation")}
    run["auto"] = validation_score(model.fitted, split)
    run["rule"] = worth(recsys.auto(budget=0, seed=seed), split)
    run |= {"n_factors": spec.n_factors, "seconds": seconds, "fits": seconds / one_fit}
    run |= {"search": kept | {"trials": len(model.search["trials"])}}


def add_ease(run: dict[str, Any], split: Split) -> None:
    """Adds what EASE is worth on the test with the setting that `tune` starts it with, unless there
    are too many items for `tune` to try it.
    """
    if split.train.n_items > MOST_ITEMS:
        run["ease"] = None
        return
    space = space_of("ease", split.train)
    run["ease"] = worth(space.spec(space.starts[0]), split)


def seconds_of_a_fit(n_factors: int, split: Split) -> float:
    """How long one fit with the defaults takes at a width."""
    began = time.perf_counter()
    ImplicitALS(n_factors=n_factors).fit(split.train)
    return time.perf_counter() - began


def compare(given: argparse.Namespace, results: Results) -> None:
    """Measures every set and seed, and prints a row for each."""
    print(ROW.format(*HEADINGS))
    for path in given.sets:
        ratings = recsys.read_ratings(path)
        for seed in map(int, given.seeds.split(",")):
            run = results.of(path, seed)
            split = recsys.splits.random(ratings, 0.1, seed=seed)
            if given.again or "auto" not in run:
                search(run, split, given.budget)
                results.save()
            if given.trials and (run.get("n") != given.trials or "tuned" not in run):
                tune(run, split, given.trials, results)
                results.save()
            if "ease" not in run:
                add_ease(run, split)
                results.save()
            print(ROW.format(*cells(run)), flush=True)


def grid_scores(path: str) -> list[float]:
    """NDCG@10 of the points of the grid on a set, 0 where there is no finite solution."""
    ratings = recsys.read_ratings(path)
    bench, kind = bench_of(ratings, 0), kinds_of_feedback(ratings)[0]
    trials = [bench.tried(Setting(point, WIDTH, kind), 6, 1, 1.0) for point in grid()]
    return [0.0 if trial is None else trial.score for trial in trials]


def grid() -> list[Point]:
    """The points by which the rule is fitted."""
    return [drawn(u) for u in latin(np.random.default_rng(0), POINTS, 3)]


def rule_of(scores: list[list[float]]) -> Point:
    """The rule that the scores of some sets give."""
    worth = [np.array(own) / max(own) for own in scores]
    total = np.log(np.maximum(worth, 0.1)).mean(axis=0)
    return middle([grid()[j] for j in np.argsort(-total)[:5]])


def leave_one_out(given: argparse.Namespace, results: Results) -> None:
    """Searches each set from the rule that the others give, and prints what that is worth."""
    for path in given.sets:
        if name_of(path) not in results.points:
            results.points[name_of(path)] = grid_scores(path)
            results.save()
    scores = [results.points[name_of(path)] for path in given.sets]
    print(f"all sets: {shown(rule_of(scores))} (now {shown(RULE)})")
    for i, path in enumerate(given.sets):
        rule = rule_of(scores[:i] + scores[i + 1 :])
        for seed in map(int, given.seeds.split(",")):
            run = results.of(path, seed)
            split = recsys.splits.random(recsys.read_ratings(path), 0.1, seed=seed)
            chosen = recsys.auto(given.budget, seed).choose(split.train, rule=rule)
            run["left out"] = worth(chosen.spec, split, chosen.feedback)
            results.save()
            ratio = run["left out"] / run["tuned"] if "tuned" in run else math.nan
            print(
                f"without {name_of(path)}, seed {seed}: {shown(rule)}; NDCG@10 "
                f"{run['left out']:.4f}, {ratio:.3f} of the best trial",
                flush=True,
            )


def shown(rule: Point) -> str:
    """A rule in a few digits.

    >>> shown(Point(37.2, 0.5, 0.6))
    'contrast 37, ridge 0.50, exponent 0.60'
    """
    return f"contrast {rule.contrast:.0f}, ridge {rule.ridge:.2f}, exponent {rule.exponent:.2f}"


def main(arguments: list[str] | None = None) -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="SET")
    parser.add_argument("--trials", type=int, default=120, help="0 only runs the search")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--budget", type=float, default=8.0, help="of the search")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--without-set", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    results = Results(given.json)
    if given.write:
        found = table(results.runs.values())
        replace_between_marks(PAGE, found, ("<!-- default -->", "<!-- /default -->"))
    elif given.without_set:
        leave_one_out(given, results)
    else:
        compare(given, results)


if __name__ == "__main__":
    main()
