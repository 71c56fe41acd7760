"""Work in several processes on one machine, which share arrays through memory-mapped files.

A value such as the ratings is written once, and each process maps its arrays: there is one copy of
them in memory, however many processes there are.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import pickle
import shutil
import signal
import tempfile
import threading
import traceback
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NamedTuple, Self

from recsys.errors import ArgumentError, WorkerError
from recsys.threads import default_threads

# A fork of a process with threads may wait forever for a lock that a thread held.
_SPAWN = multiprocessing.get_context("spawn")

_ALIGNMENT = 64  # of the arrays, in bytes
_LEAST = 4096  # bytes of an array that is mapped; smaller ones are copied

Ask = Callable[..., Any]
"""Sends a task's question to the process that started it, and returns its answer."""


class Shared:
    """A value in a file that processes map; the file goes when no task needs it any more."""

    def __init__(self, path: Path) -> None:
        self.path = path
        weakref.finalize(self, remove, path)


class Task(NamedTuple):
    """One piece of work."""

    name: str
    """In words, for errors."""
    shared: Shared
    """What it works on."""
    argument: Any
    answer: Callable[..., Any]
    """Called in this process with what the work asks."""
    of: Any = None
    """What the caller knows it by."""


class Failed(NamedTuple):
    """What a task raised, in place of its result."""

    error: Exception


class Workers:
    """Processes that work on tasks; use them in a `with` statement, which ends them.

    Args:
        n: how many. Each uses its part of the threads.
        work: called in a process with what is shared, the argument of a task, and `Ask`; a function
            of a module. It returns the result of the task.
    """

    def __init__(self, n: int, work: Callable[[Any, Any, Ask], Any]) -> None:
        self._n, self._work = n, work
        self._open = ExitStack()
        self._workers: list[_Worker] = []
        self._n_shared = 0
        self.folder = Path()
        """Where shared values are; it exists in the `with` statement."""

    @property
    def processes(self) -> list[SpawnProcess]:
        """The processes."""
        return [worker.process for worker in self._workers]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="recsys-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.callback(self._end)
            threads = max(1, default_threads() // self._n)
            with _without_interrupts():
                for _ in range(self._n):
                    self._workers.append(_Worker(self._work, self.folder, threads))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def share(self, value: Any) -> Shared:
        """Writes a value for tasks to work on.

        Raises:
            ArgumentError: a part of it cannot be sent to another process.
            OSError: the disk is full.
        """
        self._n_shared += 1
        path = self.folder / str(self._n_shared)
        write(value, path)
        return Shared(path)

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
        """Each task with its result, or with `Failed`, in the order of the tasks.

        The next task is taken from `tasks` when a process is free.

        Raises:
            WorkerError: a process has ended.
        """
        waiting, ordered = iter(tasks), deque[_Job]()
        more = True
        while True:
            for worker in self._workers:
                if more and worker.job is None:
                    task = next(waiting, None)
                    more = task is not None
                    if task is not None:
                        ordered.append(worker.begin(task))
            while ordered and ordered[0].done:
                job = ordered.popleft()
                yield job.task, job.result
            busy = [worker for worker in self._workers if worker.job is not None]
            if not busy:
                if not more:
                    return
                continue
            by_connection = {worker.connection: worker for worker in busy}
            for ready in wait(list(by_connection)):
                by_connection[ready].receive()  # type: ignore[index]

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()


class _Job:
    # A task in work.
    def __init__(self, task: Task) -> None:
        self.task, self.result, self.done = task, None, False


class _Worker:
    # A process, as the one that started it sees it.

    def __init__(self, work: Any, folder: Path, threads: int) -> None:
        self.connection, theirs = _SPAWN.Pipe()
        self.process: SpawnProcess = _SPAWN.Process(
            target=_serve, args=(theirs, work, folder, threads), name="recsys worker"
        )
        self.process.start()
        theirs.close()  # so that its end shows
        self.job: _Job | None = None

    def begin(self, task: Task) -> _Job:
        self.job = _Job(task)
        self._send((task.shared.path, task.argument))
        return self.job

    def receive(self) -> None:
        job = self.job
        assert job is not None
        try:
            asks, content = self.connection.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if asks:
            self._send(job.task.answer(*content))
            return
        job.result, said = content
        job.done, self.job = True, None
        for one in said:
            warnings.warn(one, stacklevel=2)

    def _send(self, message: Any) -> None:
        try:
            self.connection.send(message)
        except (BrokenPipeError, ConnectionError):
            raise self._ended() from None

    def _ended(self) -> WorkerError:
        self.process.join()
        code, what = self.process.exitcode or 0, "" if self.job is None else self.job.task.name
        how = f"ended with code {code}"
        if code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        if code == -getattr(signal, "SIGKILL", 0):
            how += ", probably because memory ran out; use fewer processes, or a larger machine"
        return WorkerError(f"the process that worked on {what} {how}")


def write(value: Any, path: Path) -> None:
    """Writes a value to `path` and, beside it, its arrays in a form that can be mapped.

    Raises:
        ArgumentError: a part of it cannot be sent to another process.
        OSError: the disk is full.
    """
    arrays: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _LEAST:
            return True  # it becomes a part of the text
        arrays.append(raw)
        return False

    text = _pickled(value, keep)
    places, end = [], 0
    with open(_arrays_of(path), "wb") as stream:
        for array in arrays:
            begin = end + -end % _ALIGNMENT
            stream.write(bytes(begin - end))
            stream.write(array)
            end = begin + array.nbytes
            places.append((begin, end))
    path.write_bytes(pickle.dumps((text, places)))


def read(path: Path) -> Any:
    """The value that `write` wrote. Its arrays are read-only, and mapped into memory."""
    text, places = pickle.loads(path.read_bytes())
    if not places:
        return pickle.loads(text)
    with open(_arrays_of(path), "rb") as stream:
        mapped = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads(text, buffers=[mapped[begin:end] for begin, end in places])


def remove(path: Path) -> None:
    """Removes what `write` wrote; processes that have it mapped keep it."""
    with suppress(OSError):  # Windows does not remove what is mapped; the folder goes in the end
        path.unlink()
        _arrays_of(path).unlink()


def _arrays_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.arrays")


def _pickled(value: Any, keep: Callable[[pickle.PickleBuffer], bool] | None = None) -> bytes:
    try:
        return pickle.dumps(value, protocol=5, buffer_callback=keep)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ArgumentError(
            f"processes must be 1 here: {error}; classes and functions that other processes use "
            "must be defined in a module"
        ) from None


@contextmanager
def _without_interrupts() -> Iterator[None]:
    # What starts meanwhile ignores Ctrl-C for good: this process ends it.
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let signals through when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, work: Any, folder: Path, threads: int) -> None:
    # What a process does: task after task, until it is ended.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    os.environ["RECSYS_NUM_THREADS"] = str(threads)
    # The parent may end while a question or a result is sent, before the thread knows it: a process
    # that ended now would end the thread, and leave the folder.
    with suppress(EOFError, ConnectionError):
        _work_on(connection, work, threads)
    _end_with_parent(folder)


def _work_on(connection: Connection, work: Any, threads: int) -> None:
    from threadpoolctl import threadpool_limits

    def ask(*question: Any) -> Any:
        connection.send((True, question))
        return connection.recv()

    with threadpool_limits(threads):
        while True:
            shared, argument = connection.recv()
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                result = _result(work, shared, argument, ask)
            told = [one.message for one in said]
            try:
                connection.send((False, (result, told)))
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                connection.send((False, (Failed(_sendable(error)), [])))


@lru_cache(maxsize=1)
def _opened(path: Path) -> Any:
    return read(path)


def _result(work: Any, shared: Path, argument: Any, ask: Ask) -> Any:
    try:
        return work(_opened(shared), argument, ask)
    except Exception as error:
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        return Failed(_sendable(error))


def _sendable(error: Exception) -> Exception:
    # The error, where it survives being sent.
    try:
        copy = pickle.loads(pickle.dumps(error))
        if type(copy) is type(error) and str(copy) == str(error):
            return error
    except Exception:
        pass
    return RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")


def _end_with_parent(folder: Path) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
