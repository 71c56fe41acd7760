#!/usr/bin/env python3
"""Compares a model that was updated with new ratings with one that was trained again on all.

Quality: the ratings of MovieLens 100K in the order of their times. A model is trained on the first
40, 50, ... 90 % of them, updated with the next ratings, and measured on what follows (a tenth of
the ratings at most), like a model that is trained on all the ratings so far. The difference is the
mean over the users of all these parts, with its 95 % interval (normal approximation).

Time: a synthetic matrix in the shape of MovieLens 20M, 1 % of which is new: all ratings of 1 % of
the users, who are new, or 1 % of everybody's.

    scripts/updates.py data/ml-100k            ten minutes on two cores
    scripts/updates.py data/ml-100k --write    and write the tables into docs/performance.md
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmark_jobs.data import as_ratings, synthetic
from benchmark_tables import PAGE, replace_between_marks, row

import recsys
from recsys import provenance
from recsys.csr import entry_rows
from recsys.kernels import find_entries
from recsys.models.spec import Spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.recommender import Recommender
from recsys.threads import default_threads

CUTS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of the ratings that a model is trained on."""
SHARES = (0.01, 0.05, 0.1, 0.2)
"""New ratings, as shares of those of the training."""
TEST, K = 0.1, 10
ROUNDS = 5
CHOSEN = "implicit-als by auto"
MODELS: dict[str, Spec] = {
    "implicit-als": recsys.ImplicitALS(),
    CHOSEN: recsys.ImplicitALS(),
    "explicit-als": recsys.ExplicitALS(),
    "normalized-svd": recsys.NormalizedSVD(),
    "ease": recsys.EASE(),
}
"""By name; auto chooses its own on the first part, once."""


class Numbers(NamedTuple):
    """NDCG@10 of the users of some parts."""

    updated: Any
    again: Any
    seeded: Any
    """Trained again with another seed."""
    left: Any
    """Not updated: without the new ratings, users and items."""


def in_time(ratings: Ratings, first: float, last: float) -> Ratings:
    """The ratings between two shares of all, in the order of their times."""
    assert ratings.timestamps is not None
    place = np.empty(ratings.n_ratings)
    place[np.argsort(ratings.timestamps, kind="stable")] = np.arange(ratings.n_ratings)
    place /= ratings.n_ratings
    return ratings.select((place >= first) & (place < last)).without_empty()


def compared(spec: Spec, feedback: Feedback, ratings: Ratings, share: float) -> list[Numbers]:
    """The numbers of each cut."""
    found = []
    for cut in CUTS:
        now = cut * (1 + share)
        model = recsys.train(spec, in_time(ratings, 0, cut), feedback=feedback)
        whole = in_time(ratings, 0, now)
        seed = {"seed": 1} if "seed" in spec.values() else {}
        other = type(spec)(**(spec.values() | seed))
        models = (
            model.update(in_time(ratings, cut, now)),
            recsys.train(spec, whole, feedback=feedback),
            recsys.train(other, whole, feedback=feedback),
            model,
        )
        test = in_time(ratings, now, min(1, now + TEST))
        found.append(Numbers(*(ndcg(one, test) for one in models)))
    return found


def ndcg(model: Recommender, test: Ratings) -> Any:
    """(n_users,) NDCG@10 of what the model recommends to the users of a test part.

    Who is not in the model gets the most popular items, as in service.
    """
    lists = model.recommend_many(test.users.ids, K, unknown="popular")
    rows, columns = test.users.rows(lists["user"]), test.items.find(lists["item"])
    matrix = test.matrix
    found = find_entries(matrix.indptr, matrix.indices, rows, np.maximum(columns, 0))
    hits = found.there & (columns >= 0)
    gains = np.bincount(rows, hits / np.log2(1 + lists["rank"]), minlength=test.n_users)
    ideal = np.cumsum(1 / np.log2(np.arange(2, K + 2)))
    return gains / ideal[np.minimum(np.diff(test.matrix.indptr), K) - 1]


def quality(ratings: Ratings, models: list[str]) -> Iterator[str]:
    """A row for each model and share of new ratings."""
    yield row(("model", "new", "updated", "retrained", "difference", "other seed", "remaining"))
    yield "|---" * 7 + "|"
    for name in models:
        spec, feedback = MODELS[name], Feedback()
        if name == CHOSEN:
            chosen = recsys.auto().choose(in_time(ratings, 0, CUTS[0]))
            spec, feedback = chosen.spec, chosen.feedback
        for share in SHARES:
            of_cuts = compared(spec, feedback, ratings, share)
            if share == SHARES[0]:
                yield line(f"{name}, the last part alone", share, of_cuts[-1])
            yield line(name, share, Numbers(*map(np.concatenate, zip(*of_cuts, strict=True))))


def line(name: str, share: float, found: Numbers) -> str:
    """A row of the table."""
    means = Numbers(*(values.mean() for values in found))
    differences = found.updated - found.again
    margin = 1.96 * differences.std(ddof=1) / len(differences) ** 0.5
    relative = [f"{100 * (value / means.again - 1):+.1f} %" for value in means]
    return row((
        name, f"{share:.0%}", f"{means.updated:.4f}", f"{means.again:.4f}",
        f"{relative[0]} ± {100 * margin / means.again:.1f}", relative[2], relative[3],
    ))  # fmt: skip


def new_ones(ratings: Ratings, of_new_users: bool) -> Any:
    """(n_ratings,) which 1 % of the ratings are new."""
    rng = np.random.default_rng(0)
    if of_new_users:
        return (rng.random(ratings.n_users) < 0.01)[entry_rows(ratings.matrix)]
    return rng.random(ratings.n_ratings) < 0.01


def times(size: float) -> Iterator[str]:
    """A row for each kind of new ratings."""
    yield row(("1 % new ratings", "users", "retrained, s", "updated, s", "share"))
    yield "|---" * 5 + "|"
    ratings = as_ratings(synthetic(size))
    kinds = {"all those of new users": True, "some of everybody's": False}
    for name, of_new_users in kinds.items():
        new = new_ones(ratings, of_new_users)
        more = ratings.select(new).without_empty()
        model = recsys.train(recsys.ImplicitALS(), ratings.select(~new).without_empty())
        again, updated = [], []
        for _ in range(ROUNDS):  # in turn, so that a noisy machine affects both
            again.append(seconds(lambda: recsys.train(recsys.ImplicitALS(), ratings)))
            updated.append(seconds(lambda: model.update(more)))  # noqa: B023
        both = np.median(again), np.median(updated)
        yield row((
            f"{more.n_ratings:,}: {name}", f"{more.n_users:,}", f"{both[0]:.2f}",
            f"{both[1]:.2f}", f"{both[1] / both[0]:.1%}",
        ))  # fmt: skip


def seconds(job: Any) -> float:
    """How long it takes."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def main() -> None:
    """Prints the tables, and writes them if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("ratings", type=Path, help="MovieLens 100K")
    parser.add_argument("--models", default=",".join(MODELS), help="default: %(default)s")
    parser.add_argument("--tables", default="quality,times", help="default: %(default)s")
    parser.add_argument("--size", type=float, default=1.0, help="share of the full matrix")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    options = parser.parse_args()
    machine = provenance.machine()
    made_with = (
        f"{machine['processor']}, {machine['cores']} cores, {default_threads()} threads; "
        f"commit {provenance.commit()}"
    )
    tables = {
        "quality": lambda: quality(recsys.read_ratings(options.ratings), options.models.split(",")),
        "times": lambda: times(options.size),
    }
    for name in options.tables.split(","):
        lines = []
        for text in (*tables[name](), "", f"{made_with}."):
            print(text, flush=True)
            lines.append(text)
        if options.write:
            marks = f"<!-- updates: {name} -->", f"<!-- /updates: {name} -->"
            replace_between_marks(PAGE, "\n".join(lines) + "\n", marks)


if __name__ == "__main__":
    main()
