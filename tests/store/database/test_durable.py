"""What is acknowledged is on the disk, whatever happens to the writers and the server."""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kill_writers import kill_writers
from postgres import Cluster
from sqlalchemy import create_engine, text

from recsys.errors import StoreUnavailable, outcome
from recsys.ratings.databases import address
from recsys.store.database.engine import connect, durability, reading
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Rating


@pytest.mark.slow
def test_killed_writers_lose_nothing_acknowledged(store_url: str) -> None:
    found = kill_writers(store_url, times=6, seed=1)
    assert found.times == 6
    assert found.acknowledged > 30
    assert (found.lost, found.damaged) == (0, 0)


def test_every_connection_waits_for_the_disk(store_url: str) -> None:
    RatingsStore.open(store_url, create=True).close()
    if store_url.startswith("postgresql"):
        admin = create_engine(address(store_url), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            name = store_url.rpartition("/")[2]
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
        admin.dispose()
    engine = connect(address(store_url))
    with reading(engine) as first, reading(engine) as second:
        for connection in (first, second):
            assert durability(connection) in (
                "journal_mode=wal, synchronous=FULL",
                "fsync=on, synchronous_commit=on",
            )
    engine.dispose()


_WRITES = """
import os, sys
from sqlalchemy import event
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Rating, UserRating
url, level, log = sys.argv[1:]
with RatingsStore.open(url, create=True) as store:
    store.write(0, [Rating(0, 1)])
    if level != "FULL":
        relax = lambda connection, *_: connection.execute(f"PRAGMA synchronous = {level}")
        event.listen(store._engine, "checkout", relax)
    log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, b"|")
    for n in range(20):
        store.write(n % 3, [Rating(n, 1)])
        os.write(log, b"a")
        store.write_many([UserRating(7, n, 1), UserRating(8, n, 1)], key=str(n))
        os.write(log, b"a")
        store.remove(7, n)
        os.write(log, b"a")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are preloaded on Linux")
@pytest.mark.parametrize("level", ["FULL", "NORMAL"])
def test_sqlite_is_synced_before_each_acknowledgement(tmp_path: Path, level: str) -> None:
    # With NORMAL, which promises less, the same test fails: so it can.
    library, log = tmp_path / "sync_log.so", tmp_path / "log"
    source = str(Path(__file__).with_name("sync_log.c"))
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    subprocess.run(
        [sys.executable, "-P", "-c", _WRITES, f"sqlite:///{tmp_path / 'x.db'}", level, str(log)],
        env={**os.environ, "LD_PRELOAD": str(library), "SYNC_LOG": str(log)}, check=True,
    )  # fmt: skip
    seen = log.read_text().partition("|")[2]
    assert seen.count("a") == 60
    assert bool(re.fullmatch("(s+a)+s*", seen)) == (level == "FULL"), seen


class Writer(threading.Thread):
    """Writes until it is stopped; what is not available now is sent again, with the same key."""

    def __init__(self, store: RatingsStore, user: int) -> None:
        super().__init__()
        self.store, self.user = store, user
        self.n, self.refused, self.failed = 0, 0, ""
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            key = f"{self.user}-{self.n}"
            try:
                self.store.write(self.user, [Rating(self.n, 1.0)], key=key)
                self.n += 1
            except StoreUnavailable as error:
                self.refused += 1
                if outcome(error) != (7, 503) or "\n" in str(error) or "sesame" in str(error):
                    self.failed = str(error)
                time.sleep(0.02)
            except BaseException as error:
                self.failed = repr(error)
                return


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_stops_and_comes_back(postgres: Cluster, mode: str) -> None:
    with RatingsStore.open(postgres.new_database(), create=True) as store:
        writers = [Writer(store, user) for user in range(4)]
        for one in writers:
            one.start()
        for _ in range(2):
            _wait_for_more(writers, "n")
            postgres.stop(mode)
            _wait_for_more(writers, "refused")
            with pytest.raises(StoreUnavailable, match="not available now"):
                store.given(1)
            postgres.start()
        _wait_for_more(writers, "n")
        for one in writers:
            one.ended.set()
            one.join()
        assert [one.failed for one in writers] == [""] * 4
        for one in writers:
            given = store.given(one.user)
            assert given is not None
            assert sorted(given.items.tolist()) == list(range(one.n))
        # What was sent again was not done twice.
        assert store.seq == sum(one.n for one in writers)


def _wait_for_more(writers: list[Writer], count: str) -> None:
    before, end = [getattr(one, count) for one in writers], time.monotonic() + 60
    for one, n in zip(writers, before, strict=True):
        while getattr(one, count) < n + 5:
            assert one.is_alive()
            assert time.monotonic() < end
            time.sleep(0.02)


def test_a_locked_file_is_not_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.store.database.engine.WAIT_S", 0.2)
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with RatingsStore.open(url, create=True) as store:
        other = create_engine(url, isolation_level="AUTOCOMMIT")
        with other.connect() as connection:
            connection.execute(text("BEGIN EXCLUSIVE"))
            with pytest.raises(StoreUnavailable, match="locked"):
                store.write(1, [Rating(1, 1.0)])
            assert store.given(1) is None  # readers do not wait
            connection.execute(text("COMMIT"))
        other.dispose()
        store.write(1, [Rating(1, 1.0)])


def test_a_full_disk_is_not_available(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with RatingsStore.open(url, create=True) as store:
        store.write(1, [Rating(1, 1.0)])
        with reading(store._engine) as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreUnavailable, match="full"):
            store.put_item(2, "x" * 100_000)
        assert store.given(1) is not None
