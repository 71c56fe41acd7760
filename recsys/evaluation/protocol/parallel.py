"""Jobs one after the other, or in several processes that share the splits: the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from recsys.evaluation.protocol.contenders import Contender
from recsys.evaluation.protocol.jobs import Job, Outcome, Run, Watching, outcome
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.models.alternating import State
from recsys.models.common import OnEpoch, Progress
from recsys.models.kept import NOTHING, Entry, Kept
from recsys.models.spec import Spec
from recsys.processes import Ask, Failed, Task, Workers
from recsys.recommend.chosen import Searching

Elsewhere = Callable[[Iterable[Sequence[Job]]], Iterator[tuple[Job, Outcome]]]
"""Does jobs on other machines; from the jobs on each split to each with what came of it."""


def outcomes(
    folds: Iterable[Sequence[Job]],
    watching: Watching,
    processes: int = 1,
    elsewhere: Elsewhere | None = None,
) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its measurement, or why it failed, in order.

    Once a model has failed on a split, the other seeds of it there are left out.

    Args:
        folds: the jobs on each split. A split is prepared when it is its turn.
        watching: who is called, in this process.
        processes: how many work on the jobs.
        elsewhere: what does the jobs, where that is not for this machine.

    Raises:
        ArgumentError: a model cannot be sent to another process.
        CheckpointError: what was kept is damaged.
        WorkerError: a process has ended.
    """
    failed: set[tuple[int, str]] = set()
    each: Iterator[tuple[Job, Outcome | None]]
    if elsewhere is not None:
        each = elsewhere(folds)
    elif processes == 1:
        each = ((job, None) for jobs in folds for job in jobs)
    else:
        each = _in_processes(folds, watching, processes)
    for job, found in each:
        model = job.run.fold, job.run.model
        if model in failed:
            continue
        done = outcome(job, watching) if found is None else found
        if isinstance(done, str):
            failed.add(model)
        yield job, done


class SplitJobs(NamedTuple):
    """What the jobs on a split share."""

    prepared: PreparedSplit
    contenders: Sequence[Contender]


class _Order(NamedTuple):
    # What a process is to do.
    run: Run
    contender: int
    sampled_negatives: int
    keeps: bool
    searches: bool


def _in_processes(
    folds: Iterable[Sequence[Job]], watching: Watching, n: int
) -> Iterator[tuple[Job, Outcome | None]]:
    with Workers(n, _work) as workers:
        for task, found in workers.results(_tasks(workers, folds, watching)):
            if isinstance(found, Failed):
                raise found.error
            yield task.of, found


def _tasks(workers: Workers, folds: Iterable[Sequence[Job]], watching: Watching) -> Iterator[Task]:
    for jobs in folds:
        shared = workers.share(SplitJobs(jobs[0].prepared, [job.contender for job in jobs]))
        for i, job in enumerate(jobs):
            keeps, searches = job.kept is not NOTHING, watching.on_search is not None
            order = _Order(job.run, i, job.sampled_negatives, keeps, searches)
            answer = _Desk(watching, job.kept).answer
            yield Task(job.run.model, shared, order, answer, job)


@dataclass
class _Desk:
    # Answers what a job asks from its process; the names of the questions are those of methods.
    watching: Watching
    kept: Kept
    on_epoch: OnEpoch | None = None
    fits: ExitStack = field(default_factory=ExitStack)
    going_on: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, question: str, *about: Any) -> Any:
        return getattr(self, question)(*about)

    def begins(self, model: str, split: str) -> bool:
        self.on_epoch = self.watching.on_model(model, split)
        return self.on_epoch is not None

    def epoch(self, progress: Progress) -> None:
        if self.on_epoch is not None:
            self.on_epoch(progress)

    def searched(self, searching: Searching) -> None:
        if self.watching.on_search is not None:
            self.watching.on_search(searching)

    def found(self, parts: Sequence[str], name: str, key: Mapping[str, Any]) -> Entry | None:
        try:
            return _plain(self._part(parts).remember(name, key, _missing))
        except _MissingError:
            return None

    def made(self, parts: Sequence[str], name: str, key: Mapping[str, Any], entry: Entry) -> None:
        self._part(parts).remember(name, key, lambda: entry)

    def fitting(self, parts: Sequence[str], name: str, spec: Spec) -> tuple[bool, State | None]:
        self.going_on = self.fits.enter_context(self._part(parts).fitting(name, spec))
        return "on_state" in self.going_on, self.going_on.get("start")

    def due(self) -> bool:
        return bool(self.going_on["on_state"].due())

    def state(self, state: State) -> None:
        self.going_on["on_state"](state)

    def fitted(self) -> None:
        self.fits.close()

    def _part(self, parts: Sequence[str]) -> Kept:
        kept = self.kept
        for part in parts:
            kept = kept.part(part)
        return kept


class _MissingError(Exception):
    # Nothing is kept under a name.
    pass


def _missing() -> Entry:
    raise _MissingError


def _plain(entry: Entry) -> Entry:
    # In types that can be sent.
    return Entry(dict(entry.arrays), dict(entry.about))


def _work(shared: SplitJobs, order: _Order, ask: Ask) -> Outcome:
    # In a process.
    kept: Kept = _Asking(ask) if order.keeps else NOTHING
    contender = shared.contenders[order.contender]
    job = Job(order.run, contender, shared.prepared, order.sampled_negatives, kept)

    def on_model(model: str, split: str) -> OnEpoch | None:
        return partial(ask, "epoch") if ask("begins", model, split) else None

    return outcome(job, Watching(on_model, partial(ask, "searched") if order.searches else None))


@dataclass(frozen=True)
class _Asking:
    # What a checkpoint has, in a process that asks for it; see `Kept`.
    ask: Ask
    parts: tuple[str, ...] = ()

    def part(self, name: str) -> Kept:
        return _Asking(self.ask, (*self.parts, name))

    def remember(self, name: str, key: Mapping[str, Any], make: Any) -> Entry:
        found: Entry | None = self.ask("found", self.parts, name, key)
        if found is None:
            found = make()
            self.ask("made", self.parts, name, key, _plain(found))
        return found

    @contextmanager
    def fitting(self, name: str, spec: Spec) -> Iterator[Mapping[str, Any]]:
        resumable, start = self.ask("fitting", self.parts, name, spec)
        try:
            yield {"start": start, "on_state": _OnState(self.ask)} if resumable else {}
        finally:
            self.ask("fitted")


@dataclass(frozen=True)
class _OnState:
    ask: Ask

    def due(self) -> bool:
        return bool(self.ask("due"))

    def __call__(self, state: State) -> None:
        self.ask("state", state)
