"""What the processes of the tests do: a module that they can import, as they cannot a test file."""

from __future__ import annotations

import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from recsys.processes import Ask


def private_memory() -> int:
    """Bytes of this process that no file backs."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise AssertionError("/proc/self/status has no RssAnon")


def work(shared: Any, order: Any, ask: Ask) -> Any:
    """What the processes of these tests do."""
    if order == "sum":
        before = private_memory()
        return float(shared.sum()), private_memory() - before
    if order == "exit":
        os._exit(5)
    if order == "unpicklable":
        return threading.Lock()
    if order == "bug":
        raise KeyError("not there")
    if order == "warn":
        warnings.warn("slow data", RuntimeWarning, stacklevel=1)
    if order == "threads":
        return os.environ["RECSYS_NUM_THREADS"]
    if isinstance(order, float):
        time.sleep(order)
    return order, ask(order)
