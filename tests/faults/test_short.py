"""A short part of every attack, with a seed; `scripts/test --faults` runs the long one."""

from __future__ import annotations

import sys

import pytest

from faults.attacks import ATTACKS
from faults.run import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks need Linux")


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_bad_comes_of(name: str) -> None:
    tally = run(name, range(ATTACKS[name].n_short), seed=7)
    assert tally.bad == []
    assert tally.tried == ATTACKS[name].n_short
