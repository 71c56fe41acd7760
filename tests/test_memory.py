"""Memory of this process and of the machine, in bytes."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import pytest

from recsys import memory
from recsys.memory import free_memory, process_memory

GB = 1 << 30


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


def test_a_peak_is_that_of_an_action() -> None:
    """Also where an earlier peak was higher, and what was held is free again."""

    def hold(n_bytes: int) -> None:
        with mmap.mmap(-1, n_bytes) as block:
            for start in range(0, len(block), 4096):
                block[start] = 1

    hold(300_000_000)
    held = process_memory()[0]
    peak = memory.peak_during(lambda: hold(100_000_000))
    if sys.platform == "linux":
        assert held + 90_000_000 < peak < held + 200_000_000


@pytest.mark.parametrize(
    ("limit", "used", "free"),
    [
        (f"{3 * GB}\n", f"{GB}\n", 2 * GB),  # the container is the smaller one
        (f"{64 * GB}\n", f"{GB}\n", 8 * GB),  # the machine is
        ("max\n", f"{GB}\n", 8 * GB),  # a container without a limit
        (None, None, 8 * GB),  # no container
    ],
)
def test_free_memory_is_what_machine_and_container_both_have(
    limit: str | None, used: str | None, free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "/proc/meminfo": f"MemTotal: {16 * GB // 1024} kB\nMemAvailable:  {8 * GB // 1024} kB\n",
        "/sys/fs/cgroup/memory.max": limit,
        "/sys/fs/cgroup/memory.current": used,
    }
    for path, text in files.items():
        if text is not None:
            own = tmp_path / path.lstrip("/")
            own.parent.mkdir(parents=True, exist_ok=True)
            own.write_text(text)
    monkeypatch.setattr(memory, "Path", lambda path: tmp_path / path.lstrip("/"))
    assert free_memory() == free


def test_free_memory_is_unknown_where_the_system_does_not_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "Path", lambda path: tmp_path / path.lstrip("/"))
    assert free_memory() is None
    held, peak = process_memory()  # from getrusage, which knows the peak alone
    assert held == peak > 0
