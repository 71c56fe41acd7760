#!/usr/bin/env python3
"""How good the first list is after ten questions: chosen by `onboard`, most popular, or random.

    scripts/onboarding.py data/ml-1m data/ml-100k anime/ratings.parquet --write

Users are held out of the training with all their ratings, and then asked. They answer with their
rating, or "not seen" where they have none, and are folded in. NDCG@10 of their list is measured on
the ratings that they were not asked for, in three ways:

same        Nobody's list has an item that this user was asked about by any contender, and no such
            item is relevant. All contenders have the same items to find.
own         As the person sees it: their list has no item that they rated in their answers. Who asks
            about fewer of the popular items has an easier list to make.
forgetful   The person answers "not seen" about a random half of what they have seen. This half is
            what the list should find; the other half is in nobody's list.

`one by one` chooses each question by the answers so far, as `recsys ask` does; it is slow to
measure, so fewer users do it. Differences from the most popular are paired, user by user; the 95 %
interval draws users again and again (bootstrap).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from benchmark_tables import PAGE, replace_between_marks

import recsys
from recsys.csr import with_ones
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.protocol.lists import contains
from recsys.evaluation.search.auto import Auto
from recsys.models.registry import make_spec

K, QUESTIONS, RESAMPLES, BASE = 10, 10, 2000, "most popular"
WAYS = "same", "own", "forgetful"
Values = np.ndarray[Any, np.dtype[np.float64]]
Questions = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class World:
    """A model, and people it does not know."""

    model: recsys.Recommender
    people: sp.csr_matrix
    """(n, n_items) their ratings."""
    rng: np.random.Generator

    @classmethod
    def of(cls, ratings: recsys.Ratings, model: str, n_users: int, seed: int) -> "World":
        """A model trained on everybody but n_users (at most a fifth)."""
        rng = np.random.default_rng(seed)
        out = np.sort(rng.permutation(ratings.n_users)[: min(n_users, ratings.n_users // 5)])
        rows = np.repeat(np.arange(ratings.n_users), np.diff(ratings.matrix.indptr))
        train = ratings.select(~np.isin(rows, out))
        if model == "auto":  # its rule, without its search
            chosen = Auto(budget=0).choose(train.without_empty())
            spec, feedback = chosen.spec, chosen.feedback
        else:
            spec, feedback = make_spec(model), recsys.Feedback.parse("ones")
        return cls(recsys.train(spec, train, feedback=feedback), ratings.matrix[out].tocsr(), rng)

    def rows(self, table: Any) -> Questions:
        """The items of an answer, as rows."""
        return np.asarray(self.model.item_rows(table["item"]))

    def one_by_one(self, person: int) -> Questions:
        """What somebody is asked who answers one question after the other."""
        own, ids = self.people[[person]], self.model.factors.items.ids
        ratings = dict(zip(own.indices.tolist(), own.data.tolist(), strict=True))
        answered: dict[Any, float | None] = {}
        for _ in range(QUESTIONS):
            row = int(self.rows(self.model.onboard(1, answered=answered))[0])
            answered[ids[row]] = ratings.get(row)
        return self.rows({"item": list(answered)})

    def contenders(self, n_one_by_one: int) -> dict[str, Questions]:
        """(n, QUESTIONS) what each contender asks everybody; one by one perhaps of fewer people."""
        n, n_items = self.people.shape
        popular = np.argsort(-self.model.popularity, kind="stable")[:QUESTIONS]
        found = {
            BASE: np.tile(popular, (n, 1)),
            "random": np.array([self.rng.permutation(n_items)[:QUESTIONS] for _ in range(n)]),
            "`onboard(10)`": np.tile(self.rows(self.model.onboard(QUESTIONS)), (n, 1)),
        }
        if n_one_by_one:
            some = [self.one_by_one(person) for person in range(min(n, n_one_by_one))]
            found["one by one"] = np.array(some)
        return found

    def values(self, questions: dict[str, Questions]) -> dict[str, dict[str, Values]]:
        """Of each contender, by way: NDCG of everybody, and the number of ratings answered."""
        asked = {name: _marked(rows, self.people.shape) for name, rows in questions.items()}
        seen = self.people.toarray() != 0
        half = seen & (self.rng.random(seen.shape) < 0.5)
        found: dict[str, dict[str, Values]] = {}
        for name, mine in asked.items():
            n = len(mine)
            everybody = np.zeros_like(mine)
            for others in asked.values():
                everybody |= (
                    others[:n]
                    if len(others) >= n
                    else np.pad(others, ((0, n - len(others)), (0, 0)))
                )
            rated, remembered = mine & seen[:n], mine & half[:n]
            found[name] = {
                "same": self._ndcg(rated, everybody, seen[:n] & ~everybody),
                "own": self._ndcg(rated, rated, seen[:n] & ~rated),
                "forgetful": self._ndcg(remembered, half[:n], seen[:n] & ~half[:n]),
                "answers": rated.sum(axis=1).astype(float),
            }
        return found

    def _ndcg(self, answered: Any, excluded: Any, relevant: Any) -> Values:
        n = len(answered)
        known = self.people[:n].multiply(answered).tocsr()
        known.eliminate_zeros()  # what was not asked about
        known = self.model.feedback.of(known)
        ranker = self.model.ranker(folds_in=True)
        items = ranker.best(np.arange(n), known, K, sp.csr_matrix(excluded, dtype=np.float32))
        wanted = with_ones(sp.csr_matrix(relevant, dtype=np.float32))
        return np.asarray(ndcg(contains(wanted, items), np.diff(wanted.indptr)))


def _marked(rows: Questions, shape: tuple[int, int]) -> Any:
    found = np.zeros((len(rows), shape[1]), bool)
    np.put_along_axis(found, rows, True, axis=1)
    return found


def interval(apart: Values, rng: np.random.Generator) -> tuple[float, float, float]:
    """A mean over users, and its 95 % bootstrap interval; NaN is left out."""
    apart = apart[~np.isnan(apart)]
    draws = rng.integers(len(apart), size=(RESAMPLES, len(apart)))
    low, high = np.quantile(apart[draws].mean(axis=1), (0.025, 0.975))
    return float(apart.mean()), float(low), float(high)


def summary(runs: Sequence[dict[str, dict[str, Values]]]) -> list[dict[str, Any]]:
    """A row for each contender: means over the users of all seeds, and differences from `BASE`."""
    rng, rows = np.random.default_rng(0), []
    for name in runs[0]:
        row: dict[str, Any] = {"contender": name, "users": sum(len(r[name]["own"]) for r in runs)}
        for way in (*WAYS, "answers"):
            own = [run[name][way] for run in runs]
            row[way] = float(np.nanmean(np.concatenate(own)))
            if name != BASE and way in WAYS:
                pairs = zip(own, (run[BASE][way] for run in runs), strict=True)
                apart = [one - base[: len(one)] for one, base in pairs]
                row[f"{way} difference"] = interval(np.concatenate(apart), rng)
                row[f"{way} by seed"] = [interval(one, rng) for one in apart]
        rows.append(row)
    return rows


def cells(row: dict[str, Any]) -> list[str]:
    """The numbers of a row as texts."""
    found = [str(row["users"]), f"{row['answers']:.1f}"]
    for way in WAYS:
        text = f"{row[way]:.4f}"
        if f"{way} difference" in row:
            text += " ({:+.4f}, {:+.4f} to {:+.4f})".format(*row[f"{way} difference"])
        found.append(text)
    return found


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """The Markdown table."""
    heads = ["set, model", "questions", "users", "ratings answered", *WAYS]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, rows in results.items():
        lines += [f"| {' | '.join([name, row['contender'], *cells(row)])} |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs the comparison and prints it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("ratings", nargs="*", help="ratings of any layout that recsys reads")
    parser.add_argument("--models", default="auto", help="models, such as auto,implicit-als")
    parser.add_argument("--users", type=int, default=900, help="held-out users per seed")
    parser.add_argument("--one-by-one", type=int, default=0, help="of whom are asked one by one")
    parser.add_argument("--seeds", default="0,1,2", help="seeds of the held-out users")
    parser.add_argument("--json", help="file of figures: what is in it stays, or is measured again")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    given = parser.parse_args()
    results: dict[str, list[dict[str, Any]]] = {}
    if given.json and Path(given.json).exists():
        results = json.loads(Path(given.json).read_text(encoding="utf-8"))
    for path in given.ratings:
        ratings = recsys.read_ratings(path)
        name = Path(path).parent.name if Path(path).is_file() else Path(path).name
        for model in given.models.split(","):
            runs = []
            for seed in map(int, given.seeds.split(",")):
                world = World.of(ratings, model, given.users, seed)
                runs.append(world.values(world.contenders(given.one_by_one)))
            results[f"{name}, {model}"] = summary(runs)
            print(table({f"{name}, {model}": results[f"{name}, {model}"]}), flush=True)
    if given.json:
        Path(given.json).write_text(json.dumps(results, indent=1), encoding="utf-8")
    if given.write:
        marks = "<!-- onboarding -->", "<!-- /onboarding -->"
        replace_between_marks(PAGE, table(results), marks)


if __name__ == "__main__":
    main()
