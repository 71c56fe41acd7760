"""All attacks by name."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from faults import (
    doors,
    failing,
    formats,
    inputs,
    kills,
    lowest,
    packed,
    resumes,
    sanitizers,
    tables,
)
from faults.tally import Outcome


class Attack(NamedTuple):
    """One kind of attack."""

    attack: Callable[[int, random.Random], Outcome]
    """The outcome of the case with a number and a random generator of its own."""
    n: int
    """Cases of a long run."""
    n_short: int
    """Cases of the short run that the ordinary tests contain."""
    may_kill: bool = True
    """Whether it runs the product in its own process, which then is one that may die."""


CHECKS: dict[str, Callable[[], Iterator[Outcome]]] = {
    "address-sanitizer": partial(sanitizers.kernels, "address"),
    "thread-sanitizer": partial(sanitizers.kernels, "thread"),
    "lowest-versions": lowest.versions,
}
"""Name → outcomes of tests that run in another environment; only the long run has them."""


def _attacks() -> Iterator[tuple[str, Attack]]:
    yield "kills", Attack(kills.attack, 600, 4, may_kill=False)
    yield "resumes", Attack(resumes.attack, 100, 10, may_kill=False)
    yield "failing-write", Attack(failing.write, 300, 3, may_kill=False)
    yield "largest-file", Attack(failing.largest_file, 100, 2, may_kill=False)
    yield "full-disk", Attack(failing.full_disk, 100, 2, may_kill=False)
    yield "no-memory", Attack(failing.memory, 300, 3, may_kill=False)
    for form in (*formats.formats(), *packed.formats()):
        yield f"read-{form.name}", Attack(partial(inputs.reader, form), 1000, 25)
    yield "item-tables", Attack(tables.items, 2000, 40)
    yield "user-tables", Attack(tables.users, 1000, 25)
    yield "model-file", Attack(doors.model_file, 2000, 60)
    yield "where", Attack(doors.where, 2000, 60)
    yield "recipe", Attack(doors.recipe, 1000, 40)
    yield "evaluation-json", Attack(doors.evaluation, 1000, 15)
    yield "study-db", Attack(doors.study, 300, 2)


ATTACKS: dict[str, Attack] = dict(_attacks())
