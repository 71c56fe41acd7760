"""A short part of every attack, with a seed; `scripts/test --faults` runs the long one."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from faults.attacks import ATTACKS
from faults.run import run
from faults.worker import Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks need Linux")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_bad_comes_of(name: str, worker: Worker) -> None:
    tally = run(name, range(ATTACKS[name].n_short), 7, worker)
    assert tally.bad == []
    assert tally.tried == ATTACKS[name].n_short
