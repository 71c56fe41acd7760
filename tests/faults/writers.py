"""Every command that writes: how it is run, and how one knows that what it wrote is whole."""

from __future__ import annotations

import csv
import functools
import hashlib
import http.server
import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from faults import stores
from faults.runs import run
from faults.stores import N_USERS
from faults.writer import READ, SAMPLE, Check, Writer

import recsys

SOME_USERS = range(1, 21)
N_SMALL = 60
"""Users of the small data set."""
N_QUESTIONS = 3


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
    # The command that made it stands last; an old report was made elsewhere.
    assert re.fullmatch(r" +recsys evaluate .*/r\.md", text.rstrip().splitlines()[-1])


def whole_picture(file: Path) -> None:
    raw = file.read_bytes()
    assert raw.startswith(b"\x89PNG")
    assert raw[-8:-4] == b"IEND"


def whole_parquet(file: Path) -> None:
    assert pq.read_table(file, page_checksum_verification=True).num_rows > 0


def whole_index(file: Path) -> None:
    model = recsys.load(file.parents[1] / READ["model"])
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
        replaces={"m.safetensors": READ["model"]},
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
    yield from stores.writers()
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


_LOCKS = (".ml-latest-small.lock", "ml-latest-small.lock", ".ml-latest-small.zip.lock")


def _same_as(file: Path) -> Check:
    def check(other: Path) -> None:
        assert other.read_bytes() == file.read_bytes()

    return check


FIRST = ("train", "serve", "recommend-parquet", "models-promote", "store-import", "fetch")
"""The commands that the short runs take, one for each way of writing: a file, a store while it is
served, blocks, a row of a store, very many rows, what is unpacked."""


def _in_order() -> dict[str, Writer]:
    found = {writer.name: writer for writer in _writers()}
    return {name: found[name] for name in (*FIRST, *(n for n in found if n not in FIRST))}


WRITERS = _in_order()


def prepare(place: Path) -> Path:
    """Fills a working folder with what the commands read, once."""
    if not all((place / name).exists() for name in READ.values()):
        shutil.rmtree(place, ignore_errors=True)
        (place / "www").mkdir(parents=True)
        _make_archive(place / "www" / "ml-latest-small")
        shutil.copy(place / "www" / "ml-latest-small.zip", place / READ["zip"])
        _make_small(place / READ["small"])
        new = "userId,movieId,rating\n1,1,2.5\n1,2,4\n900,1,5\n900,999999,3\n"
        (place / READ["new"]).write_text(new)
        (place / READ["users"]).write_text("".join(f"{user}\n" for user in SOME_USERS))
        done = run(["train", SAMPLE, "--model", "pure-svd", "-o", READ["model"]], place)
        assert done.code == 0, done.err
        stores.prepare(place)
    return place


def _make_small(folder: Path) -> None:
    # The first people of the sample.
    folder.mkdir()
    shutil.copy(SAMPLE / "movies.csv", folder)
    head, *rows = (SAMPLE / "ratings.csv").read_text().splitlines(keepends=True)
    users = [int(row.split(",")[0]) for row in rows]
    least = sorted(set(users))[N_SMALL]
    few = [row for row, user in zip(rows, users, strict=True) if user < least]
    (folder / "ratings.csv").write_text("".join([head, *few]))


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
