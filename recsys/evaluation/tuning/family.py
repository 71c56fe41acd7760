"""The trials of one model: an Optuna study that is asked for settings and told their values.

Each model has a study of its own, because Optuna models hyperparameters jointly only where all
trials have the same ones. The studies of one search share a database.
"""

from __future__ import annotations

import errno
import json
import math
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.errors import ArgumentError, DataError
from recsys.evaluation.tuning.objective import Goal
from recsys.evaluation.tuning.spaces import Dimension, Params, Space
from recsys.visible import one_line

if TYPE_CHECKING:
    import optuna

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
"""How a trial ended; one that was interrupted does not count."""

_ELSEWHERE = "; choose another folder"
_ENDED = "COMPLETE", "PRUNED", "FAIL"
_DROPPED = "cut short"
_STARTUP = 8  # complete trials of a model before any is given up
_OF_THE_SYSTEM = (
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL,
)  # fmt: skip
"""Errors of SQLite that do not say that the database is damaged."""
_ENOUGH = 10  # complete trials of a model before the importance of its hyperparameters is estimated


@dataclass(frozen=True)
class Trial:
    """A setting that was tried."""

    number: int
    """In the order of the whole search, from 0."""
    model: str
    params: Params
    """What was searched, by name."""
    spec: Mapping[str, Any]
    """Name and all hyperparameters of the model."""
    feedback: str
    """How ratings entered the training."""
    state: str
    """`complete`, `pruned` (given up, behind others after as many epochs) or `failed`."""
    value: float
    """Of the metric; for a pruned trial, when it was given up; NaN where it failed."""
    seconds: float
    why: str = ""
    """Why it failed."""
    steps: Mapping[int, float] = field(default_factory=dict)
    """Value after some epochs on the first validation part."""


class Family:
    """The trials of one model.

    The sampler is seeded by the number of trials before. A search that was interrupted and
    resumed tries what it would have tried without the interruption.
    """

    def __init__(self, space: Space, goal: Goal, seed: int, storage: Any = None) -> None:
        self.space = space
        self._seed = seed
        optuna = import_optuna()
        with silent():
            self._study: Any = optuna.create_study(
                storage=storage,
                study_name=space.study,
                direction="maximize" if goal.higher_is_better else "minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP),
                load_if_exists=True,
            )
            self._dropped = self._cut_short()
        self._known: dict[int, Trial] = {}
        self._n_open = 0
        self._distributions = {one.name: _distribution(one) for one in space.dimensions}

    def keep(self, name: str, value: str) -> str:
        """Remembers a text with the study; returns the one that is there already, if any."""
        with silent():
            return str(self._study.user_attrs.get(name) or self._kept(name, value))

    def _kept(self, name: str, value: str) -> str:
        self._study.set_user_attr(name, value)
        return value

    @property
    def trials(self) -> list[Trial]:
        """What was tried, in order."""
        with silent():
            ended = self._study.get_trials(deepcopy=False, states=_states(*_ENDED))
        for one in ended:
            there = one.number in self._known or one.number in self._dropped
            if not there and "number" in one.user_attrs:
                self._known[one.number] = self._trial(one)
        return list(self._known.values())

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best value, the earlier one of equal ones."""
        return best_of(self.trials, self._study.direction.name == "MAXIMIZE")

    def _cut_short(self) -> set[int]:
        # Trials that a process which was killed left behind; they do not count.
        dropped = set(self._study.user_attrs.get(_DROPPED, []))
        for one in self._study.get_trials(deepcopy=False, states=_states("RUNNING", "WAITING")):
            dropped.add(one.number)
            self._study.set_user_attr(_DROPPED, sorted(dropped))
            self._study.tell(one.number, state=_state("FAIL"))
        return dropped

    @property
    def n_tried(self) -> int:
        """Trials that are done, or have been asked for."""
        return len(self.trials) + self._n_open

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing else to try, because nothing is searched."""
        free = [one for one in self.space.dimensions if not one.fixed]
        return not free and bool(self.n_tried)

    def ask(self) -> tuple[optuna.trial.Trial, Params]:
        """A trial and its point: first those to start with, then what the sampler proposes.

        What was asked for and not told yet counts as bad, so that the next one is elsewhere.
        """
        optuna = import_optuna()
        n_tried = self.n_tried
        own = int(np.random.SeedSequence((self._seed, n_tried)).generate_state(1)[0])
        with silent():
            self._study.sampler = optuna.samplers.TPESampler(
                seed=own, multivariate=True, constant_liar=bool(self._n_open)
            )
            if n_tried < len(self.space.starts):
                self._study.enqueue_trial(dict(self.space.starts[n_tried]))
            trial = self._study.ask(self._distributions)
        self._n_open += 1
        return trial, {name: trial.params[name] for name in self._distributions}

    def behind(self, trial: optuna.trial.Trial, step: int, value: float) -> bool:
        """Whether a trial should be given up, as its value at a step is worse than the median."""
        with silent():
            trial.report(value, step)
            return trial.should_prune()

    def tell(
        self,
        trial: optuna.trial.Trial,
        state: str,
        value: float = math.nan,
        number: int | None = None,
        **about: Any,
    ) -> None:
        """Ends a trial. One without a number was interrupted, and does not count."""
        codes = {COMPLETE: "COMPLETE", PRUNED: "PRUNED", FAILED: "FAIL"}
        with silent():
            if number is not None:
                for name, one in {"number": number, **about}.items():
                    trial.set_user_attr(name, one)
            self._study.tell(
                trial, value if state == COMPLETE else None, state=_state(codes[state])
            )
        self._n_open -= 1

    def importances(self) -> dict[str, float]:
        """Share of each hyperparameter in what sets the best tenth of the trials apart.

        By PED-ANOVA (Watanabe, Bansal, Hutter 2023); empty for few trials.
        """
        optuna = import_optuna()
        complete = [one for one in self.trials if one.state == COMPLETE]
        if len(complete) < _ENOUGH or len({one.value for one in complete}) < 2:
            return {}
        evaluator = optuna.importance.PedAnovaImportanceEvaluator
        with silent():
            found = optuna.importance.get_param_importances(self._study, evaluator=evaluator())
        return {name: float(share) for name, share in found.items() if math.isfinite(share)}

    def _trial(self, one: optuna.trial.FrozenTrial) -> Trial:
        params = {name: one.params[name] for name in self._distributions}
        state = {"COMPLETE": COMPLETE, "PRUNED": PRUNED, "FAIL": FAILED}[one.state.name]
        return Trial(
            number=int(one.user_attrs["number"]),
            model=self.space.model,
            params=params,
            spec=self.space.spec(params).to_dict(),
            feedback=str(self.space.feedback(params)),
            state=state,
            value=math.nan if one.value is None or state == FAILED else float(one.value),
            seconds=float(one.user_attrs.get("seconds", 0.0)),
            why=str(one.user_attrs.get("why", "")),
            steps={int(step): float(v) for step, v in one.intermediate_values.items()},
        )


def best_of(trials: Iterable[Trial], higher_is_better: bool) -> Trial | None:
    """The complete trial with the best value, the earlier one of equal ones; None without any."""
    sign = 1 if higher_is_better else -1
    complete = [one for one in trials if one.state == COMPLETE]
    return max(complete, key=lambda one: (sign * one.value, -one.number), default=None)


def import_optuna() -> Any:
    """Optuna.

    Raises:
        ArgumentError: it is not installed.
    """
    try:
        import optuna
        import optuna.importance
    except ImportError as error:
        if error.name != "optuna":
            raise
        raise ArgumentError(
            "tuning needs optuna; install it with pip install 'recsys-mf[tune]'"
        ) from None
    return optuna


def kept_in(storage: Any, model: str, name: str) -> list[str]:
    """What each of the studies of a model keeps under a name, in the order they were made."""
    if storage is None:
        return []
    optuna = import_optuna()
    with silent():
        summaries = optuna.study.get_all_study_summaries(storage, include_best_trial=False)
    own = [one for one in summaries if one.study_name.partition(" ")[0] == model]
    return [str(one.user_attrs[name]) for one in own if name in one.user_attrs]


def storage_at(path: Path) -> Any:
    """The database of a search, which is made on first use.

    Raises:
        ArgumentError: there is a file, and it is no such database.
        OSError: the disk is full or broken.
    """
    optuna = import_optuna()
    from recsys.ratings.databases import without_log_of_interruptions

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with silent():
            storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        without_log_of_interruptions(storage.engine)
        return storage
    except (OSError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split()).removesuffix(_ELSEWHERE)[:120]
        raise ArgumentError(
            f"{path} is not a study that this version can read ({reason}){_ELSEWHERE}"
        ) from None


@contextmanager
def silent() -> Iterator[None]:
    """Without Optuna's messages and its warnings that a feature may change.

    Raises:
        OSError: the database of the search cannot be written, as on a full disk.
        DataError: it is damaged.
    """
    optuna = import_optuna()
    import sqlalchemy  # which Optuna's database needs

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    except (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise _database_error(error) from None
    except (json.JSONDecodeError, LookupError) as error:
        # Optuna keeps values as JSON objects, and SQLAlchemy raises LookupError for unknown states.
        raise _damaged(error) from None
    except (TypeError, AttributeError) as error:
        # Nor does it check for values that are missing.
        if not any("optuna.storages" in name for name in _modules(error)):
            raise
        raise _damaged(error) from None
    finally:
        optuna.logging.set_verbosity(before)


def _modules(error: BaseException) -> Iterator[str]:
    # Of the functions that an error went through.
    place = error.__traceback__
    while place is not None:
        yield place.tb_frame.f_globals.get("__name__", "")
        place = place.tb_next


def _database_error(error: BaseException) -> Exception:
    while not isinstance(error, sqlite3.Error) and error.__cause__ is not None:
        error = error.__cause__
    # The lowest byte is the kind. Errors of Python's own, about damaged text, have no code.
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_SYSTEM:
        said = f"{one_line(error, 120)}; the trials so far are kept"
        return OSError(errno.EIO, said, "the study of the search")
    return _damaged(error)


def _damaged(error: BaseException) -> DataError:
    return DataError(f"the study of the search is damaged ({one_line(error, 120)}){_ELSEWHERE}")


def _distribution(one: Dimension) -> Any:
    distributions = import_optuna().distributions
    if one.choices:
        return distributions.CategoricalDistribution(one.choices)
    if one.kind is int:
        return distributions.IntDistribution(int(one.low), int(one.high), log=one.log)
    return distributions.FloatDistribution(one.low, one.high, log=one.log)


def _state(name: str) -> Any:
    return import_optuna().trial.TrialState[name]


def _states(*names: str) -> tuple[Any, ...]:
    return tuple(_state(name) for name in names)
