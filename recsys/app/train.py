"""Training: from a recipe to a model file, with an accuracy line on the way if asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.app.recipe import Recipe
from recsys.evaluation.protocol.measure import measure_all
from recsys.evaluation.protocol.validation import validation_score
from recsys.models.baselines import Biases, Popularity
from recsys.models.spec import OnEpoch, Progress, Spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings, overview
from recsys.ratings.readers import read
from recsys.ratings.splits import random
from recsys.recommend.recommender import Recommender
from recsys.recommend.training import train
from recsys.store.model_file import save

OnStage = Callable[[str, Spec | None], None]
"""Hears what begins now, and with which model, if one is to be fitted."""


@dataclass(frozen=True)
class Accuracy:
    """A held-out metric of the model beside that of its baseline."""

    metric: str
    model: float
    baseline_name: str
    baseline: float | None
    """None where the model is the baseline itself."""
    n: int
    """Users, or ratings, it was measured on."""
    margin: float | None
    """Half the 95 % interval of the mean difference over users (normal approximation); None for
    RMSE, and for fewer than two users."""
    how: str

    def sentence(self) -> str:
        """The result in one honest line."""
        what = f"{self.n:,} {'ratings' if self.metric == 'RMSE' else 'users'}"
        line = f"{self.metric} {self.model:.4f}"
        if self.baseline is None:
            return f"{line} ({what})"
        line += f", {self.baseline_name} {self.baseline:.4f} ({what})"
        if self.margin is None:
            return line
        difference = self.model - self.baseline
        verdict = "" if abs(difference) > self.margin else ", within noise"
        return f"{line}: {difference:+.4f} ± {self.margin:.4f}{verdict}"


@dataclass(frozen=True)
class Trained:
    """What a training run made."""

    model: Recommender
    path: Path
    data: Mapping[str, Any]
    accuracy: tuple[Accuracy, ...]
    log: tuple[Progress, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "path": str(self.path),
            "spec": self.model.factors.spec.to_dict(),
            "feedback": str(self.model.feedback),
            "data": dict(self.data) | {"fingerprint": self.model.fingerprint},
            "accuracy": [vars(a) for a in self.accuracy],
            "loss": [p.loss for p in self.log],
            "seconds": self.seconds,
        }


def run(
    recipe: Recipe, on_epoch: OnEpoch | None = None, on_stage: OnStage = lambda what, spec: None
) -> Trained:
    """Reads, holds out and measures if asked, trains on everything, saves.

    Raises:
        ValueError: the recipe has a bad value. RecsysError: see its tree.
    """
    spec, feedback = recipe.spec(), recipe.checked_feedback()
    test, out = recipe.checked_test(), recipe.checked_out()
    started = time.perf_counter()
    on_stage("reading", None)
    ratings = read(recipe)
    accuracy: tuple[Accuracy, ...] = ()
    if test:
        on_stage("measuring", spec)
        accuracy = measure(spec, ratings, feedback, test, recipe.seed, on_epoch)
    on_stage("training", spec)
    model = train(spec, ratings, feedback=feedback, on_epoch=on_epoch)
    on_stage("saving", None)
    path = save(model, out)
    seconds = time.perf_counter() - started
    return Trained(model, path, overview(ratings), accuracy, model.factors.log, seconds)


def measure(
    spec: Spec,
    ratings: Ratings,
    feedback: Feedback,
    test: float,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> tuple[Accuracy, ...]:
    """Held-out accuracy of `spec` beside the baseline that fits its purpose.

    Ranking models are compared with `Popularity` at NDCG@10 over the held-out feedback; models of
    ratings also with `Biases` at RMSE over the held-out ratings.
    """
    split = random(ratings, test=test, seed=seed)
    train_part = feedback.apply(split.train)
    how = f"{test:.0%} of the ratings held out at random, seed {seed}"
    fitted = {"own": spec.fit(train_part, on_epoch)}
    if not isinstance(spec, Popularity):
        fitted["popularity"] = Popularity().fit(train_part)
    measured = measure_all(fitted, split, 10, feedback)
    found = measured["own"]
    ours = found.values["ndcg@10"].dropna()
    popular, margin = None, None
    if not isinstance(spec, Popularity):
        baseline = measured["popularity"]
        popular = baseline.means["ndcg@10"]
        if len(ours) > 1:
            differences = ours - baseline.values["ndcg@10"].dropna()
            margin = 1.96 * float(differences.std(ddof=1)) / len(ours) ** 0.5
    lines = [Accuracy("NDCG@10", float(ours.mean()), "Popularity", popular, len(ours), margin, how)]
    if spec.predicts_ratings and not feedback.ones:
        biases = None
        if not isinstance(spec, Biases):
            biases = validation_score(Biases().fit(split.train), split, metric="rmse")
        error, n = found.means["rmse"], split.test.n_ratings
        lines.insert(0, Accuracy("RMSE", error, "Biases", biases, n, None, how))
    return tuple(lines)
