"""Runs a protocol: every contender on every part with every seed, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from protocols.peers import answer_of, is_installed
from protocols.record import Contender, Material, Measure, Part, Peer, Procedure
from protocols.summary import Run, Value, summarize
from recsys.errors import ArgumentError
from recsys.evaluation.protocol.contenders import Fresh, with_seed


@dataclass
class Row:
    """A line of the table that was measured here."""

    name: str
    settings: str
    is_peer: bool
    measures: tuple[Measure, ...]
    runs: list[Run] = field(default_factory=list)

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
    """The contenders, each with a run for every part and seed.

    All of them take turns, so that a noisy machine affects them alike.

    Args:
        procedure: the protocol.
        material: its data.
        options: what to run.
        on_run: called after each fit, with the row that it belongs to.

    Raises:
        ArgumentError: no contender is called so.
    """
    contenders = _named(procedure.contenders, options)
    peers = [one for one in _named(procedure.peers, options) if is_installed(one)]
    peers = peers if options.peers else []
    if not contenders and not peers:
        ours, theirs = procedure.contenders, procedure.peers
        known = ", ".join([*(one.name for one in ours), *(one.name for one in theirs)])
        raise ArgumentError(f"models must be among {known}, not {', '.join(options.models)}")
    used = [(one.name, one.model.to_dict(), False) for one in contenders]
    used += [(one.name, one.settings, True) for one in peers]
    rows = {
        name: Row(name, _settings(settings), is_peer, procedure.task.measures)
        for name, settings, is_peer in used
    }
    seeds = list(options.seeds)[: 1 if options.quick else None]
    for part in material.parts[: 1 if options.quick else None]:
        for seed in seeds:
            for one in contenders:
                if seed == seeds[0] or with_seed(one.model, seed) is not None:
                    rows[one.name].runs.append(_ours(procedure, part, one, seed))
                    on_run(rows[one.name])
            for peer in peers:
                rows[peer.name].runs.append(_theirs(procedure, part, peer, seed))
                on_run(rows[peer.name])
    return list(rows.values())


def missing_peers(procedure: Procedure) -> list[str]:
    """Libraries of the protocol that are not installed."""
    return sorted({one.library for one in procedure.peers if not is_installed(one)})


def _ours(procedure: Procedure, part: Part, contender: Contender, seed: int) -> Run:
    seeded = with_seed(contender.model, seed)
    began = time.perf_counter()
    trained = Fresh(seeded or contender.model).train(part.prepared)
    seconds = time.perf_counter() - began
    answer = procedure.task.answer(trained.ranker, part)  # type: ignore[arg-type]
    sums = procedure.task.sums(part, answer)
    return Run(part.name, None if seeded is None else seed, seconds, sums)


def _theirs(procedure: Procedure, part: Part, peer: Peer, seed: int) -> Run:
    answer, seconds = answer_of(peer, procedure.task, part, seed)
    return Run(part.name, seed, seconds, procedure.task.sums(part, answer))


def _named(all_of_them: Iterable[Any], options: Options) -> list[Any]:
    return [
        one
        for one in all_of_them
        if not options.models or any(text.lower() in one.name.lower() for text in options.models)
    ]


def _settings(values: Any) -> str:
    flat = dict(values)
    flat |= flat.pop("hyperparameters", {})
    return ", ".join(
        f"{key}={value}" for key, value in flat.items() if key not in ("model", "seed")
    )
