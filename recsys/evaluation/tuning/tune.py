"""`tune` and `Tuner`: the best of several models, with its hyperparameters, for some ratings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from recsys.arguments import require, require_function
from recsys.errors import ArgumentError
from recsys.evaluation.tuning.limits import (
    MODELS,
    MOST_ITEMS,
    budget_field,
    hyperparameters_field,
    metric_field,
    models_field,
    processes_field,
    seconds,
    trials_field,
)
from recsys.evaluation.tuning.objective import Goal
from recsys.evaluation.tuning.search import STUDY, Limits, Search
from recsys.evaluation.tuning.tuning import BEST, REPORT, Tuning
from recsys.files import expanded
from recsys.models.common import OnEpoch
from recsys.models.registry import SPECS
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback, as_feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import Chosen, OnSearch
from recsys.settings import Settings, option


@dataclass(frozen=True)
class Tuner(Settings):
    """Searches models and hyperparameters with Optuna; `train` and `evaluate` take it.

    A tenth of the ratings is held out; settings are fitted to the rest and measured on that tenth.
    Only the given ratings are used. Each model starts with its published defaults, `ImplicitALS`
    also with the rule of `auto`; then a tree-structured Parzen estimator proposes settings within
    the typical ranges, and trials that are behind after some epochs are pruned. The models take
    turns, and those that fall far behind are dropped. If `blend` is among the models, it combines
    the best of each factorization, and gets the last fifth of the trials for its weights. The same
    data, seed and number of processes give the same result, bit for bit, unless a time budget ends
    the search; another number of processes tries other settings.
    """

    models: Sequence[str] = models_field()
    metric: str = metric_field()
    trials: int = trials_field()
    budget: str | None = budget_field()
    hyperparameters: Mapping[str, Any] = hyperparameters_field()
    seed: int = option(
        0, low=0, high=2**31 - 1, meaning="Seed for the held-out ratings, the trials and the fits."
    )
    processes: int = processes_field()

    family: ClassVar[str] = "tune"

    def __post_init__(self) -> None:
        if isinstance(self.models, str):
            object.__setattr__(self, "models", [self.models])
        if isinstance(self.budget, int | float) and not isinstance(self.budget, bool):
            object.__setattr__(self, "budget", f"{self.budget:g}s")
        super().__post_init__()
        object.__setattr__(self, "models", tuple(dict.fromkeys(self.models)))
        if not self.models:
            raise ArgumentError(f"models must name at least one of {', '.join(SPECS)}")
        Goal.parse(self.metric)
        seconds(self.budget)
        self._by_model()

    @property
    def name(self) -> str:
        """Name of what is searched, such as `tune(ease, pure-svd)`."""
        return f"{self.family}({', '.join(self.models)})"

    @property
    def predicts_ratings(self) -> bool:
        """Whether all the models predict ratings."""
        return all(SPECS[name].predicts_ratings for name in self.models)

    def to_dict(self) -> dict[str, Any]:
        """The settings, ready for JSON."""
        values = self.values()
        own = {"models": list(self.models), "hyperparameters": dict(self.hyperparameters)}
        return {"model": self.family} | values | own

    def search(
        self,
        ratings: Ratings,
        feedback: Feedback | None = None,
        out: str | os.PathLike[str] | None = None,
    ) -> Search:
        """The search for some ratings, ready to run.

        Args:
            ratings: what to choose a model for.
            feedback: what counts as liked and how it enters the training; None to search that.
            out: a folder to keep the trials in; a search that is already there is resumed.

        Raises:
            ArgumentError: a setting does not suit the models, Optuna is missing, or the folder has
                another search, or other files.
            DataError: the ratings do not suit a model, or too few of them can be held out.
        """
        folder = None if out is None else _folder(out)
        limits = Limits(self.trials, seconds(self.budget))
        models = self._by_model()
        if self.models == MODELS and not models["ease"] and ratings.n_items > MOST_ITEMS:
            del models["ease"]
        return Search(
            ratings, models, Goal.parse(self.metric), feedback, limits, self.seed, folder,
            self.processes,
        )  # fmt: skip

    def choose(
        self,
        ratings: Ratings,
        feedback: Feedback | None = None,
        on_search: OnSearch | None = None,
    ) -> Chosen:
        """The model for these ratings; see `recsys.recommend.chosen.Chooser`."""
        search = self.search(ratings, feedback)
        search.run(on_search)
        found = Tuning.of(search, self.to_dict())
        return Chosen(found.spec, found.feedback, found.record)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Fitted:
        """The chosen model, fitted to the ratings as they are; its `spec` says what was chosen.

        `recsys.train` chooses how ratings enter the training, too.
        """
        return self.choose(ratings, Feedback()).spec.fit(ratings, on_epoch)

    def _by_model(self) -> dict[str, dict[str, Any]]:
        # Model → what was given of its hyperparameters.
        found: dict[str, dict[str, Any]] = {name: {} for name in self.models}
        for where, value in self.hyperparameters.items():
            if isinstance(value, Mapping):  # a table for each model, as in Python and in TOML
                pairs = {where: value}
            else:
                model, _, name = where.rpartition(".")
                pairs = {model: {name: value}}
            for model, own in pairs.items():
                if model not in found:
                    raise ArgumentError(
                        f"hyperparameters must look like MODEL.NAME=VALUE with a model of "
                        f"{', '.join(found)}, not {where}={value}"
                    )
                found[model] |= own
        return found


def tune(
    ratings: Ratings,
    models: Sequence[str] | str = MODELS,
    *,
    metric: str = "ndcg@10",
    trials: int = 100,
    budget: str | float | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    feedback: Feedback | str | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    on_search: OnSearch | None = None,
    processes: int = 1,
) -> Tuning:
    """The best of several models for some ratings, with everything that was tried.

    `recsys.train(found, ratings)` then trains the best on all ratings.

    Args:
        ratings: what to choose for; a tenth of them is held out to choose by.
        models: names of models; "blend" joins the best of the other factorizations, with weights
            that take the last fifth of the trials.
        metric: what to choose by, such as `ndcg@10`, `recall@20` or `rmse`.
        trials: settings to try, of all models together.
        budget: time after which no trial starts, in seconds or such as "10m"; None for no limit.
        hyperparameters: model → hyperparameter → its value, or a text LOW:HIGH, the range to
            search.
        feedback: what counts as liked, and how it enters the training; None to count every rating,
            and to search how ratings enter.
        seed: of the held-out ratings, the trials and the fits.
        out: folder for the study, the report and the recipe of the best model. Where it has a study
            of the same search, that goes on.
        on_search: called with `Searching` after each trial, or each round of several processes; an
            exception stops the search, and `out` keeps what was tried.
        processes: tries this many settings at a time, each in a process with its part of the
            threads. Settings of one round are proposed without knowing how the others end, so
            another number tries other settings; the value of a setting is the same. A script needs
            the guard `if __name__ == "__main__":`, because each process imports it.

    Raises:
        ArgumentError: an argument is wrong, Optuna is missing, or `out` has another search.
        DataError: the ratings do not suit a model, or too few of them can be held out.
        FitError: no trial could be completed.
        WorkerError: a process was ended, as where memory runs out.
    """
    given = hyperparameters or {}
    tuner = Tuner(models, metric, trials, budget, given, seed, processes)  # type: ignore[arg-type]
    require_function("on_search", on_search)
    if out is not None:
        require("out", out, (str, os.PathLike), "a folder or None")
    search = tuner.search(ratings, as_feedback(feedback), out)
    search.run(on_search)
    found = Tuning.of(search, tuner.to_dict())
    if out is not None:
        write(found, Path(out))
    return found


def write(found: Tuning, folder: Path, data: Mapping[str, Any] | None = None) -> None:
    """Writes the report and the recipe of the best model into the folder of a search.

    Args:
        found: what to write.
        folder: where to.
        data: keys of the recipe that say where the ratings are.
    """
    found.to_html(folder / REPORT)
    found.to_toml(folder / BEST, data)


def _folder(out: str | os.PathLike[str]) -> Path:
    # The folder of a search: a new one, an empty one, or one that has a study.
    folder = expanded(out)
    if folder.exists() and not folder.is_dir():
        raise ArgumentError(f"out must be a folder, and {str(folder)!r} is a file")
    if folder.is_dir() and not (folder / STUDY).exists():
        for name in (BEST, REPORT):
            if (folder / name).exists():
                raise ArgumentError(
                    f"out would replace {folder / name}, which was not written by a study; choose "
                    "another folder"
                )
    return folder
