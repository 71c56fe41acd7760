"""Processes that share arrays through files: nothing is copied, nothing is left behind."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from parallel_work import work

import recsys
from recsys import processes
from recsys.errors import ArgumentError, WorkerError
from recsys.processes import Failed, Shared, Task, Workers, read, write


@pytest.fixture(scope="module")
def workers() -> Any:
    with Workers(2, work) as both:
        yield both


def done(workers: Workers, shared: Shared, *orders: Any) -> list[Any]:
    tasks = (Task(str(one), shared, one, lambda question: [question], one) for one in orders)
    found = list(workers.results(tasks))
    assert [task.of for task, _ in found] == list(orders)
    return [result for _, result in found]


def test_a_value_is_the_same_after_it_was_written(sample: recsys.Ratings, tmp_path: Path) -> None:
    write({"ratings": sample, "small": np.arange(3), "none": np.zeros(0)}, tmp_path / "x")
    found = read(tmp_path / "x")
    ratings = found["ratings"]
    assert ratings.fingerprint == sample.fingerprint
    assert ratings.item_table.equals(sample.item_table)
    assert ratings.account == sample.account
    assert found["small"].tolist() == [0, 1, 2]
    assert len(found["none"]) == 0
    for array in (ratings.matrix.data, ratings.matrix.indices, ratings.timestamps):
        assert not array.flags.writeable
        assert not array.flags.owndata
    assert not ratings.matrix.data.ctypes.data % 64


@pytest.mark.skipif(sys.platform != "linux", reason="RssAnon is in /proc of Linux")
def test_processes_map_what_is_shared(workers: Workers) -> None:
    """Reading 32 MB takes no memory of a process's own."""
    array = np.ones(8 << 20, np.float32)
    for total, taken in done(workers, workers.share(array), "sum", "sum", "sum"):
        assert total == len(array)
        assert taken < 4 << 20


def test_results_come_in_the_order_of_the_tasks(workers: Workers) -> None:
    orders = [0.3, 1, 2, 0.1, 3]
    assert done(workers, workers.share(None), *orders) == [(one, [one]) for one in orders]


def test_what_is_raised_comes_back(workers: Workers) -> None:
    """With where it was raised; the process goes on."""
    bug, lock, fine = done(workers, workers.share(None), "bug", "unpicklable", 1)
    assert isinstance(bug, Failed)
    assert isinstance(bug.error, KeyError)
    assert "not there" in str(bug.error)
    assert "in work" in "".join(bug.error.__notes__)
    assert isinstance(lock, Failed)
    assert "pickle" in str(lock.error)
    assert fine == (1, [1])


def test_warnings_are_given_here(workers: Workers) -> None:
    with pytest.warns(RuntimeWarning, match="slow data"):
        assert done(workers, workers.share(None), "warn") == [("warn", ["warn"])]


def test_threads_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_NUM_THREADS", "7")
    with Workers(2, work) as both:
        assert done(both, both.share(None), "threads") == ["3"]


def test_a_process_that_ends_is_an_error_and_nothing_is_left() -> None:
    both = Workers(2, work)

    def whole() -> None:
        with both:
            assert both.folder.is_dir()
            done(both, both.share(np.ones(9999)), 1, "exit", 0.1, 2)

    with pytest.raises(WorkerError, match=r"that worked on exit ended with code 5$"):
        whole()
    assert not both.folder.exists()
    assert all(process.exitcode is not None for process in both.processes)


def test_a_file_goes_with_the_last_task_that_needs_it(workers: Workers) -> None:
    shared = workers.share(np.ones(9999))
    path = shared.path
    assert path.exists()
    done(workers, shared, 1, 2)
    del shared
    assert not path.exists()
    assert not path.with_name(f"{path.name}.arrays").exists()


def test_what_no_other_process_can_have_is_refused(workers: Workers) -> None:
    with pytest.raises(ArgumentError, match=r"processes must be 1 here: .*lambda"):
        workers.share(lambda: None)


def works_for_nobody(shared: object, argument: object, ask: processes.Ask) -> None:
    """Work in which the parent of the process ends."""
    end = argument
    end()  # type: ignore[operator]
    ask("anybody?")


@pytest.mark.parametrize("when", ["waiting", "working"])
def test_a_process_that_finds_its_parent_gone_does_not_leave_that_to_a_thread(
    when: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At the end of a process its threads are cut off in the middle of what they do."""
    ours, theirs = multiprocessing.Pipe()
    if when == "waiting":
        theirs.close()
    by = []
    monkeypatch.setattr("recsys.processes.signal.signal", lambda *_: None)
    monkeypatch.setattr(processes, "_opened", lambda path: None)
    monkeypatch.setenv("RECSYS_NUM_THREADS", "1")
    monkeypatch.setattr(
        processes,
        "_end_with_parent",
        lambda folder: by.append((threading.current_thread(), folder)),
    )
    asked = [(None, theirs.close)]
    connection: Any = ours
    if when == "working":
        connection = SimpleNamespace(send=ours.send)
        connection.recv = lambda: asked.pop() if asked else ours.recv()
    processes._serve(connection, works_for_nobody, tmp_path, 1)
    assert (threading.main_thread(), tmp_path) in by
