"""All attacks by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from faults import formats, inputs, kills
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


ATTACKS: dict[str, Attack] = {"kills": Attack(kills.attack, 600, 12, may_kill=False)} | {
    f"read-{form.name}": Attack(partial(inputs.reader, form), 1000, 25)
    for form in formats.formats()
}
