"""`evaluate`: models fitted on the training part, compared on the test part.

Every model is fitted and measured on every split with every seed; `Popularity` and `Biases` are
always included. Means, intervals and tests are over users.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from recsys.arguments import require, require_function, said
from recsys.errors import ArgumentError, DataError, ModelError
from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.protocol.contenders import (
    Contender,
    Fresh,
    Model,
    seed_of,
    with_seed,
)
from recsys.evaluation.protocol.failures import no_model
from recsys.evaluation.protocol.jobs import Job, OnModel, Run, Watching
from recsys.evaluation.protocol.parallel import Elsewhere, outcomes
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.evaluation.protocol.runs import NO_SEED, Runs
from recsys.evaluation.protocol.served import Served
from recsys.evaluation.result.checks import find_faults
from recsys.models.from_features import Names, as_names
from recsys.models.kept import NOTHING, Kept
from recsys.ratings.feedback import Feedback, as_feedback
from recsys.ratings.splits import Split
from recsys.recommend.chosen import OnSearch
from recsys.recommend.recommender import Recommender
from recsys.visible import brief

Evaluable = Model | Contender | Recommender
"""A spec, a `Grid`, a trained `Recommender`, or a `Served` one with its own choice of items."""

_LONG = 1000  # up to which k may be larger than a small catalogue
_SAMPLED = (
    "sampled metrics are not those of full ranking, and may rank models differently; decide by "
    "full ranking"
)


def evaluate(
    models: Mapping[str, Evaluable],
    splits: Split | Iterable[Split],
    k: int = 10,
    *,
    feedback: Feedback | str | None = None,
    features: Names | None = None,
    seeds: Sequence[int] = (),
    sampled_negatives: int = 0,
    on_model: OnModel = lambda model, split: None,
    on_search: OnSearch | None = None,
    kept: Kept = NOTHING,
    processes: int = 1,
    elsewhere: Elsewhere | None = None,
) -> Evaluation:
    """Fits and measures every model on every split, always with `Popularity` and `Biases`.

    A model that fails is reported in `failures`, and the others finish. Models that predict ratings
    are trained on the ratings themselves, the others on the feedback.

    Args:
        models: name → spec, `Grid` of specs, or trained `Recommender`, which is not trained again.
        splits: one split, or several (folds) over the same users and items.
        k: length of the lists.
        feedback: what counts as liked, in training and test. Everything seen is left out of lists,
            liked or not.
        features: columns from which items and users without training ratings get factors, or True,
            see `train`; not for the baselines. None is True for splits that hold out items.
        seeds: trains every model that draws at random once per seed, a grid with every candidate;
            by default each model uses its own seed.
        sampled_negatives: also measures against this many random items, as separate metrics.
        on_model: called before each fit.
        on_search: called after each trial of a search, such as `auto()`.
        kept: the records of a checkpoint: models that need not be fitted again.
        processes: fits this many models at a time. They share the ratings; the results are the
            same. A script then needs `if __name__ == "__main__":`, as each process imports it.
        elsewhere: fits and measures on another engine; see `recsys.spark`.

    Raises:
        ArgumentError: there are no models, a value is not a model, or a number is out of range.
        DataError: the splits are over different users or items.
        ModelError: every model failed; MemoryError if one ran out of memory.
        CheckpointError: what was kept is damaged.
        WorkerError: a process was killed, for example because memory ran out.
    """
    _check(models, k, seeds, sampled_negatives, processes)
    asked: dict[str, Evaluable] = {**BASELINES, **models}
    feedback = as_feedback(feedback) or Feedback()
    _check_functions(on_model, on_search, elsewhere, kept)
    several = [splits] if isinstance(splits, Split) else _several(splits)
    _check_k(int(k), several[0])
    features = _features(features, several)
    contenders = {name: _contender(model) for name, model in asked.items()}
    runs = Runs(contenders, several, int(k), feedback, tuple(int(seed) for seed in seeds))
    jobs = partial(_jobs, asked, seeds, sampled_negatives, kept)
    prepared = (prepare(split, int(k), feedback, features) for split in several)
    folds = map(jobs, prepared, range(len(several)))
    for job, found in outcomes(folds, Watching(on_model, on_search), int(processes), elsewhere):
        runs.add(job, found)
    return _with_findings(_result(runs), several, contenders)


def _result(runs: Runs) -> Evaluation:
    if runs.is_empty:
        raise no_model(_listed(runs.failures), runs.failures.values(), ModelError)
    return runs.result()


def _jobs(
    asked: Mapping[str, Evaluable],
    seeds: Sequence[int],
    sampled_negatives: int,
    kept: Kept,
    prepared: PreparedSplit,
    fold: int,
) -> list[Job]:
    # Every model with every seed, on one split.
    return [
        Job(Run(name, fold, seed), one, prepared, sampled_negatives, own)
        for i, (name, model) in enumerate(asked.items())
        for own in (kept.part(f"fold-{fold}-model-{i}"),)
        for one, seed in _by_seed(model, seeds)
    ]


def _with_findings(
    result: Evaluation, splits: Sequence[Split], contenders: Mapping[str, Contender]
) -> Evaluation:
    return replace(result, findings=tuple(find_faults(result, splits, contenders)))


def _features(given: Names | None, several: Sequence[Split]) -> Names:
    # Without features, nothing would be known of items that were held out.
    held_out = any(split.candidates is not None for split in several)
    return as_names(held_out if given is None else given) or False


def _listed(failures: Mapping[str, str]) -> str:
    why = "; ".join(f"{name}: {why}" for name, why in failures.items())
    return f"no model could be evaluated: {why}"


def _contender(model: Evaluable) -> Contender:
    if isinstance(model, Recommender):
        return Served(model)
    if isinstance(model, type) or not isinstance(model, Contender | Model):
        raise ArgumentError("models must map at least one name to a spec, such as ImplicitALS()")
    return model if isinstance(model, Contender) else Fresh(model)


def _by_seed(model: Evaluable, seeds: Sequence[int]) -> Iterator[tuple[Contender, int]]:
    # Once per seed, or once where nothing is drawn.
    seeded = [(with_seed(model, int(seed)), int(seed)) for seed in seeds]
    drawn = [(one, seed) for one, seed in seeded if one is not None]
    for one, seed in drawn:
        yield _contender(one), seed
    if not drawn:
        own = seed_of(model)
        yield _contender(model), NO_SEED if own is None else own


def _check(
    models: Mapping[str, Evaluable],
    k: int,
    seeds: Sequence[int],
    sampled_negatives: int,
    processes: int,
) -> None:
    if not isinstance(models, Mapping) or not models:
        raise ArgumentError("models must map at least one name to a spec, such as ImplicitALS()")
    for name, model in models.items():
        if not isinstance(name, str) or not name:
            raise ArgumentError(f"models must have names that are text, not {brief(name)}")
        _contender(model)
        if name in BASELINES and not isinstance(model, type(BASELINES[name])):
            raise ArgumentError(
                f"models must not be called {name!r}, unless it is that baseline: all others are "
                "compared with it; choose another name"
            )
    numbers = {
        "k": (k, 1),
        "sampled_negatives": (sampled_negatives, 0),
        "processes": (processes, 1),
    }
    for name, (number, low) in numbers.items():
        if not _is_whole(number, low):
            raise ArgumentError(
                f"{name} must be a whole number of at least {low}, not {brief(number)}"
            )
    if not isinstance(seeds, Iterable) or not all(_is_whole(seed, 0) for seed in seeds):
        raise ArgumentError(f"seeds must be whole numbers of at least 0, not {brief(seeds)}")
    if len(set(seeds)) < len(seeds):
        raise ArgumentError(f"seeds must differ, not {brief(seeds)}")
    if sampled_negatives:
        warnings.warn(_SAMPLED, stacklevel=3)


def _check_functions(on_model: object, on_search: object, elsewhere: object, kept: object) -> None:
    require("on_model", on_model, Callable, "a function")  # type: ignore[arg-type]
    require_function("on_search", on_search)
    require_function("elsewhere", elsewhere)
    if not hasattr(kept, "part"):
        raise ArgumentError(f"kept must be the records of a checkpoint, not {said(kept)}")


def _is_whole(value: object, low: int) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and int(value) >= low  # type: ignore[call-overload]


def _check_k(k: int, split: Split) -> None:
    # Places beyond the catalogue stay empty, and cost as much as others.
    n = split.train.n_items
    if k > max(n, _LONG):
        raise ArgumentError(f"k must be at most the number of items, {n:,}, not {k:,}")


def _several(splits: Iterable[Split]) -> list[Split]:
    several = list(splits) if isinstance(splits, Iterable) else []
    if not several or not all(isinstance(split, Split) for split in several):
        raise ArgumentError("splits must be at least one Split, such as splits.random(ratings)")
    first = several[0]
    for split in several[1:]:
        if split.test.users != first.test.users or split.test.items != first.test.items:
            raise DataError(
                f"the splits {first.how!r} and {split.how!r} do not have the same users and "
                "items; evaluate them one by one"
            )
    return several
