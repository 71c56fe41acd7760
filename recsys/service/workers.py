"""Several processes that serve one port, started again when one dies, ended together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from recsys.errors import ModelError, RecsysError

Run = Callable[[Callable[[], None]], None]
"""What a worker does: it calls its argument as soon as it is ready."""

_SPAWN = multiprocessing.get_context("spawn")
_PAUSE = 1.0  # seconds before a worker that died is started again


def supervise(run: Run, n: int, on_ready: Callable[[], None], grace: float) -> None:
    """Keeps n workers running until a signal comes, which is raised again when all have ended.

    Args:
        run: what each worker does; it must be picklable.
        n: how many.
        on_ready: called once all are ready.
        grace: seconds they get to finish.

    Raises:
        RecsysError: a worker could not start.
    """
    workers: list[SpawnProcess] = []
    try:
        starting = [_start(run, workers) for _ in range(n)]
        for connection in starting:
            _wait_until_ready(connection)
        on_ready()
        while True:
            wait([one.sentinel for one in workers])
            workers[:] = [one for one in workers if one.is_alive()]
            time.sleep(_PAUSE)
            while len(workers) < n:
                _start(run, workers)
    finally:
        _end(workers, grace)


def _start(run: Run, workers: list[SpawnProcess]) -> Connection:
    ours, theirs = _SPAWN.Pipe(duplex=False)
    worker = _SPAWN.Process(target=_work, args=(run, theirs))
    worker.start()
    theirs.close()
    workers.append(worker)
    return ours


def _wait_until_ready(connection: Connection) -> None:
    try:
        error = connection.recv()
    except EOFError:
        error = ModelError("a worker ended before it was ready; its messages are above")
    connection.close()
    if error is not None:
        raise error


def _work(run: Run, parent: Connection) -> None:
    # In the worker. It ends when its parent does, so that the port is free again.
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        run(lambda: parent.send(None))
    except RecsysError as error:
        parent.send(error)
    except KeyboardInterrupt:
        pass  # the parent says so


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _end(workers: list[SpawnProcess], grace: float) -> None:
    for one in workers:
        one.terminate()
    end = time.monotonic() + grace
    for one in workers:
        one.join(max(0.0, end - time.monotonic()))
        if one.is_alive():
            one.kill()
            one.join()
