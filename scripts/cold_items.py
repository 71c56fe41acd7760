#!/usr/bin/env python3
"""Measures every model on items without ratings, which it knows by their features alone.

A tenth of the items is held out with all their ratings, once per seed. Each user ranks these items;
a hit is one that they rated (NDCG@10), and models of ratings predict the ratings (RMSE). Popularity
knows nothing of such items and ranks them at random; the mean is that of the user. Where
`scripts/benchmark.py --install-peers` has installed cmfrec, it gets the same features as side
information, with several weights of them; the best on the test counts, in its favour.

    scripts/cold_items.py data/ml-1m --write "MovieLens 1M"
    scripts/cold_items.py anime/ratings.parquet --items anime/items.parquet --features genres,type
    scripts/cold_items.py data/ml-100k --models implicit-als,ease --seeds 0

The mean over the seeds comes with its 95 % interval: users are drawn again and again (bootstrap).
Takes about half an hour on MovieLens 1M with all models and cmfrec on two cores.
"""

import argparse
import json
import math
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_jobs.peer import peer_python
from benchmark_tables import PAGE, replace_between_marks, row

import recsys
from recsys.evaluation.search.auto import Auto
from recsys.models.from_features import codings_of, fit_with_features
from recsys.models.registry import make_spec
from recsys.ratings.splits import Split

MODELS = (
    "implicit-als", "pure-svd", "normalized-svd", "ease", "item-knn", "bpr", "explicit-als",
    "bayesian-mf", "biases",
)  # fmt: skip
K, RESAMPLES = 10, 300
Array = np.ndarray[Any, np.dtype[Any]]


class World:
    """One split, and the truth about its held-out items."""

    def __init__(self, split: Split, names: list[str] | bool) -> None:
        assert split.candidates is not None
        self.split, self.names, self.items = split, names, split.candidates
        self.users = np.flatnonzero(np.diff(split.test.matrix.indptr))
        self.test = split.test.matrix[self.users][:, self.items].tocsr()
        self.liked = self.test.toarray() != 0
        self.rows, self.columns = self.test.tocoo().row, self.test.tocoo().col

    def ndcg(self, scores: Array) -> Array:
        """(n_users,) NDCG of the lists; scores that are all equal rank at random."""
        discounts = 1 / np.log2(np.arange(2, K + 2))
        n_liked = self.liked.sum(axis=1)
        ideal = np.cumsum(discounts)[np.minimum(n_liked, K) - 1]
        if (scores == scores[:, :1]).all():
            return np.asarray(n_liked / len(self.items) * discounts.sum() / ideal)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        return np.asarray(np.take_along_axis(self.liked, best, 1) @ discounts / ideal)

    def squares(self, scores: Array) -> Array:
        """(n_users,) sums of squared errors."""
        errors = scores[self.rows, self.columns] - self.test.data
        return np.bincount(self.rows, errors**2, len(self.users))

    def scores_of(self, name: str) -> tuple[Array, bool]:
        """Scores of the held-out items by a model, and whether they are predicted ratings."""
        train = self.split.train
        if name == "implicit-als":  # by the rule of `auto`, without its search
            chosen = Auto(budget=0).choose(train.without_empty())
            spec, data = chosen.spec, chosen.feedback.apply(train)
        else:
            spec = make_spec(name)
            data = train if spec.predicts_ratings else recsys.feedback.ones(train)
        fitted, _ = fit_with_features(spec, data, self.names)
        people = fitted.people(self.users, data.matrix[self.users])
        return fitted.scores(people)[:, self.items], spec.predicts_ratings

    def by_mean(self) -> Array:
        """Scores by the mean and the bias of each user."""
        fitted = recsys.Biases().fit(self.split.train)
        return fitted.scores(fitted.people(self.users))[:, self.items]

    def by_cmfrec(self, python: Path) -> Iterator[tuple[str, Array, bool]]:
        """Name, scores and kind of every setting of cmfrec."""
        train = self.split.train
        coding = codings_of(train.without_empty(), self.names)["items"]
        entries = train.matrix.tocoo()
        with tempfile.TemporaryDirectory() as folder:
            np.savez(
                Path(folder) / "data.npz", users=entries.row, items=entries.col,
                values=entries.data, shape=entries.shape, at=self.users, held_out=self.items,
                features=coding.coded(train.item_table).toarray(),
                n_alone=sum(len(column.features) for column in coding.columns),
            )  # fmt: skip
            script = str(Path(__file__).with_name("cold_items_peer.py"))
            subprocess.run([str(python), script, folder], check=True)
            for file in sorted(Path(folder).glob("*.npy")):
                yield file.stem, np.load(file), file.stem.startswith("cmfrec ratings")


def contenders(world: World, models: list[str], peer: Path | None) -> Iterator[Any]:
    """Name, scores and whether these are predicted ratings."""
    yield "popularity (random)", np.zeros(world.liked.shape, np.float32), False
    yield "mean of the user", world.by_mean(), True
    for name in models:
        yield name, *world.scores_of(name)
    if peer is not None:
        yield from world.by_cmfrec(peer)


def pooled(runs: list[Any], top: str, bottom: str, power: float) -> dict[str, Any]:
    """(Σ top / Σ bottom)^power over the users: by seed, its mean, and its interval."""
    n = max(run["user"].max() for run in runs) + 1
    sums = np.zeros((2, n))
    for run in runs:
        sums[0, run["user"]] += run[top]
        sums[1, run["user"]] += run[bottom]
    rng = np.random.default_rng(0)
    drawn = [sums[:, rng.integers(0, n, n)].sum(axis=1) for _ in range(RESAMPLES)]
    low, high = np.quantile([(above / below) ** power for above, below in drawn], [0.025, 0.975])
    by_seed = [float((run[top].sum() / run[bottom].sum()) ** power) for run in runs]
    return {"mean": float(np.mean(by_seed)), "low": low, "high": high, "by seed": by_seed}


def summary(measured: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """A row for each contender."""
    for name, runs in measured.items():
        found: dict[str, Any] = {"model": name, "ndcg": pooled(runs, "ndcg", "one", 1)}
        if "squares" in runs[0]:
            found["rmse"] = pooled(runs, "squares", "counts", 0.5)
        yield found


def main() -> None:
    """Reads, measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ratings")
    parser.add_argument("--items")
    parser.add_argument("--features", default="all")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--peer", type=Path, default=peer_python("cmfrec"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", metavar="NAME", help="put the table into the docs, as NAME")
    given = parser.parse_args()
    ratings = recsys.read_ratings(given.ratings, items=given.items)
    names = True if given.features == "all" else given.features.split(",")
    measured: dict[str, list[Any]] = {}
    for seed in map(int, given.seeds.split(",")):
        world = World(recsys.splits.held_out_items(ratings, seed=seed), names)
        for name, scores, of_ratings in contenders(world, given.models.split(","), given.peer):
            run = {"user": world.users, "ndcg": world.ndcg(scores)}
            run["one"] = np.ones(len(world.users))
            if of_ratings:
                run |= {"squares": world.squares(scores), "counts": np.diff(world.test.indptr)}
            measured.setdefault(name, []).append(run)
            print(f"seed {seed}: {name}", flush=True)
    rows = list(summary(measured))
    print(f"\n{'model':42} {'NDCG@10':>22}   {'RMSE':>22}")
    for one in sorted(rows, key=lambda one: -one["ndcg"]["mean"]):
        cells = [_cell(one.get(metric)) for metric in ("ndcg", "rmse")]
        print(f"{one['model']:42} {'   '.join(cells)}".rstrip())
    if given.write:
        marks = f"<!-- cold items, {given.write} -->", f"<!-- /cold items, {given.write} -->"
        replace_between_marks(PAGE, markdown(rows), marks)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table of the docs, best lists first; of cmfrec the best lists and the best ratings."""
    peers = [one for one in rows if one["model"].startswith("cmfrec")]
    shown = [one for one in rows if one not in peers]
    if peers:
        shown.append(max(peers, key=lambda one: one["ndcg"]["mean"]))
        shown.append(min(peers, key=lambda one: one.get("rmse", {"mean": math.inf})["mean"]))
    lines = [row(["model", "NDCG@10", "RMSE"]), "|---|---|---|"]
    for one in sorted(shown, key=lambda one: -one["ndcg"]["mean"]):
        lines.append(row([one["model"], _cell(one["ndcg"]), _cell(one.get("rmse"))]))
    return "\n".join(lines) + "\n"


def _cell(found: dict[str, Any] | None) -> str:
    return f"{found['mean']:.4f} [{found['low']:.4f}, {found['high']:.4f}]" if found else ""


if __name__ == "__main__":
    main()
