#!/usr/bin/env python3
"""Factorizations against EASE on users whom no model has seen: NDCG@100, Recall@20 and @50.

scripts/held_out_users.py RATINGS                       the protocol of Liang et al. 2018
scripts/held_out_users.py RATINGS --feedback at-least=4
scripts/held_out_users.py data/ml-1m --write            and write the table of the docs

A tenth of the users is held out of the training. Four fifths of the ratings of each are shown to
the models, which fold them in, and the rest is what they should rank first. Every model is tuned on
a tenth of the other users, in the same way, by NDCG@100: EASE by its regularization, NormalizedSVD
and ImplicitALS from their defaults one hyperparameter after the other. Blend joins the two, with
weights tuned likewise. Then all are trained on all of the other users. This is repeated with other
users for every seed. Recall@k is hits / min(k, relevant), as in that paper.

On ML-1M, two cores of a server need about five minutes per seed.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from benchmark_tables import PAGE, replace_between_marks, row

import recsys
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.metrics.recall import capped_recall
from recsys.evaluation.protocol.lists import contains
from recsys.models.blend import Blend
from recsys.models.spec import Fitted
from recsys.recommend.ranking import FittedRanker

METRICS: dict[str, Callable[..., Any]] = {
    "NDCG@100": lambda hits, n: ndcg(hits, n),
    "Recall@20": lambda hits, n: capped_recall(hits[:, :20], n),
    "Recall@50": lambda hits, n: capped_recall(hits[:, :50], n),
}
EASE_RIDGES = 50, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000
STEPS: dict[type, Sequence[tuple[str, Sequence[float]]]] = {
    recsys.NormalizedSVD: [
        ("n_factors", (64, 128, 256, 512)),
        ("power", (0, 0.25, 0.5, 0.75, 1, 1.5)),
        ("item_exponent", (0.15, 0.2, 0.25, 0.3, 0.4, 0.5)),
    ],
    recsys.ImplicitALS: [
        ("unobserved_weight", (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)),
        ("regularization", (0.001, 0.003, 0.01, 0.03)),
        ("n_factors", (128, 256, 512)),
        ("unobserved_weight", (0.1, 0.3, 0.7, 1.4, 3.0)),
        ("regularization", (0.0007, 0.0015, 0.002, 0.004, 0.006)),
        ("frequency_exponent", (0.5, 0.75, 1.0)),
    ],
}
WEIGHTS = np.linspace(0.1, 0.9, 9)


@dataclass(frozen=True)
class Part:
    """Held-out users, and what is known of them."""

    train: recsys.Ratings
    known: Any
    relevant: Any

    @classmethod
    def of(cls, ratings: recsys.Ratings, seed: int) -> "Part":
        """A tenth of the users held out."""
        split = recsys.splits.held_out_users(ratings, 0.1, 0.2, seed=seed)
        assert split.known is not None
        rows = np.flatnonzero(np.diff(split.test.matrix.indptr))
        return cls(split.train, split.known.matrix[rows], split.test.matrix[rows])

    def values(self, fitted: Fitted) -> dict[str, Any]:
        """Each metric (n,) of the held-out users."""
        ranker = FittedRanker(fitted, folds_in=True)
        items = ranker.best(np.arange(self.known.shape[0]), self.known, 100, self.known)
        hits, n = contains(self.relevant, items), np.diff(self.relevant.indptr)
        return {name: metric(hits, n) for name, metric in METRICS.items()}

    def worth(self, fitted: Fitted) -> float:
        """The mean of what is tuned by."""
        return float(np.nanmean(self.values(fitted)["NDCG@100"]))


class Tuned(NamedTuple):
    """The best of what was tried."""

    spec: Any
    worth: float


def best_of(part: Part, specs: Iterable[Any]) -> Tuned:
    """The spec with the highest worth on the validation part."""
    return max(
        (Tuned(one, part.worth(one.fit(part.train))) for one in specs), key=lambda t: t.worth
    )


def stepped(part: Part, spec: Any) -> Tuned:
    """One hyperparameter after the other, each at the best of its values."""
    smaller = min(part.train.matrix.shape)
    found = Tuned(spec, part.worth(spec.fit(part.train)))
    for name, values in STEPS[type(spec)]:
        usable = [v for v in values if name != "n_factors" or v <= smaller]
        others = [
            replace(found.spec, **{name: v}) for v in usable if v != getattr(found.spec, name)
        ]
        found = max(found, best_of(part, others), key=lambda tuned: tuned.worth)
        print(f"  {spec.name} {name}: {found.spec} {found.worth:.4f}", file=sys.stderr)
    return found


def blended(part: Part, members: Sequence[Any]) -> Tuned:
    """The weights of two members, both fitted once."""
    fitted = [one.fit(part.train) for one in members]
    found = []
    for weight in WEIGHTS:
        spec = Blend(of=members, weights=[round(float(weight), 2), round(float(1 - weight), 2)])
        found.append(Tuned(spec, part.worth(spec.joined(part.train, fitted))))
    return max(found, key=lambda tuned: tuned.worth)


def tuned(part: Part) -> dict[str, Tuned]:
    """Every model with the hyperparameters that suit the validation part."""
    found = {"ease": best_of(part, (recsys.EASE(ridge) for ridge in EASE_RIDGES))}
    print(f"  ease {found['ease']}", file=sys.stderr)
    start = recsys.ImplicitALS(n_factors=128, n_epochs=12, regularization=0.003)
    for spec in (recsys.NormalizedSVD(), start):
        found[spec.name] = stepped(part, spec)
    members = [found["implicit-als"].spec, found["normalized-svd"].spec]
    found["blend"] = blended(part, members)
    return found


def interval(differences: Any, rng: np.random.Generator) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean over users."""
    draws = rng.integers(len(differences), size=(2000, len(differences)))
    low, high = np.quantile(differences[draws].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def table(values: dict[str, dict[str, list[Any]]]) -> list[dict[str, Any]]:
    """A row per model and metric: mean, and the difference from EASE with its interval."""
    rng, rows = np.random.default_rng(0), []
    for model, of_model in values.items():
        for metric, parts in of_model.items():
            own = np.concatenate(parts)
            apart = own - np.concatenate(values["ease"][metric])
            low, high = interval(apart, rng)
            seeds = [float(np.mean(part)) for part in parts]
            rows.append(
                {"model": model, "metric": metric, "mean": float(own.mean()), "seeds": seeds}
                | {"difference": float(apart.mean()), "low": low, "high": high}
            )
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table of the docs: a line for each model, EASE first, a column for each metric."""
    names = list(dict.fromkeys(one["model"] for one in rows))
    lines = [row(["model", *METRICS]), "|---" * (1 + len(METRICS)) + "|"]
    for name in names:
        lines.append(row([name, *(_cell(one) for one in rows if one["model"] == name)]))
    return "\n".join(lines) + "\n"


def _cell(one: dict[str, Any]) -> str:
    if one["model"] == "ease":
        return f"{one['mean']:.4f}"
    return f"{one['mean']:.4f} ({one['difference']:+.4f}, {one['low']:+.4f} to {one['high']:+.4f})"


def main() -> None:
    """Runs the comparison and prints it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("ratings", help="ratings of any layout that recsys reads")
    parser.add_argument("--feedback", default="ones", help="what counts, such as at-least=4")
    parser.add_argument("--seeds", default="0,1,2", help="seeds of the held-out users")
    parser.add_argument("--json", help="file to write the figures to")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    given = parser.parse_args()
    ratings = recsys.Feedback.parse(given.feedback).apply(recsys.read_ratings(given.ratings))
    seeds = [int(seed) for seed in given.seeds.split(",")]
    values: dict[str, dict[str, list[Any]]] = {}
    chosen: dict[int, dict[str, str]] = {}
    for seed in seeds:
        began = time.perf_counter()
        test = Part.of(ratings, seed)
        chosen[seed] = {}
        for name, (spec, _) in tuned(Part.of(test.train, seed + 1000)).items():
            chosen[seed][name] = repr(spec)
            for metric, own in test.values(spec.fit(test.train)).items():
                values.setdefault(name, {}).setdefault(metric, []).append(own)
        print(f"seed {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    rows = table(values)
    for one in rows:
        print(
            f"{one['model']:15} {one['metric']:10} {one['mean']:.4f}   vs ease "
            f"{one['difference']:+.4f} ({one['low']:+.4f} to {one['high']:+.4f})"
        )
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"chosen": chosen, "rows": rows}, file, indent=1)
    if given.write:
        marks = "<!-- held-out users -->", "<!-- /held-out users -->"
        replace_between_marks(PAGE, markdown(rows), marks)


if __name__ == "__main__":
    main()
