"""What becomes of settings that are tried: here one after the other, or in several processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from recsys.evaluation.protocol.failures import failure
from recsys.evaluation.tuning.family import COMPLETE, FAILED, PRUNED, Family
from recsys.evaluation.tuning.objective import Bench
from recsys.evaluation.tuning.spaces import Params, Space
from recsys.processes import Ask, Failed, Task, Workers


class Asked(NamedTuple):
    """Settings that a model proposed."""

    family: Family
    trial: Any
    params: Params

    def behind(self, step: int, value: float) -> bool:
        """Whether to give them up, for their value at a step."""
        return math.isfinite(value) and self.family.behind(self.trial, step, value)


class Outcome(NamedTuple):
    """How a trial ended."""

    state: str
    value: float
    seconds: float
    why: str


Try = Callable[[Sequence[Asked]], Sequence[Outcome]]
"""Tries a round of settings."""


class _BehindError(Exception):
    # A trial is given up.
    pass


@contextmanager
def trying(bench: Bench, processes: int) -> Iterator[Try]:
    """How the settings of a round are tried.

    Args:
        bench: what measures them.
        processes: how many work on a round, each with its part of the threads.
    """
    if processes == 1:
        yield lambda asked: [_outcome(bench, o.family.space, o.params, o.behind) for o in asked]
        return
    bench.prepare()
    with Workers(processes, _work) as workers:
        shared = workers.share(bench)

        def try_all(asked: Sequence[Asked]) -> list[Outcome]:
            tasks = (
                Task(one.family.space.model, shared, (one.family.space, one.params), one.behind)
                for one in asked
            )
            return [_checked(found) for _, found in workers.results(tasks)]

        yield try_all


def _checked(found: Any) -> Outcome:
    if isinstance(found, Failed):
        raise found.error
    return Outcome(*found)


def _work(bench: Bench, order: tuple[Space, Params], ask: Ask) -> Outcome:
    # In a process.
    return _outcome(bench, *order, ask)


def _outcome(
    bench: Bench, space: Space, params: Params, behind: Callable[[int, float], bool]
) -> Outcome:
    began = time.perf_counter()

    def on_step(step: int, value: float) -> None:
        if behind(step, value):
            raise _BehindError

    state, value, why = COMPLETE, math.nan, ""
    try:
        value = bench.value(space.spec(params), space.feedback(params), on_step)
        if not math.isfinite(value):
            state, why = FAILED, f"no user has a value for {bench.goal.name}"
    except _BehindError:
        state = PRUNED
    except Exception as error:
        state, why = FAILED, failure(error)
    return Outcome(state, value, time.perf_counter() - began, why)
