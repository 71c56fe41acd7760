#!/usr/bin/env python3
"""The best model that tuning finds, against EASE, on five folds of MovieLens.

In each fold, `recsys.Tuner` looks at the training part only. The models are then measured on the
test part, as `recsys evaluate` does. The folds are those of `recsys evaluate --folds 5`; `--given`
takes u1 to u5 of MovieLens 100K, or the column `fold` of a Parquet file.

    scripts/tune_folds.py data/ml-100k                  about 10 minutes on two quiet cores
    scripts/tune_folds.py data/ml-1m                    about an hour
    scripts/tune_folds.py data/ml-100k --given --trials 20 --models implicit-als --json found.json
    scripts/tune_folds.py --write found.json other.json      the table of docs/tuning.md
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from benchmark_tables import replace_between_marks, row

import recsys
from recsys import Ratings
from recsys.ratings.splits import Split

PAGE = Path("docs/tuning.md")
MARKS = "<!-- tuned folds -->", "<!-- /tuned folds -->"
RIVALS = ("ease", "tuned ease")


def table(files: list[Path]) -> Iterator[str]:
    """NDCG@10 of each evaluation, and what the search is ahead by."""
    yield row(("data", "tuned", *RIVALS, *(f"ahead of {name}" for name in RIVALS)))
    yield "|---" * (2 + 2 * len(RIVALS)) + "|"
    for file in files:
        found = json.loads(file.read_text("utf-8"))
        means = {
            one["model"]: one["mean"] for one in found["summary"] if one["metric"] == "ndcg@10"
        }
        name = Path(found["account"]["source"])
        cells = [name.parent.name]
        cells += [f"{means[name]:.4f}" for name in ("tuned", *RIVALS)]
        for rival in RIVALS:
            one = next(
                one for one in found["comparisons"]
                if one["metric"] == "ndcg@10" and {one["model"], one["other"]} == {"tuned", rival}
            )  # fmt: skip
            sign = 1 if one["model"] == "tuned" else -1
            ends = sorted(sign * one[end] for end in ("low", "high"))
            cells.append("{:+.4f} [{:+.4f}, {:+.4f}]".format(sign * one["difference"], *ends))
        yield row(cells)


def given_folds(data: Path) -> Iterator[Split]:
    """The folds that a data set comes with."""
    if data.suffix == ".parquet":
        frame = pd.read_parquet(data)
        whole = Ratings.from_frame(frame)
        for i in sorted(frame["fold"].unique()):
            own = frame["fold"] == i
            yield _over(whole, Ratings.from_frame(frame[~own]), Ratings.from_frame(frame[own]))
    else:
        whole = recsys.read_ratings(data)
        for i in range(1, 6):
            train, test = (recsys.read_ratings(data / f"u{i}.{part}") for part in ("base", "test"))
            yield _over(whole, train, test)


def _over(whole: Ratings, train: Ratings, test: Ratings) -> Split:
    # Both parts over all users and items, so that the folds can be compared.
    train, test = (
        part.reindex(whole.users, whole.items, whole.item_table) for part in (train, test)
    )
    return Split(train, test, "given")


def main() -> None:
    """Runs the evaluation and prints the table and what was chosen in each fold."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("data", type=Path, nargs="?", help="folder or file of the ratings")
    made.add_argument(
        "--write", type=Path, nargs="+", metavar="JSON", help="write the table of these results"
    )
    made.add_argument("--given", action="store_true", help="use the folds of the data set")
    made.add_argument(
        "--models", default="implicit-als,normalized-svd,ease,blend", help="models that compete"
    )
    made.add_argument("--trials", type=int, default=60, help="trials in each fold (default: 60)")
    made.add_argument("--seed", type=int, default=0, help="seed of the searches (default: 0)")
    made.add_argument("--json", type=Path, help="write all results here")
    options = made.parse_args()
    if options.write:
        replace_between_marks(PAGE, "\n".join(table(options.write)) + "\n", MARKS)
        return
    if options.data is None:
        made.error("name the ratings")
    tuner = recsys.Tuner(options.models.split(","), trials=options.trials, seed=options.seed)
    models: dict[str, Any] = {
        "tuned": tuner,
        "tuned ease": replace(tuner, models=("ease",), trials=max(1, options.trials // 3)),
        "ease": recsys.EASE(),
    }
    began = time.perf_counter()
    splits = recsys.splits.kfold(recsys.read_ratings(options.data))
    if options.given:
        splits = given_folds(options.data)
    result = recsys.evaluate(models, splits, k=10)
    print(result.verdict)
    for name in result.order("ndcg@10"):
        row = result.of(name, "ndcg@10")
        print(f"{name:12} {row['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}]")
    for rival in ("ease", "tuned ease"):
        row = result.comparison("ndcg@10", "tuned", rival)
        print(
            f"tuned − {rival}: {row['difference']:+.4f} "
            f"[{row['low']:+.4f}, {row['high']:+.4f}], p = {row['p']:.4f}"
        )
    for fold, spec in result.runs[result.runs["model"] == "tuned"][["fold", "spec"]].itertuples(
        index=False
    ):
        print(f"fold {fold + 1}: {json.dumps(spec)}")
    print(f"{time.perf_counter() - began:,.0f} s")
    if options.json:
        result.to_json(options.json)


if __name__ == "__main__":
    main()
