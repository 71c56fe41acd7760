"""How many threads to use, and BLAS kept to one of them where the kernels run several."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from recsys.errors import ArgumentError


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """The environment variable `RECSYS_NUM_THREADS`, or the cores this process may use.

    Raises:
        ArgumentError: the variable is not a whole number of at least 1.
    """
    setting = os.environ.get("RECSYS_NUM_THREADS", "")
    if not setting:
        return cores()
    if not setting.isdigit() or int(setting) < 1:
        raise ArgumentError(f"RECSYS_NUM_THREADS must be a whole number >= 1, not {setting!r}")
    return int(setting)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limits BLAS to one thread inside the block, for the same bits on any number of cores.

    The limit holds for the whole process. Blocks may be nested and may run in several threads at
    once: the first one sets the limit and the last one restores what was there before.
    """
    with _LIMIT:
        yield


class _SharedLimit:
    """A limit on BLAS threads that is in force while at least one block needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._limits = ExitStack()
        self._controllers: dict[bool, Any] = {}
        self._limited: set[bool] = set()

    def __enter__(self) -> None:
        with self._lock:
            self._blocks += 1
            # SciPy brings a BLAS of its own, which is loaded with scipy.linalg.
            with_scipy = "scipy.linalg" in sys.modules
            if with_scipy not in self._limited:
                limiter = self._controller(with_scipy).limit(limits=1, user_api="blas")
                self._limits.callback(limiter.restore_original_limits)
                self._limited.add(with_scipy)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self._limits.close()
                self._limited.clear()

    def _controller(self, with_scipy: bool) -> Any:
        # Kept, because finding the libraries takes longer than a small product.
        if with_scipy not in self._controllers:
            from threadpoolctl import ThreadpoolController

            self._controllers[with_scipy] = ThreadpoolController()
        return self._controllers[with_scipy]


_LIMIT = _SharedLimit()
