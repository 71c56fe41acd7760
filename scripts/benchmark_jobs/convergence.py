"""Jobs about convergence: time to the best ranking, steps, over-relaxation, 16 bits."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

import recsys
from benchmark_jobs.case import Case, Contender, Setting
from benchmark_jobs.data import factors_of, movielens, without_values
from benchmark_jobs.peer import Answer
from recsys.evaluation.protocol.validation import validation_score
from recsys.models import implicit_objective
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split

OBJECTIVES: dict[str, dict[str, Any]] = {
    "the default, stars as weights": {},
    "α₀ = 0.05, λ = 0.003": {"unobserved_weight": 0.05, "regularization": 0.003},
    "classic, alpha = 10, λ = 0.1": {
        "alpha": 10.0,
        "regularization": 0.1,
        "frequency_exponent": 0.0,
    },
    "classic, alpha = 40, λ = 1": {"alpha": 40.0, "regularization": 1.0, "frequency_exponent": 0.0},
}
"""Settings of `ImplicitALS`, from easy to hard for conjugate gradients."""


def job_converge(setting: Setting) -> Iterator[Case]:
    """Training time until NDCG@10 on MovieLens is within 0.1 % of its final value."""
    for name, ratings in movielens():
        split = recsys.splits.random(ratings, 0.1)
        split = recsys.splits.given(without_values(split.train), without_values(split.test))
        path = setting.folder / f"{name}.npz"
        sp.save_npz(path, split.train.matrix, compressed=False)
        for width in (64, 128):
            curves = Curves(setting, split, path, width)
            contenders: dict[str, Contender] = {
                library: partial(curves.measure, library)
                for library in ("recsys", "implicit", "irspack")
                if curves.available(library)
            }
            title = f"{name} to 0.1 % of the last NDCG@10, f = {width}"
            target = "4×" if name == "MovieLens 1M" else ""
            yield Case(title, contenders, target, add=curves.overtakes)


@dataclass
class Curves:
    """NDCG@10 against training time, 20 epochs of each library."""

    setting: Setting
    split: Split
    path: Path
    """File of the training matrix."""
    width: int
    found: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Library → seconds and NDCG@10 after each epoch, in the latest round."""

    def _peer(self, library: str) -> Any:
        of = {"matrix": self.path, "width": self.width, "exact": False}
        return self.setting.peer(library, "train", of).get(library)

    def available(self, library: str) -> bool:
        """Whether the library is installed."""
        peer = self._peer(library)
        if peer is not None:
            peer.close()
        return peer is not None

    def measure(self, library: str) -> Answer:
        """Seconds and epochs until NDCG@10 is within 0.1 % of its final value."""
        peer = self._peer(library)  # a process for every curve, because training starts afresh
        seconds, reached = [], []
        for _ in range(20):
            seconds.append(peer()["seconds"])
            factors = peer.factors(self.setting.folder / "factors.npz")
            fitted = factors_of(self.split.train, *factors)
            reached.append(validation_score(fitted, self.split))
        peer.close()
        self.found[library] = np.cumsum(seconds), np.array(reached)
        near = int(np.argmax(self.found[library][1] >= 0.999 * reached[-1]))
        spent = float(self.found[library][0][near])
        return {"seconds": spent, "epochs": near + 1, "NDCG@10": reached[-1]}

    def overtakes(self, found: dict[str, Answer]) -> dict[str, Answer]:
        """Seconds until recsys ranks as well as each other library does in the end."""
        seconds, reached = self.found["recsys"]
        return {
            who: {"recsys gets there in s": float(seconds[np.argmax(reached >= other["NDCG@10"])])}
            for who, other in found.items()
            if who != "recsys" and (reached >= other["NDCG@10"]).any()
        }


def job_steps(setting: Setting) -> Iterator[Case]:
    """16 epochs of MovieLens 1M by one, two and three steps, and how far above exact ones."""
    for train in training_parts():
        for name, options in OBJECTIVES.items():
            contenders: dict[str, Contender] = {}
            for steps in (2, 1, 3, 0):
                spec = recsys.ImplicitALS(64, cg_steps=steps, **options)
                who = f"{steps} steps" if steps > 1 else "1 step" if steps else "exact"
                contenders[who] = partial(seconds_and_loss, spec, train)
            yield Case(f"16 epochs, {name}", contenders, add=above("exact"))


def job_relaxation(setting: Setting) -> Iterator[Case]:
    """Epochs of MovieLens 1M to the loss that 16 epochs reach without over-relaxation."""
    for train in training_parts():
        for name, options in OBJECTIVES.items():
            goal: dict[str, float] = {}
            contenders: dict[str, Contender] = {}
            for relaxation in (1.0, 1.2, 1.4, 1.5, 1.6):
                spec = recsys.ImplicitALS(64, n_epochs=17, relaxation=relaxation, **options)
                contenders[f"ω = {relaxation:g}"] = partial(epochs_to_goal, spec, train, goal)
            title = f"epochs to the loss of 16 at ω = 1, {name}"
            yield Case(title, contenders, shown="epochs", once=True)


def job_halves(setting: Setting) -> Iterator[Case]:
    """16 epochs of MovieLens 1M at f = 512 that read factors in 16 and in 32 bits."""
    for train in training_parts():
        for name, options in OBJECTIVES.items():
            spec = recsys.ImplicitALS(512, **options)
            contenders: dict[str, Contender] = {
                "16 bits": partial(with_halves_from, 0, spec, train),
                "32 bits": partial(with_halves_from, sys.maxsize, spec, train),
            }
            yield Case(f"16 epochs at f = 512, {name}", contenders, add=above("32 bits"))


def training_parts() -> Iterator[Ratings]:
    """The training part of MovieLens 1M, if the data set exists."""
    for _, ratings in movielens("MovieLens 1M"):
        yield recsys.splits.random(ratings, 0.1).train


def seconds_and_loss(spec: recsys.ImplicitALS, train: Ratings) -> Answer:
    """Seconds and final loss of a fit."""
    log = spec.fit(train).log
    return {"seconds": log[-1].seconds, "loss": log[-1].loss}


def with_halves_from(size: int, spec: recsys.ImplicitALS, train: Ratings) -> Answer:
    """Seconds and final loss of a fit that reads tables of this many numbers in 16 bits."""
    with patch.object(implicit_objective, "LARGE", size):
        return seconds_and_loss(spec, train)


def above(who: str) -> Callable[[dict[str, Answer]], dict[str, Answer]]:
    """How many percent each loss is above that of a contender."""

    def add(found: dict[str, Answer]) -> dict[str, Answer]:
        theirs = found[who]["loss"]
        return {name: {"% above": 100 * (one["loss"] / theirs - 1)} for name, one in found.items()}

    return add


def epochs_to_goal(spec: recsys.ImplicitALS, train: Ratings, goal: dict[str, float]) -> Answer:
    """Epochs until the loss of 16 epochs at ω = 1, which the first call measures."""
    losses = [progress.loss for progress in spec.fit(train).log]
    goal.setdefault("loss", losses[15])
    reached = [loss <= goal["loss"] for loss in losses]
    return {"epochs": reached.index(True) + 1 if any(reached) else np.nan}
