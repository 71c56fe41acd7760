"""The commands that write to a ratings store, and what must be in it afterwards."""

from __future__ import annotations

import csv
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from faults.writer import READ, SAMPLE, Check, Writer
from sqlalchemy import text

import recsys
from recsys.ratings.databases import address
from recsys.store.database.engine import connect, writing
from recsys.store.database.migrate import migrate, versions
from recsys.store.database.schema import VERSION

N_USERS, N_ITEMS, N_RATINGS = 300, 200, 8_848
_EARLY = "early.db"
_N_EARLY = 500
_OLD = 60 * 24 * 60 * 60  # seconds, for which files of versions are not kept
_CURRENT, _NEXT = 2, 3  # versions on the shelf, after a first one that is retired


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A copy of an SQLite database, as a killed process left it: what is there stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("", "-wal", "-journal"):
            one = file.with_name(f"{file.name}{ending}")
            if one.exists():
                shutil.copy(one, folder)
        with closing(sqlite3.connect(Path(folder, file.name))) as connection:
            yield connection


def whole_store(file: Path) -> None:
    """A ratings store whose versions of models all have their files, and at most one serves."""
    with opened(file) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        if "models" not in tables_of(connection):
            return
        files = connection.execute("select file from models where state != 'purged'").fetchall()
        query = "select count(*) from models where state = 'current' group by name"
        assert connection.execute(query).fetchall() in ([], [(1,)])
    for (name,) in files:
        recsys.load(file.parent / "s-models" / name, verify=True)


def whole_shelf(file: Path) -> None:
    """A store with a model in service: never none, never two."""
    whole_store(file)
    with opened(file) as connection:
        query = "select count(*) from models where state = 'current'"
        assert connection.execute(query).fetchone() == (1,)


def whole_early(file: Path) -> None:
    """A store of the first version, or of this one, with all that was in it."""
    with opened(file) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        (version,) = connection.execute("select version_num from alembic_version").fetchone()
        assert version in (versions()[0], VERSION)
        assert ("tokens" in tables_of(connection)) == (version == VERSION)
        (n,) = connection.execute("select count(*) from ratings").fetchone()
        assert n == _N_EARLY


def whole_csv(file: Path) -> None:
    with open(file, newline="") as stream:
        rows = list(csv.reader(stream, strict=True))
    n = {"ratings.csv": N_RATINGS, "items.csv": N_ITEMS}[file.name]
    assert len(rows) == n + 1
    assert {len(row) for row in rows} == {len(rows[0])}


def tables_of(connection: sqlite3.Connection) -> set[str]:
    """The names of the tables, and of the indexes."""
    return {name for (name,) in connection.execute("select name from sqlite_master")}


def _says(query: str, *expected: object) -> Check:
    # A check that a query has one row in the store, as expected.
    def check(out: Path) -> None:
        with opened(out / "s.db") as connection:
            found = connection.execute(query).fetchall()
        assert found == [expected], (query, found)

    return check


def _serves(out: Path) -> None:
    with opened(out / "s.db") as connection:
        query = "select file from models where state = 'current'"
        ((file,),) = connection.execute(query).fetchall()
    recsys.load(out / "s-models" / file, verify=True)


def _purged(out: Path) -> None:
    # The files of all versions but the one in service are gone.
    _says("select count(*) from models where state = 'purged'", 2)(out)
    _serves(out)
    assert len(list((out / "s-models").glob("*.safetensors"))) == 1


_URL = "sqlite:///{out}/s.db"
_JOURNALS = "s.db-journal", "s.db-wal", "s.db-shm"
# A lock is held by a process; what SIGKILL leaves of it is the file, which the next run takes.
_SHELF = *_JOURNALS, "s-models", "s-models/*.safetensors", "s.db.*.lock"
_QUICK = "--model", "pure-svd", "--set", "n_factors=8", "--promote-undecided"


def writers() -> Iterator[Writer]:
    """The commands that write to a store, export it, or serve it."""
    yield from _of_ratings()
    yield from _of_models()
    serve = "serve", "{model}", "--store", _URL, "--port", "0"
    served = {"s.db": whole_store}
    yield Writer("serve", serve, served, _JOURNALS, is_service=True)
    yield Writer(
        "serve-workers", (*serve, "--workers", "2"), served, _JOURNALS, is_service=True,
        only_timed=True,
    )  # fmt: skip


def _of_ratings() -> Iterator[Writer]:
    store, ours = {"s.db": whole_store}, {"s.db": READ["store"]}
    known = "select count(distinct user_id) from ratings"
    yield Writer(
        "store-import", ("store", "import", "{data}", _URL), store, _JOURNALS,
        complete=_says(known, N_USERS),
    )  # fmt: skip
    tables = {"ratings.csv": whole_csv, "items.csv": whole_csv}
    yield Writer("store-export", ("store", "export", "sqlite:///{store}", "{out}"), tables)
    yield Writer(
        "store-forget", ("store", "forget", _URL, "1"), store, _JOURNALS, ours,
        complete=_says(known, N_USERS - 1),
    )  # fmt: skip
    yield Writer(
        "store-upgrade", ("store", "upgrade", _URL), {"s.db": whole_early}, _JOURNALS,
        {"s.db": _EARLY}, complete=_says("select version_num from alembic_version", VERSION),
    )  # fmt: skip
    token = "select scopes, revoked from tokens where name = 'web'"
    yield Writer(
        "store-token-add", ("store", "token", "add", _URL, "web"), store, _JOURNALS, ours,
        complete=_says(token, "read", 0), once=True,
    )  # fmt: skip
    shelf = {"s.db": READ["shelf"], "s-models": "shelf/s-models"}
    yield Writer(
        "store-token-revoke", ("store", "token", "revoke", _URL, "web"),
        {"s.db": whole_shelf}, _SHELF, shelf, complete=_says(token, "read", 1),
    )  # fmt: skip


def _of_models() -> Iterator[Writer]:
    store, ours = {"s.db": whole_store}, {"s.db": READ["store"]}
    at = "--store", _URL
    yield Writer("retrain", ("retrain", *at, *_QUICK), store, _SHELF, ours, complete=_serves)
    yield Writer("models-add", ("models", "add", "{model}", *at), store, _SHELF, ours)
    shelf = {"s.db": READ["shelf"], "s-models": "shelf/s-models"}
    current = "select version{} from models where state = 'current'"
    serves_next = _says(current.format(", parent"), _NEXT, _CURRENT)
    promoted = _says(current.format(f" > {_NEXT}"), 1)
    shared = "select version, share from models where state = 'candidate'"
    folder = "select value like '%/s-models' from meta where key = 'models'"
    commands: dict[str, tuple[tuple[str, ...], Check]] = {
        "retrain-again": (("retrain", *at, *_QUICK, "--margin", "90%"), promoted),
        "models-promote": (("models", "promote", str(_NEXT), *at), serves_next),
        "models-share": (
            ("models", "share", str(_NEXT), "--ab", "12.5%", *at), _says(shared, _NEXT, 0.125)
        ),
        "models-purge": (("models", "purge", *at), _purged),
        "models-folder": (("models", "list", "--models", "{out}/s-models", *at), _says(folder, 1)),
    }  # fmt: skip
    for name, (command, complete) in commands.items():
        yield Writer(name, command, {"s.db": whole_shelf}, _SHELF, shelf, complete=complete)
    yield Writer(
        "models-rollback", ("models", "rollback", *at), {"s.db": whole_shelf}, _SHELF, shelf,
        complete=_says(current.format(""), 1), once=True,
    )  # fmt: skip


def prepare(place: Path) -> None:
    """Makes the stores that the commands read: with ratings, with models, and of version 1."""
    (place / "shelf").mkdir()
    with recsys.RatingsStore.open(f"sqlite:///{place / READ['store']}", create=True) as store:
        store.importing(recsys.read_ratings(SAMPLE))
    shutil.copy(place / READ["store"], place / READ["shelf"])
    url = f"sqlite:///{place / READ['shelf']}"
    with recsys.RatingsStore.open(url) as store:
        for _ in range(_NEXT):
            version = store.models.add("main", place / READ["model"]).version
            if version <= _CURRENT:
                store.models.promote(version)
        store.tokens.add("web", ["read"])
    with closing(sqlite3.connect(place / READ["shelf"])) as connection, connection:
        connection.execute(f"update models set made = made - {_OLD}")
    _make_early(f"sqlite:///{place / _EARLY}")


def _make_early(url: str) -> None:
    engine = connect(address(url))
    with writing(engine) as connection:
        migrate(connection, versions()[0])
        connection.execute(text("INSERT INTO meta VALUES ('user', 'integer'), ('item', 'integer')"))
        for i in range(1, _N_EARLY + 1):
            values = {"id": str(i), "seq": i}
            connection.execute(text("INSERT INTO users (id, added) VALUES (:id, 5)"), values)
            connection.execute(
                text("INSERT INTO items (id, added, seq) VALUES (:id, 5, :seq)"), values
            )
            connection.execute(text("INSERT INTO ratings VALUES (:id, :id, 3.5, 5, :seq)"), values)
        connection.execute(text(f"UPDATE counters SET value = {_N_EARLY}"))
    engine.dispose()
