"""Runs a protocol: every contender on every part with every seed, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from protocols.peers import answer_of, is_installed
from protocols.record import Contender, Material, Measure, Part, Peer, Procedure, Task
from protocols.summary import Run, Value, summarize
from recsys.errors import ArgumentError, ModelError
from recsys.evaluation.protocol.contenders import Fresh, with_seed
from recsys.evaluation.protocol.failures import failure
from recsys.models.blend import Blend


@dataclass
class Row:
    """A line of the table that is measured here."""

    name: str
    settings: str
    is_peer: bool
    draws: bool
    """Whether a seed makes a difference."""
    measures: tuple[Measure, ...]
    fit: Callable[[Part, int], Run]
    """Runs the contender on a part with a seed."""
    runs: list[Run] = field(default_factory=list)
    failure: str = ""
    """Why it has no runs."""

    @property
    def seconds(self) -> float:
        """The mean of a fit."""
        return sum(run.seconds for run in self.runs) / len(self.runs)

    @cached_property
    def values(self) -> dict[str, Value]:
        """Measure → what was reached, once all runs are there."""
        return {one.name: summarize(one, self.runs) for one in self.measures}


@dataclass(frozen=True)
class Options:
    """What to run."""

    seeds: Sequence[int] = (0, 1, 2)
    peers: bool = False
    quick: bool = False
    """Only the first part, with the first seed."""
    models: Sequence[str] = ()
    """Only contenders with one of these texts in their names; all by default."""


def run(
    procedure: Procedure, material: Material, options: Options, on_run: Callable[[Row], None]
) -> list[Row]:
    """The contenders, each with a run for every part and seed, or with why it failed.

    All of them take turns, so that a noisy machine affects them alike.

    Args:
        procedure: the protocol.
        material: its data.
        options: what to run.
        on_run: called after each fit, with the row that it belongs to.

    Raises:
        ArgumentError: no contender is called so.
        ModelError: all of them failed.
    """
    rows = _rows(procedure, options)
    most = 1 if options.quick else None
    for part in material.parts[:most]:
        for number, seed in enumerate(options.seeds[:most]):
            for row in rows:
                if not row.failure and (row.draws or not number):
                    _add_run(row, part, seed, on_run)
    if all(row.failure for row in rows):
        raise ModelError("; ".join(f"{row.name} failed: {row.failure}" for row in rows))
    return rows


def _add_run(row: Row, part: Part, seed: int, on_run: Callable[[Row], None]) -> None:
    # One that fails, whatever its library raises, does not end the others' runs of hours.
    try:
        row.runs.append(row.fit(part, seed))
    except Exception as error:
        row.failure = failure(error)
    else:
        on_run(row)


def _rows(procedure: Procedure, options: Options) -> list[Row]:
    rows = [
        Row(
            one.name,
            _settings(one.model.changed() if isinstance(one.model, Blend) else one.model.to_dict()),
            False,
            with_seed(one.model, 0) is not None,
            procedure.task.measures,
            partial(_ours, procedure.task, one),
        )
        for one in procedure.contenders
    ]
    rows += [
        Row(
            one.name,
            _settings(one.settings),
            True,
            True,
            procedure.task.measures,
            partial(_theirs, procedure.task, one),
        )
        for one in procedure.peers
        if options.peers and is_installed(one)
    ]
    wanted = [text.lower() for text in options.models] or [""]
    found = [row for row in rows if any(text in row.name.lower() for text in wanted)]
    if not found:
        known = ", ".join(row.name for row in rows)
        raise ArgumentError(f"models must be among {known}, not {', '.join(options.models)}")
    return found


def missing_peers(procedure: Procedure) -> list[str]:
    """Libraries of the protocol that are not installed."""
    return sorted({one.library for one in procedure.peers if not is_installed(one)})


def _ours(task: Task, contender: Contender, part: Part, seed: int) -> Run:
    seeded = with_seed(contender.model, seed)
    began = time.perf_counter()
    trained = Fresh(seeded or contender.model).train(part.prepared)
    seconds = time.perf_counter() - began
    answer = task.answer(trained.ranker, part)  # type: ignore[arg-type]  # `Fresh` fits
    return Run(part.name, None if seeded is None else seed, seconds, task.sums(part, answer))


def _theirs(task: Task, peer: Peer, part: Part, seed: int) -> Run:
    answer, seconds = answer_of(peer, task, part, seed)
    return Run(part.name, seed, seconds, task.sums(part, answer))


def _settings(values: Any) -> str:
    flat = dict(values)
    flat |= flat.pop("hyperparameters", {})
    return ", ".join(
        f"{key}={value}" for key, value in flat.items() if key not in ("model", "seed")
    )
