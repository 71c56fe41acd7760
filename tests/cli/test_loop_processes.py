"""Retrainings as processes: two crons at once, and processes that are killed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nightly
import pytest
from stores import write

from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.versions import arm_of

pytestmark = pytest.mark.slow

SMALL = "--model", "pure-svd", "--set", "n_factors=10"


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[RatingsStore]:
    with RatingsStore.open(store_url, create=True) as opened:
        opened.models.keep_in(tmp_path / "models")
        yield opened


def started(url: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "recsys", "retrain", *options]
    environment = os.environ | {"RECSYS_STORE": url}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_crons_at_once(store: RatingsStore, store_url: str) -> None:
    frame = nightly.ratings()
    write(store, frame[:6000])
    first = started(store_url, *SMALL)
    first.communicate(timeout=120)
    write(store, frame[6000:])
    both = [started(store_url, "--promote-undecided") for _ in range(2)]
    ended = [one.communicate(timeout=120) for one in both]
    codes = [one.returncode for one in both]
    # The second one is refused, or finds nothing new where the first had ended.
    assert sorted(codes) in ([0, 7], [0, 0]), ended
    for code, (out, err) in zip(codes, ended, strict=True):
        if code == 7:
            assert out == ""
            assert "main is being retrained by another process" in " ".join(err.split())
    assert [one.state for one in store.models.list()] == ["retired", "current"]


def test_a_process_that_is_killed_leaves_a_shelf_that_works(
    store: RatingsStore, store_url: str
) -> None:
    frame = nightly.ratings()
    write(store, frame[:6000])
    first = started(store_url, *SMALL)
    began = time.monotonic()
    assert first.communicate(timeout=120)[1]
    assert first.returncode == 0
    took = time.monotonic() - began
    write(store, frame[6000:])
    rng = random.Random(0)
    for _ in range(4):
        one = started(store_url, "--promote-undecided", "--margin", "50%")
        time.sleep(took * rng.uniform(0.3, 1.3))
        one.send_signal(signal.SIGKILL)
        one.communicate(timeout=60)
        # There is one version in service, and every file on the shelf is whole.
        arms = store.models.arms("main")
        assert [arm.label for arm in arms] == ["current"]
        assert arm_of(1, arms).version.load().seen().nnz >= 6000
        for version in store.models.list():
            version.load()
    # The lock was released with each process.
    last = started(store_url, "--promote-undecided", "--margin", "50%")
    err = last.communicate(timeout=120)[1]
    assert last.returncode == 0, err
    current = store.models.current("main")
    assert current is not None
    assert current.load().seen().nnz == len(frame)
    left = {path.name for path in store.models.folder().glob("main-*")}
    known = {one.file.name for one in store.models.list()}
    store.models.purge("main", 1e9, time.time() + 2 * 24 * 3600)
    assert known <= {path.name for path in store.models.folder().glob("main-*")} <= left
    assert {path.name for path in store.models.folder().glob("main-*")} == known
