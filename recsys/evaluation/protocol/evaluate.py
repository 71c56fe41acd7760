"""`evaluate`: models fitted on the training part, compared on the test part.

Every model is fitted and measured on every split with every seed; `Popularity` and `Biases` are
always included. Means, intervals and tests are over users.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from recsys.errors import ArgumentError, DataError, ModelError
from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.protocol.contenders import (
    Contender,
    Fresh,
    Model,
    Trained,
    seed_of,
    with_seed,
)
from recsys.evaluation.protocol.failures import failure, no_model
from recsys.evaluation.protocol.measure import Measurement, measure
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.evaluation.protocol.runs import NO_SEED, Run, Runs
from recsys.evaluation.protocol.scored import sampled_values
from recsys.evaluation.protocol.served import Served
from recsys.evaluation.result.checks import find_faults
from recsys.models.common import OnEpoch
from recsys.models.from_features import Names
from recsys.ratings.feedback import Feedback
from recsys.ratings.splits import Split
from recsys.recommend.chosen import OnSearch
from recsys.recommend.recommender import Recommender

Evaluable = Model | Contender | Recommender
"""A spec, a `Grid`, a trained `Recommender`, or a `Served` one with its own choice of items."""

_SAMPLED = (
    "metrics against sampled items are not those of full ranking, and may order models "
    "differently; decide by full ranking"
)

OnModel = Callable[[str, str], OnEpoch | None]
"""Called with model and split before each fit; what it returns is called after every epoch."""


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

    Raises:
        ArgumentError: there are no models, a value is not a model, or a number is out of range.
        DataError: the splits are over different users or items.
        ModelError: every model failed; MemoryError if one did for want of memory.
    """
    _check(models, k, seeds, sampled_negatives)
    asked: dict[str, Evaluable] = {**BASELINES, **models}
    feedback = feedback if isinstance(feedback, Feedback) else Feedback.parse(feedback or "values")
    several = [splits] if isinstance(splits, Split) else list(splits)
    _check_splits(several)
    features = _features(features, several)
    if sampled_negatives:
        warnings.warn(_SAMPLED, stacklevel=2)
    contenders = {name: _contender(model) for name, model in asked.items()}
    runs = Runs(contenders, several, int(k), feedback, tuple(int(seed) for seed in seeds))
    for fold, split in enumerate(several):
        prepared = prepare(split, int(k), feedback, features)
        runs.begin(prepared)
        for name, model in asked.items():
            try:
                for contender, seed in _by_seed(model, seeds):
                    calls = on_model(name, split.how), on_search
                    found = _timed(contender, prepared, calls, sampled_negatives)
                    runs.add(Run(name, fold, seed), *found)
            except Exception as error:
                runs.failures[name] = failure(error)
    if runs.is_empty:
        raise no_model(_listed(runs.failures), runs.failures.values(), ModelError)
    return _with_findings(runs.result(), several, contenders)


def _with_findings(
    result: Evaluation, splits: Sequence[Split], contenders: Mapping[str, Contender]
) -> Evaluation:
    return replace(result, findings=tuple(find_faults(result, splits, contenders)))


def _features(given: Names | None, several: Sequence[Split]) -> Names:
    # Without features, nothing would be known of items that were held out.
    held_out = any(split.candidates is not None for split in several)
    return held_out if given is None else given


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


def _timed(
    contender: Contender,
    prepared: PreparedSplit,
    calls: tuple[OnEpoch | None, OnSearch | None],
    n_negatives: int,
) -> tuple[Trained, Measurement, tuple[float, float]]:
    # Fitted and measured, with the seconds of both.
    began = time.perf_counter()
    trained = contender.train(prepared, *calls)
    ready = time.perf_counter()
    found = measure(trained.ranker, prepared, predicts_ratings=contender.predicts_ratings)
    if n_negatives:
        extra = sampled_values(trained.ranker, prepared, n_negatives)
        found = replace(found, values=found.values.assign(**extra))
    return trained, found, (ready - began, time.perf_counter() - ready)


def _check(
    models: Mapping[str, Evaluable], k: int, seeds: Sequence[int], sampled_negatives: int
) -> None:
    if not models:
        raise ArgumentError("models must map at least one name to a spec, such as ImplicitALS()")
    for model in models.values():
        _contender(model)
    if not _is_whole(k, 1):
        raise ArgumentError(f"k must be a whole number of at least 1, not {k!r}")
    if not _is_whole(sampled_negatives, 0):
        raise ArgumentError(
            f"sampled_negatives must be a whole number of at least 0, not {sampled_negatives!r}"
        )
    if not all(_is_whole(seed, 0) for seed in seeds):
        raise ArgumentError(f"seeds must be whole numbers of at least 0, not {seeds!r}")
    if len(set(seeds)) < len(seeds):
        raise ArgumentError(f"seeds must differ, not {seeds!r}")


def _is_whole(value: object, low: int) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and int(value) >= low  # type: ignore[call-overload]


def _check_splits(several: Sequence[Split]) -> None:
    if not several or not all(isinstance(split, Split) for split in several):
        raise ArgumentError("splits must be at least one Split, such as splits.random(ratings)")
    first = several[0]
    for split in several[1:]:
        if split.test.users != first.test.users or split.test.items != first.test.items:
            raise DataError(
                f"the splits {first.how!r} and {split.how!r} are not over the same users and "
                "items; evaluate them one by one"
            )
