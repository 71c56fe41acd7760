"""Memory of this process and of the machine, in bytes."""

from __future__ import annotations

import mmap
import sys

from recsys.memory import free_memory, process_memory


def test_memory_is_measured_in_bytes() -> None:
    held, peak = process_memory()
    with mmap.mmap(-1, 100_000_000) as block:
        for start in range(0, len(block), 4096):
            block[start] = 1
        more, top = process_memory()
    assert held <= peak
    assert more > held + 90_000_000 or sys.platform == "darwin"  # which only knows the peak
    assert top >= more
    free = free_memory()
    assert free is None or 1e7 < free < 1e15
