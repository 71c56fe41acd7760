"""Whether there is enough memory and room for threads to begin at all.

The compiled libraries do not raise where these are short: OpenBLAS ends the process, interrupts it
or waits forever.
"""

from __future__ import annotations

import _thread
import os
from contextlib import suppress
from queue import SimpleQueue

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_ADDRESS_SPACE = 900_000_000
"""Bytes that the libraries take with one thread each, and a small fit."""
_PER_THREAD = 80_000_000
"""Bytes of stacks and of the buffers of two copies of OpenBLAS (of NumPy and SciPy)."""
_OTHER_THREADS = 12
"""Of Arrow's input and output, of pools and of progress bars."""
_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "RECSYS_NUM_THREADS")

_SIGNS = (
    "cannot allocate memory", "failed to map segment", "can't start new thread",
    "can't allocate lock", "failed to launch worker thread", "resource temporarily unavailable",
)  # fmt: skip
"""What other libraries say, in errors of any class, where memory or threads are short."""


class ShortageError(MemoryError):
    """Not enough memory or threads to begin; says how much is needed."""


def check_resources() -> None:
    """Raises ShortageError if the limits of this process are too tight for the libraries."""
    if resource is None:
        return
    from recsys.threads import cores

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    threads = [_number(name, cores()) for name in _VARIABLES]
    if limit != resource.RLIM_INFINITY:
        needed = _ADDRESS_SPACE + _PER_THREAD * threads[0]
        if limit < needed:
            raise ShortageError(
                f"not enough memory: this process is limited to {limit / 1e6:,.0f} MB of address "
                f"space and needs {needed / 1e6:,.0f} MB; raise ulimit -v"
            )
        return  # each thread that is started takes part of it for good
    needed = 2 * threads[0] + sum(threads[1:]) + _OTHER_THREADS
    started = _started(needed)
    if started < needed:
        raise ShortageError(
            f"not enough threads: {started} can be started and {needed} are needed; raise ulimit "
            f"-u or the limit of the container, or set {', '.join(_VARIABLES)} to 1"
        )


def is_shortage(error: BaseException) -> bool:
    """Whether an error, or one that led to it, comes from too little memory or too few threads."""
    chain: BaseException | None = error
    while chain is not None:
        said = str(chain).lower()
        if isinstance(chain, MemoryError):
            return True
        may_be = isinstance(chain, ImportError | RuntimeError | OSError) or _is_foreign(chain)
        if may_be and any(sign in said for sign in _SIGNS):
            return True
        chain = chain.__cause__ or chain.__context__
    return False


def _is_foreign(error: BaseException) -> bool:
    return type(error).__module__.startswith("pyarrow")


def _number(variable: str, otherwise: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() and 0 < int(text) < otherwise else otherwise


def _started(n: int) -> int:
    # How many of n threads run at the same time. A `threading.Thread` is waited for until it runs,
    # each for as long as all of these take.
    end, ended = _thread.allocate_lock(), SimpleQueue[None]()

    def wait() -> None:
        with end:
            ended.put(None)

    started = 0
    with end, suppress(RuntimeError, MemoryError):
        for _ in range(n):
            _thread.start_new_thread(wait, ())
            started += 1
    for _ in range(started):
        ended.get()
    return started
