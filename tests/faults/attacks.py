"""All attacks by name."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from faults import formats, inputs, kills, packed, tables
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


def _attacks() -> Iterator[tuple[str, Attack]]:
    yield "kills", Attack(kills.attack, 600, 12, may_kill=False)
    for form in (*formats.formats(), *packed.formats()):
        yield f"read-{form.name}", Attack(partial(inputs.reader, form), 1000, 25)
    yield "item-tables", Attack(tables.items, 2000, 40)
    yield "user-tables", Attack(tables.users, 1000, 25)


ATTACKS: dict[str, Attack] = dict(_attacks())
