"""Every command that writes: how it is run, and how one knows that what it wrote is whole."""

from __future__ import annotations

import csv
import functools
import hashlib
import http.server
import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from faults.runs import ROOT, run

import recsys

SAMPLE = ROOT / "data" / "sample"
N_USERS, N_ITEMS, N_RATINGS = 300, 200, 8_848
SOME_USERS = range(1, 21)
N_QUESTIONS = 3
_MODEL, _NEW, _USERS, _STORE = "model.safetensors", "new.csv", "users.txt", "store.db"

Check = Callable[[Path], None]
"""Raises where the file is not whole."""


def whole_model(file: Path) -> None:
    recsys.load(file, verify=True)


def whole_json(file: Path) -> None:
    assert {"summary", "per_user"} <= set(json.loads(file.read_text()))


def whole_page(file: Path) -> None:
    assert file.read_text("utf-8").rstrip().endswith("</html>")


def whole_markdown(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text.startswith("#")
    assert text.endswith("\n")
    # It ends with the section that it always ends with.
    assert text.rstrip().splitlines()[-1] == MARKDOWN_ENDS[0]


MARKDOWN_ENDS: list[str] = []
"""The last line of an undisturbed report; filled by `prepare`."""


def whole_picture(file: Path) -> None:
    raw = file.read_bytes()
    assert raw.startswith(b"\x89PNG")
    assert raw[-8:-4] == b"IEND"


def whole_parquet(file: Path) -> None:
    assert pq.read_table(file, page_checksum_verification=True).num_rows > 0


def whole_store(file: Path) -> None:
    """A ratings store whose versions of models all have their files."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        tables = [name for (name,) in connection.execute("select name from sqlite_master")]
        files = connection.execute("select file from models") if "models" in tables else ()
        for (name,) in files:
            recsys.load(file.parent / "s-models" / name, verify=True)


def _users_with_ratings(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (found,) = connection.execute("select count(distinct user_id) from ratings").fetchone()
    return int(found)


def whole_csv(file: Path) -> None:
    with open(file, newline="") as stream:
        rows = list(csv.reader(stream, strict=True))
    n = {"ratings.csv": N_RATINGS, "items.csv": N_ITEMS}[file.name]
    assert len(rows) == n + 1
    assert {len(row) for row in rows} == {len(rows[0])}


def whole_index(file: Path) -> None:
    model = recsys.load(file.parents[1] / _MODEL)
    assert recsys.load_index(model, file).approximate


def whole_answers(file: Path) -> None:
    with open(file, newline="") as stream:
        ratings = [row["rating"] for row in csv.DictReader(stream, strict=True)]
    assert [float(rating) for rating in ratings] == [5.0] * N_QUESTIONS


def whole_lists(file: Path) -> None:
    """Lists of recommendations for all users."""
    assert len(_users_of(file)) == N_USERS


def whole_some_lists(file: Path) -> None:
    """Lists for the users of the file."""
    assert _users_of(file) == {str(user) for user in SOME_USERS}


def _users_of(file: Path) -> set[str]:
    if file.suffix == ".parquet":
        users = pq.read_table(file).column("user").to_pylist()
    elif file.suffix == ".csv":
        with open(file, newline="") as stream:
            users = [row["user"] for row in csv.DictReader(stream, strict=True)]
    else:
        users = [json.loads(line)["user"] for line in file.read_text().splitlines()]
    return set(map(str, users))


def whole_arrays(file: Path) -> None:
    with np.load(file) as arrays:
        assert {"user_factors", "item_factors"} <= set(arrays.files)
        assert all(arrays[name].size for name in arrays.files)


def whole_recipe(file: Path) -> None:
    import tomllib

    assert tomllib.loads(file.read_text())["model"]


def whole_study(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


@dataclass(frozen=True)
class Writer:
    """A command that writes."""

    name: str
    arguments: tuple[str, ...]
    """`{out}` stands for the folder to write to, and `{model}`, `{zip}`, `{new}`, `{store}` and
    `{users}` for files."""
    whole: Mapping[str, Check]
    """Name in the folder `out` → its check."""
    others: tuple[str, ...] = ()
    """Patterns of what may be in the folder besides, from a run that was ended: complete blocks
    that the next run takes."""
    replaces: Mapping[str, str] = field(default_factory=dict)
    """Name in `out` of a file that it reads and replaces → where the file comes from."""
    typed: str = ""
    """What somebody types into its terminal."""
    complete: Check | None = None
    """Raises where an undisturbed run has not left in `out` what it should, after a killed one."""

    def command(self, place: Path) -> list[str]:
        """The arguments for a working folder."""
        known = {"model": place / _MODEL, "zip": place / "sample.zip", "new": place / _NEW,
                 "users": place / _USERS, "store": place / _STORE}  # fmt: skip
        return [one.format(out=place / "out", data=SAMPLE, **known) for one in self.arguments]


def _writers() -> Iterator[Writer]:
    quick = ("--set", "n_factors=8", "--set", "n_epochs=2", "--model", "implicit-als")
    model = {"m.safetensors": whole_model}
    yield Writer("train", ("train", "{data}", *quick, "-o", "{out}/m.safetensors"), model)
    yield Writer("train-zip", ("train", "{zip}", *quick, "-o", "{out}/m.safetensors"), model)
    yield Writer("update", ("update", "{model}", "{new}", "-o", "{out}/m.safetensors"), model)
    yield Writer(
        "update-in-place",
        ("update", "{out}/m.safetensors", "{new}"),
        model,
        replaces={"m.safetensors": _MODEL},
    )
    yield Writer(
        "index",
        ("index", "{model}", "--always", "--out", "{out}/m.index"),
        {"m.index": whole_index},
    )
    yield Writer(
        "ask",
        ("ask", "{model}", "--questions", str(N_QUESTIONS), "--save", "{out}/own.csv"),
        {"own.csv": whole_answers},
        typed="5\n" * N_QUESTIONS,
    )
    yield from _store_writers()
    evaluate = "evaluate", "{data}", "--models", "pure-svd", "--report"
    for ending, check in (("html", whole_page), ("md", whole_markdown), ("json", whole_json)):
        name = f"r.{ending}"
        yield Writer(f"evaluate-{ending}", (*evaluate, f"{{out}}/{name}"), {name: check})
    tune = "tune", "{data}", "--models", "pure-svd", "--trials", "3", "--out", "{out}"
    found = {"study.db": whole_study, "report.html": whole_page, "best.toml": whole_recipe}
    # SQLite keeps what it needs to undo half a transaction, and uses it when the file is opened.
    journals = "study.db-journal", "study.db-wal", "study.db-shm"
    yield Writer("tune", (*tune, "--save", "{out}/m.safetensors"), found | model, journals)
    for ending, check in (("html", whole_page), ("png", whole_picture)):
        name = f"map.{ending}"
        yield Writer(f"map-{ending}", ("map", "{model}", "--out", f"{{out}}/{name}"), {name: check})
    yield Writer(
        "inspect-figure",
        ("inspect", "{model}", "--health", "--figure", "{out}/f.png"),
        {"f.png": whole_picture},
    )
    for ending in ("parquet", "csv", "jsonl"):
        name = f"lists.{ending}"
        command = "recommend", "{model}", "--all", "--out", f"{{out}}/{name}"
        blocks = f".{name}.parts", f".{name}.parts/about.json", f".{name}.parts/*.{ending}"
        yield Writer(f"recommend-{ending}", command, {name: whole_lists}, blocks)
        some = "recommend", "{model}", "--users-file", "{users}", "--out", f"{{out}}/{name}"
        yield Writer(f"users-file-{ending}", some, {name: whole_some_lists}, blocks)
    tables = {"users.parquet": whole_parquet, "items.parquet": whole_parquet}
    export = "export", "{model}", "--out", "{out}", "--to"
    yield Writer("export-parquet", (*export, "parquet"), tables)
    yield Writer("export-npz", (*export, "npz"), {"factors.npz": whole_arrays})
    yield Writer(
        "fetch",
        ("fetch", "ml-latest-small", "--to", "{out}"),
        {"ml-latest-small/ratings.csv": _same_as(SAMPLE / "ratings.csv"),
         "ml-latest-small/movies.csv": _same_as(SAMPLE / "movies.csv")},
        ("ml-latest-small", "ml-latest-small.zip.part", *_LOCKS),
    )  # fmt: skip


def _store_writers() -> Iterator[Writer]:
    store, url = {"s.db": whole_store}, "sqlite:///{out}/s.db"
    journals = "s.db-journal", "s.db-wal", "s.db-shm"
    yield Writer(
        "store-import", ("store", "import", "{data}", url), store, journals,
        complete=lambda out: _is_known(out, N_USERS),
    )  # fmt: skip
    tables = {"ratings.csv": whole_csv, "items.csv": whole_csv}
    dump = "store", "export", "sqlite:///{store}", "{out}"
    yield Writer("store-export", dump, tables)
    ours = {"s.db": _STORE}
    forget = "store", "forget", url, "1"
    yield Writer(
        "store-forget", forget, store, journals, ours,
        complete=lambda out: _is_known(out, N_USERS - 1),
    )  # fmt: skip
    # A lock is held by a process; what SIGKILL leaves of it is the file, which the next run takes.
    shelf = *journals, "s-models", "s-models/*.safetensors", "s.db.*.lock"
    quick = "--model", "pure-svd", "--set", "n_factors=8", "--promote-undecided"
    yield Writer(
        "retrain", ("retrain", "--store", url, *quick), store, shelf, ours, complete=_serves
    )
    yield Writer("models-add", ("models", "add", "{model}", "--store", url), store, shelf, ours)


def _is_known(out: Path, n: int) -> None:
    assert _users_with_ratings(out / "s.db") == n


def _serves(out: Path) -> None:
    with closing(sqlite3.connect(out / "s.db")) as connection:
        query = "select file from models where state = 'current'"
        ((file,),) = connection.execute(query).fetchall()
    recsys.load(out / "s-models" / file, verify=True)


_LOCKS = (".ml-latest-small.lock", "ml-latest-small.lock", ".ml-latest-small.zip.lock")


def _same_as(file: Path) -> Check:
    def check(other: Path) -> None:
        assert other.read_bytes() == file.read_bytes()

    return check


WRITERS = {writer.name: writer for writer in _writers()}


def prepare(place: Path) -> Path:
    """Fills a working folder with what the commands read, once."""
    if not all((place / name).exists() for name in (_MODEL, _NEW, _USERS, _STORE)):
        shutil.rmtree(place, ignore_errors=True)
        (place / "www").mkdir(parents=True, exist_ok=True)
        _make_archive(place / "www" / "ml-latest-small")
        shutil.copy(place / "www" / "ml-latest-small.zip", place / "sample.zip")
        (place / _NEW).write_text("userId,movieId,rating\n1,1,2.5\n1,2,4\n900,1,5\n900,999999,3\n")
        (place / _USERS).write_text("".join(f"{user}\n" for user in SOME_USERS))
        done = run(["store", "import", SAMPLE, f"sqlite:///{place / _STORE}"], place)
        assert done.code == 0, done.err
        done = run(["train", SAMPLE, "--model", "pure-svd", "-o", _MODEL], place)
        assert done.code == 0, done.err
    if not MARKDOWN_ENDS:
        run(WRITERS["evaluate-md"].command(place), place)
        text = (place / "out" / "r.md").read_text("utf-8")
        MARKDOWN_ENDS.append(text.rstrip().splitlines()[-1])
        shutil.rmtree(place / "out")
    return place


def _make_archive(stem: Path) -> None:
    folder = stem.with_name("made") / stem.name
    shutil.copytree(SAMPLE, folder)
    shutil.make_archive(str(stem), "zip", folder.parent, stem.name)
    archive = stem.with_suffix(".zip")
    digest = hashlib.md5(archive.read_bytes()).hexdigest()
    Path(f"{archive}.md5").write_text(f"MD5 ({archive.name}) = {digest}\n")
    shutil.rmtree(folder.parent)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """Serves a folder on this machine; yields the environment with its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"RECSYS_GROUPLENS_URL": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()
