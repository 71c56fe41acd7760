"""Arrays in files instead of memory: the same values, less memory, and nothing left behind."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys import large

N = 60_000
ALWAYS = 0.001
"""Megabytes, fewer than any of the arrays has."""


def some(texts: bool, in_order: bool = False) -> pd.DataFrame:
    """Ratings with repeats, so that entries are dropped after sorting."""
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 900, N), rng.integers(0, 400, N)
    frame = pd.DataFrame(
        {
            "user_id": np.char.add("u", users.astype(str)) if texts else users,
            "item_id": items,
            "rating": rng.integers(1, 11, N) / 2,
            "timestamp": 1_200_000_000 + rng.permutation(N),
        }
    )
    return frame.sort_values(["user_id", "item_id"]) if in_order else frame


def to_sqlite(frame: pd.DataFrame, path: Path) -> str:
    with sqlite3.connect(path) as connection:
        frame.to_sql("ratings", connection, index=False)
    connection.close()
    return f"sqlite:///{path}"


WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "parquet": lambda frame, path: frame.to_parquet(path, row_group_size=10_000),
    "arrow": lambda frame, path: frame.reset_index(drop=True).to_feather(path),
    "db": to_sqlite,
}


@pytest.mark.parametrize("texts", [False, True])
@pytest.mark.parametrize("kind", WRITERS)
def test_ratings_in_files_are_those_in_memory(kind: str, texts: bool, tmp_path: Path) -> None:
    path = tmp_path / f"ratings.{kind}"
    address = WRITERS[kind](some(texts), path) or path
    expected = recsys.read_ratings(address, map_above=1e6)  # type: ignore[arg-type]
    found = recsys.read_ratings(address, map_above=ALWAYS)  # type: ignore[arg-type]
    assert found.fingerprint == expected.fingerprint
    assert found.n_ratings < N
    arrays = found.matrix.data, found.matrix.indices, found.timestamps
    assert [one is not None and large.is_mapped(one) for one in arrays] == [True] * 3
    assert not large.is_mapped(expected.matrix.data)
    assert not found.matrix.data.flags.writeable


def test_a_model_of_ratings_in_files_is_the_same(tmp_path: Path) -> None:
    some(texts=False, in_order=True).to_csv(tmp_path / "ratings.csv", index=False)
    models = [
        recsys.ImplicitALS(8, n_epochs=2).fit(recsys.read_ratings(tmp_path, map_above=limit))
        for limit in (ALWAYS, 1e6)
    ]
    assert np.array_equal(models[0].item_factors, models[1].item_factors)


def test_a_table_is_read_into_files_too() -> None:
    found = recsys.read_ratings(some(texts=True), map_above=ALWAYS)
    assert large.is_mapped(found.matrix.data)


def test_the_limit_is_that_of_one_array(tmp_path: Path) -> None:
    some(texts=False).to_parquet(tmp_path / "ratings.parquet")
    found = recsys.read_ratings(tmp_path / "ratings.parquet", map_above=4.5e-6 * N)
    assert not large.is_mapped(found.matrix.data)  # of 4 bytes
    assert found.timestamps is not None
    assert large.is_mapped(found.timestamps)  # of 8


@pytest.mark.parametrize("limit", [0, 39, 40, 41, 1e9])
def test_an_array_grows_and_widens_in_memory_and_in_a_file(limit: float) -> None:
    with large.mapped_above(limit):
        growing = large.Growing(np.int32)
        growing.add(np.arange(6))
        growing.add(np.arange(0))
        growing.add(np.arange(6, 10, dtype=np.int16))
        growing.widen(np.int64)
        growing.add(np.array([2**40]))
        found = growing.array()
    assert found.dtype == np.int64
    assert found.tolist() == [*range(10), 2**40]
    assert large.is_mapped(found) == (limit < 88)


def test_nobody_asked_and_there_is_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """An array beyond a quarter of the free memory is mapped, small ones never are."""
    monkeypatch.setattr(large, "free_memory", lambda: 300 << 20)
    assert large.is_mapped(large.empty(80 << 18, np.float32))
    assert not large.is_mapped(large.empty(70 << 18, np.float32))
    monkeypatch.setattr(large, "free_memory", lambda: 1 << 20)
    assert not large.is_mapped(large.empty(60 << 18, np.float32))
    monkeypatch.setattr(large, "free_memory", lambda: None)
    assert not large.is_mapped(large.empty(80 << 18, np.float32))


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_where_a_file_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "_reserve", no_room)
    with large.mapped_above(10), pytest.raises(MemoryError, match="No space.*TMPDIR.*map_above"):
        large.empty(100, np.float32)
    monkeypatch.setattr(large, "free_memory", lambda: 100 << 20)
    assert not large.is_mapped(large.empty(80 << 18, np.float32))  # memory may do


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="files are filled here anyway")
def test_room_is_taken_where_the_system_cannot_reserve_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", unable)
    with large.mapped_above(10):
        found = large.empty(100, np.float64)
    assert found.tolist() == [0.0] * 100


@pytest.mark.parametrize("kind", WRITERS)
def test_a_disk_that_fills_up_is_no_damage_of_the_ratings(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"ratings.{kind}"
    address = WRITERS[kind](some(texts=False), path) or path
    monkeypatch.setattr(large, "_file", no_room)
    with pytest.raises(MemoryError, match="No space left"):
        recsys.read_ratings(address, map_above=ALWAYS)  # type: ignore[arg-type]


BOUNDED = """
import re, resource, sys
from pathlib import Path
import recsys
from recsys import large

def held():
    return 1024 * int(re.search(r"VmData:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

recsys.read_ratings(sys.argv[1], map_above=1e6)  # loads what reading needs
recsys.read_ratings(sys.argv[1], map_above=0)
most = held() + 80_000_000
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
try:
    found = recsys.read_ratings(sys.argv[2], map_above=float(sys.argv[3]))
    print(found.n_ratings, round(float(found.matrix.data.sum())))
except (MemoryError, RuntimeError):  # the latter where it is the stack of a thread
    print("no memory")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures and limits memory as Linux does")
def test_reading_needs_less_memory_than_its_result(tmp_path: Path) -> None:
    """4 million ratings have 48 MB of indices, ratings and times; half of it is not there."""
    n = 4_000_000
    rng = np.random.default_rng(0)
    pairs = rng.permutation(n)
    frame = pd.DataFrame(
        {"user_id": pairs // 1000, "item_id": pairs % 1000, "rating": np.float32(3), "time": pairs}
    )
    frame.to_parquet(tmp_path / "many.parquet", row_group_size=100_000)
    frame[:1000].to_parquet(tmp_path / "few.parquet")
    few, many = str(tmp_path / "few.parquet"), str(tmp_path / "many.parquet")
    said = []
    for limit in ("1", "1e6"):
        command = [sys.executable, "-P", "-c", BOUNDED, few, many, limit]
        few_threads = os.environ | {"RECSYS_NUM_THREADS": "2"}  # whose stacks count, too
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=few_threads)
        said.append(done.stdout.strip())
    assert said == [f"{n} {3 * n}", "no memory"]
