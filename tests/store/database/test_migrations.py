"""Stores of earlier versions are brought up to date; those of later ones are refused."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from sqlalchemy import Connection, create_engine, inspect, text

from recsys.errors import StoreError
from recsys.ratings.databases import address
from recsys.store.database.engine import connect, writing
from recsys.store.database.migrate import context, migrate, versions
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.schema import VERSION, metadata


def old_store(url: str, version: str) -> None:
    """A store of an earlier version with one rating in it."""
    engine = connect(address(url))
    with writing(engine) as connection:
        migrate(connection, version)
        connection.execute(text("INSERT INTO meta VALUES ('user', 'integer'), ('item', 'integer')"))
        connection.execute(text("INSERT INTO users (id, added) VALUES ('1', 5)"))
        connection.execute(text("INSERT INTO items (id, added, seq) VALUES ('7', 5, 1)"))
        connection.execute(text("INSERT INTO ratings VALUES ('1', '7', 3.5, 5, 1)"))
        connection.execute(text("UPDATE counters SET value = 1"))
    engine.dispose()


def test_the_tables_of_the_last_migration_are_those_of_the_schema(
    store: RatingsStore, store_url: str
) -> None:
    assert versions()[-1] == VERSION
    assert versions() == sorted(versions())
    engine = create_engine(address(store_url))
    with engine.connect() as connection:
        assert compare_metadata(context(connection), metadata) == []
    engine.dispose()


@pytest.mark.parametrize("version", versions()[:-1])
def test_an_earlier_store_is_refused_until_it_is_upgraded(store_url: str, version: str) -> None:
    old_store(store_url, version)
    with pytest.raises(StoreError, match=f"version {version}, .* recsys store upgrade") as error:
        RatingsStore.open(store_url, create=True)
    assert "\n" not in str(error.value)
    assert "sesame" not in str(error.value)
    assert RatingsStore.upgrade(store_url) == (version, VERSION)
    assert RatingsStore.upgrade(store_url) == (VERSION, VERSION)
    with RatingsStore.open(store_url) as store:
        given = store.given(1)
        assert given is not None
        assert (given.items.tolist(), given.values.tolist()) == ([7], [3.5])
        assert store.seq == 1
        assert store.forgotten() == []


def test_a_later_store_is_refused(store: RatingsStore, store_url: str) -> None:
    engine = create_engine(address(store_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for act in (RatingsStore.open, RatingsStore.upgrade):
        with pytest.raises(StoreError, match="version 9999, .* install a newer recsys") as error:
            act(store_url)
        assert "\n" not in str(error.value)


def test_a_database_of_something_else_is_left_alone(store_url: str) -> None:
    engine = create_engine(address(store_url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id INTEGER)"))
    with pytest.raises(StoreError, match="not a ratings store"):
        RatingsStore.open(store_url, create=True)
    with pytest.raises(StoreError, match="not a ratings store"):
        RatingsStore.upgrade(store_url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["orders"]
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "delete"
    engine.dispose()


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_store(store_url, "0001")

    def fail(connection: Connection) -> None:
        migrate(connection)
        raise ZeroDivisionError

    monkeypatch.setattr("recsys.store.database.migrate.migrate", fail)
    with pytest.raises(ZeroDivisionError):
        RatingsStore.upgrade(store_url)
    monkeypatch.undo()
    assert RatingsStore.upgrade(store_url) == ("0001", VERSION)


def test_several_create_a_store_at_once(store_url: str) -> None:
    failed = []

    def create() -> None:
        try:
            RatingsStore.open(store_url, create=True).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []


def test_a_store_is_made_while_another_program_writes_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.execute, ["ROLLBACK"])
    release.start()
    RatingsStore.open(f"sqlite:///{file}", create=True).close()
    release.join()
    other.close()


def test_a_missing_store_is_not_made_unasked(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    with pytest.raises(StoreError, match="no such store"):
        RatingsStore.open(f"sqlite:///{file}")
    assert not file.exists()


def test_opening_a_store_does_not_import_alembic(store: RatingsStore, store_url: str) -> None:
    code = (
        "import sys; from recsys.store.database.ratings_store import RatingsStore; "
        f"RatingsStore.open({store_url!r}).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
