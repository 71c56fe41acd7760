"""How many threads to use."""

import os

from recsys.errors import ArgumentError


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """The environment variable `RECSYS_NUM_THREADS`, or the cores this process may use."""
    setting = os.environ.get("RECSYS_NUM_THREADS", "")
    if not setting:
        return cores()
    if not setting.isdigit() or int(setting) < 1:
        raise ArgumentError(f"RECSYS_NUM_THREADS must be a whole number >= 1, not {setting!r}")
    return int(setting)
