"""How much memory this process holds, and how much it can still get."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def process_memory() -> tuple[int, int]:
    """Bytes that this process holds now, and the most it has held."""
    found = _kilobytes("/proc/self/status")
    if {"VmRSS", "VmHWM"} <= found.keys():
        return found["VmRSS"] * 1024, found["VmHWM"] * 1024
    import resource  # which Windows does not have

    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return peak, peak


def give_back() -> None:
    """Gives memory that was freed back to the system, where the C library can."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def peak_during(action: Callable[[], object]) -> int:
    """The most that this process holds while something is done.

    Where the system does not say, what it holds afterwards.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    except OSError:
        action()
        return process_memory()[0]
    action()
    return process_memory()[1]


def free_memory() -> int | None:
    """Bytes that can still be had without swapping, within the limit of the container.

    None where the system does not say.
    """
    free = _kilobytes("/proc/meminfo").get("MemAvailable")
    if free is None:
        return None
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    room = free * 1024
    if limit.exists() and used.exists() and (most := limit.read_text().strip()).isdigit():
        room = min(room, int(most) - int(used.read_text()))
    return room


def _kilobytes(path: str) -> dict[str, int]:
    file = Path(path)
    if not file.exists():
        return {}
    return {name: int(n) for name, n in re.findall(r"^(\w+):\s+(\d+) kB", file.read_text(), re.M)}
