"""A job is one fit and its measurement: of a model, on a fold, with a seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from recsys.errors import CheckpointError
from recsys.evaluation.protocol.contenders import Contender, Fresh
from recsys.evaluation.protocol.failures import failure
from recsys.evaluation.protocol.kept_runs import Measured, entry_of, run_of
from recsys.evaluation.protocol.measure import measure
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.evaluation.protocol.scored import sampled_values
from recsys.models.common import OnEpoch
from recsys.models.kept import NOTHING, RESULT, Kept
from recsys.recommend.chosen import OnSearch

OnModel = Callable[[str, str], OnEpoch | None]
"""Called with model and split before each fit; what it returns is called after every epoch."""

Outcome = Measured | str
"""The measurement of a job, or why it failed."""


@dataclass(frozen=True)
class Run:
    """One fit: model, fold from 0, seed. They are the key columns of the tables."""

    model: str
    fold: int
    seed: int


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be fitted and measured."""

    run: Run
    contender: Contender
    prepared: PreparedSplit
    sampled_negatives: int
    kept: Kept
    """What a checkpoint has of it."""


class Watching(NamedTuple):
    """Who is called while models are fitted."""

    on_model: OnModel
    on_search: OnSearch | None = None


def outcome(job: Job, watching: Watching) -> Outcome:
    """What came of a job that is done now, unless a checkpoint has it.

    Raises:
        CheckpointError: what was kept is damaged.
    """
    try:
        return _measured(job, watching)
    except CheckpointError:
        raise
    except Exception as error:
        return failure(error)


def _measured(job: Job, watching: Watching) -> Measured:
    # The run, or what a checkpoint has of it.
    if job.kept is NOTHING:
        return _timed(job, watching)
    kept, split = job.kept.part(f"seed-{job.run.seed}"), job.prepared.split
    key = asdict(job.run) | {
        "spec": job.contender.to_dict(),
        "ratings": [split.train.fingerprint, split.test.fingerprint],
    }
    own = job
    if isinstance(job.contender, Fresh):
        own = replace(job, contender=replace(job.contender, kept=kept))
    found = kept.remember(RESULT, key, lambda: entry_of(_timed(own, watching)))
    return run_of(found, split.test.users.ids[job.prepared.users])


def _timed(job: Job, watching: Watching) -> Measured:
    # Fitted and measured, with the seconds of both.
    prepared, contender = job.prepared, job.contender
    on_epoch = watching.on_model(job.run.model, prepared.split.how)
    began = time.perf_counter()
    trained = contender.train(prepared, on_epoch, watching.on_search)
    ready = time.perf_counter()
    found = measure(trained.ranker, prepared, predicts_ratings=contender.predicts_ratings)
    if job.sampled_negatives:
        extra = sampled_values(trained.ranker, prepared, job.sampled_negatives)
        found = replace(found, values=found.values.assign(**extra))
    seconds = ready - began, time.perf_counter() - ready
    return Measured(found, trained.spec, trained.log, *seconds)
