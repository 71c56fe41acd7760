"""A person who is forgotten leaves a tombstone and a line in the audit, and nothing else."""

import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from recsys.errors import ArgumentError
from recsys.ratings.databases import address
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Rating, Served, UserRating


@pytest.fixture
def known(store: RatingsStore) -> RatingsStore:
    """A store that knows Agatha and Bert."""
    store.write_many([UserRating(u, i, 3.0) for u in ("agatha-77", "bert") for i in range(3)])
    store.put_user("agatha-77", {"age": 31})
    store.served([Served("a", [1, 2], "m", user="agatha-77"), Served("b", [1], "m", user="bert")])
    store.feedback("a", 1, "click")
    store.feedback("b", 1, "click")
    return store


def test_everything_of_the_person_goes(known: RatingsStore) -> None:
    assert known.forget("agatha-77") == 3
    assert known.given("agatha-77") is None
    assert known.user("agatha-77") is None
    assert known.forgotten() == ["agatha-77"]
    lists = known.lists()
    assert lists.served["id"].tolist() == ["b"]
    assert lists.feedback["id"].tolist() == ["b"]
    given = known.given("bert")
    assert given is not None
    assert len(given) == 3
    assert known.counts() == {"users": 1, "items": 3, "ratings": 3}


def test_the_audit_does_not_name_them(known: RatingsStore, store_url: str) -> None:
    known.forget("agatha-77", by="ann")
    known.forget("agatha-77")
    known.forget("bert")
    engine = create_engine(address(store_url))
    with engine.connect() as connection:
        rows = connection.execute(text('SELECT action, subject_hash, "by" FROM audit ORDER BY id'))
        lines = rows.all()
    engine.dispose()
    assert [(line.action, line.by) for line in lines] == [
        ("forget", "ann"), ("forget", None), ("forget", None),
    ]  # fmt: skip
    assert lines[0].subject_hash == lines[1].subject_hash != lines[2].subject_hash
    assert len(lines[0].subject_hash) == 64


def test_hashes_of_two_stores_differ(store: RatingsStore, store_url: str, tmp_path: Path) -> None:
    hashes = []
    other = f"sqlite:///{tmp_path / 'other.db'}"
    RatingsStore.open(other, create=True).close()
    for url in (store_url, other):
        with RatingsStore.open(url) as one:
            one.forget("x")
        engine = create_engine(address(url))
        with engine.connect() as connection:
            hashes.append(connection.execute(text("SELECT subject_hash FROM audit")).scalar())
        engine.dispose()
    assert hashes[0] != hashes[1]


def test_who_was_forgotten_can_come_back_without_their_history(known: RatingsStore) -> None:
    known.forget("agatha-77")
    known.write("agatha-77", [Rating(1, 5.0)], adopt=[Rating(2, 1.0), Rating(3, 1.0)])
    given = known.given("agatha-77")
    assert given is not None
    assert given.items.tolist() == [1]
    assert known.forgotten() == ["agatha-77"]  # models from before still have the old history


def test_people_whom_only_models_know_can_be_forgotten(store: RatingsStore) -> None:
    store.write(1, [Rating(1, 5.0)])
    assert store.forget(99) == 0
    assert store.forgotten() == [99]
    with pytest.raises(ArgumentError, match="integers"):
        store.forget("bob")


def test_tombstones_go_with_the_last_model_from_before(known: RatingsStore) -> None:
    known.forget("agatha-77")
    moment = time.time()
    time.sleep(0.01)
    known.forget("bert")
    assert known.drop_tombstones(before=moment) == 1
    assert known.forgotten() == ["bert"]


def test_keys_are_no_way_back(known: RatingsStore) -> None:
    sent = [UserRating("agatha-77", 9, 1.0)]
    known.write_many(sent, key="k")
    known.forget("agatha-77")
    known.write_many(sent, key="k")  # answered as before, and not done again
    assert known.given("agatha-77") is None


@pytest.mark.parametrize("kind", ["db", "db-wal"])
def test_sqlite_overwrites_what_was_deleted(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "x.db"
    with RatingsStore.open(f"sqlite:///{file}", create=True) as store:
        store.write_many([UserRating("agatha-77", i, 3.0) for i in range(500)])
        store.write_many([UserRating("bert", i, 3.0) for i in range(500)])
        with sqlite3.connect(file) as connection:  # the tombstone alone may have the id
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        assert file.read_bytes().count(b"agatha-77") >= 500
        store.forget("agatha-77")
        left = tmp_path / f"x.{kind}"
        n = left.read_bytes().count(b"agatha-77") if left.exists() else 0
        assert n <= 2
