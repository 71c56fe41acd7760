"""`Found`: what a search tried, and what of it is best."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from recsys.evaluation.tuning.family import COMPLETE, FAILED, PRUNED, Trial
from recsys.evaluation.tuning.limits import MOST_ITEMS
from recsys.evaluation.tuning.search import Search
from recsys.evaluation.tuning.spaces import FEEDBACK
from recsys.models.registry import spec_from_dict
from recsys.models.spec import Spec
from recsys.ratings.feedback import Feedback
from recsys.recommend.chosen import record


@dataclass(frozen=True)
class Found:
    """A finished search, or as much of it as was done."""

    metric: str
    """What was chosen by, such as `ndcg@10`."""
    higher_is_better: bool
    best: Trial
    """The trial with the best value."""
    trials: tuple[Trial, ...]
    """Everything that was tried, in order."""
    baseline: tuple[str, float]
    """Name and value of the model that others are compared with: popularity, or biases."""
    importances: Mapping[str, Mapping[str, float]]
    """Model → hyperparameter → its share in what sets the best tenth of the trials apart; of models
    with enough trials."""
    n_users: int
    """Users whose ratings were held out, over all validation parts."""
    n_parts: int
    """Validation parts."""
    settings: Mapping[str, Any]
    """What was asked for."""
    logarithmic: frozenset[tuple[str, str]] = frozenset()
    """Models and hyperparameters that were searched on a logarithmic scale."""
    left_out: tuple[str, ...] = ()
    """Models that were asked for and not searched, because their fits take long on these data."""

    @classmethod
    def of(cls, search: Search, settings: Mapping[str, Any]) -> typing.Self:
        """What a search has found so far; it must have completed a trial."""
        best, bench = search.best, search.bench
        assert best is not None  # `Search.run` raises where there is none
        return cls(
            metric=search.goal.name,
            higher_is_better=search.goal.higher_is_better,
            best=best,
            trials=tuple(search.trials),
            baseline=bench.baseline,
            importances={
                family.space.model: found
                for family in search.families
                if (found := family.importances())
            },
            n_users=bench.n_users,
            n_parts=len(bench.parts),
            settings=settings,
            logarithmic=frozenset(
                (family.space.model, one.name)
                for family in search.families
                for one in family.space.dimensions
                if one.log
            ),
            left_out=tuple(set(settings["models"]) - set(search.models)),
        )

    @property
    def spec(self) -> Spec:
        """The best model, with all its hyperparameters."""
        return spec_from_dict(self.best.spec)

    @property
    def feedback(self) -> Feedback:
        """How ratings enter its training."""
        return Feedback.parse(self.best.feedback)

    @property
    def score(self) -> float:
        """Its value of the metric on the validation parts; biased upwards, because the best of many
        is chosen by it.
        """
        return self.best.value

    @property
    def ranked(self) -> list[Trial]:
        """The complete trials, best first."""
        complete = [trial for trial in self.trials if trial.state == COMPLETE]
        return sorted(complete, key=lambda trial: trial.value, reverse=self.higher_is_better)

    @property
    def models(self) -> list[str]:
        """The models that were tried, best first; those without a complete trial last."""
        return list(dict.fromkeys(trial.model for trial in (*self.ranked, *self.trials)))

    @property
    def best_of_models(self) -> dict[str, Trial]:
        """Model → its best trial; best first."""
        found: dict[str, Trial] = {}
        for trial in self.ranked:
            found.setdefault(trial.model, trial)
        return found

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each trial: number, model, state, value of the metric, seconds, feedback, and
        the hyperparameters that were searched, by name.
        """
        rows = [
            {"trial": one.number, "model": one.model, "state": one.state, self.metric: one.value,
             "seconds": one.seconds, FEEDBACK: one.feedback}
            | {name: value for name, value in one.params.items() if name != FEEDBACK}
            for one in self.trials
        ]  # fmt: skip
        return pd.DataFrame(rows)

    @property
    def record(self) -> dict[str, Any]:
        """What is kept with a model that was chosen, ready for JSON."""
        name, value = self.baseline
        found = {
            "metric": self.metric,
            "validation": self.score,
            "baseline": name,
            name: value,
            "users": self.n_users,
            "remarks": list(self._remarks()),
            "trials": [_line(trial) for trial in self.trials],
        }
        return record(self.settings, self.spec, self.feedback, **found)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return self.record | {"importances": {k: dict(v) for k, v in self.importances.items()}}

    def _remarks(self) -> Iterator[str]:
        name, value = self.baseline
        behind = self.score < value if self.higher_is_better else self.score > value
        if behind:
            yield f"{name} is better on the held-out ratings"
        for model in self.left_out:
            yield (
                f"{model} was not searched, because its fits are slow with more than "
                f"{MOST_ITEMS:,} items; name it in models to search it"
            )
        failed = [trial for trial in self.trials if trial.state == FAILED]
        if failed:
            yield f"{_trials(len(failed))} failed, the last one with: {failed[-1].why}"
        pruned = sum(trial.state == PRUNED for trial in self.trials)
        if pruned:
            yield f"{_trials(pruned)} pruned, behind the median of the others"


def _trials(n: int) -> str:
    return "1 trial" if n == 1 else f"{n} trials"


def _line(trial: Trial) -> dict[str, Any]:
    value = trial.value if math.isfinite(trial.value) else None
    return {
        "trial": trial.number,
        "model": trial.model,
        "state": trial.state,
        "value": value,
        "seconds": trial.seconds,
        FEEDBACK: trial.feedback,
    } | {name: value for name, value in trial.params.items() if name != FEEDBACK}
