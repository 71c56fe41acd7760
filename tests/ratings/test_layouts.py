"""Every layout, in a folder, in an archive, with its item table; and how one is added."""

import json
import lzma
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import recsys
from recsys.errors import ArgumentError, DataError
from recsys.ratings import layouts
from recsys.ratings.layouts.movielens_100k import GENRES

# The same three ratings in every layout: user, item, rating, timestamp.
RATINGS = [(1, 10, 4.5, 100), (1, 20, 3.0, 200), (2, 10, 0.5, 300)]
TITLES = {10: "Amélie (2001)", 20: "Et: le café :: noir (1999)"}


def write_100k(folder: Path) -> None:
    lines = [f"{u}\t{i}\t{r:g}\t{t}" for u, i, r, t in RATINGS]
    (folder / "u.data").write_text("\n".join(lines) + "\n")
    flags = "|".join("1" if g in ("Comedy", "Drama") else "0" for g in GENRES)
    items = [f"{i}|{title}|01-Jan-2001||http://x|{flags}" for i, title in TITLES.items()]
    (folder / "u.item").write_bytes("\n".join(items).encode("ISO-8859-1"))


def write_1m(folder: Path, encoding: str = "ISO-8859-1") -> None:
    lines = [f"{u}::{i}::{r:g}::{t}" for u, i, r, t in RATINGS]
    (folder / "ratings.dat").write_text("\n".join(lines) + "\n")
    items = [f"{i}::{title}::Comedy|Drama" for i, title in TITLES.items()]
    (folder / "movies.dat").write_bytes(("\n".join(items) + "\n").encode(encoding))


def write_10m(folder: Path) -> None:
    write_1m(folder, "UTF-8")


def write_20m(folder: Path) -> None:
    lines = ["userId,movieId,rating,timestamp", *(f"{u},{i},{r},{t}" for u, i, r, t in RATINGS)]
    (folder / "ratings.csv").write_text("\r\n".join(lines) + "\r\n")
    items = [f'{i},"{title}",Comedy|Drama' for i, title in TITLES.items()]
    (folder / "movies.csv").write_text("movieId,title,genres\n" + "\n".join(items), "utf-8")


def write_parquet(folder: Path) -> None:
    frame = pd.DataFrame(RATINGS, columns=["user_id", "item_id", "rating", "timestamp"])
    frame.to_parquet(folder / "ratings.parquet")
    write_1m(folder)
    (folder / "ratings.dat").unlink()


def write_recbole(folder: Path) -> None:
    lines = [f"{u}\t{i}\t{r}\t{t}" for u, i, r, t in RATINGS]
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    (folder / "x.inter").write_text("\n".join([header, *lines]))
    items = [f"{i}\t{title[:-7]}\t{title[-5:-1]}\tComedy Drama" for i, title in TITLES.items()]
    header = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
    (folder / "x.item").write_text("\n".join([header, *items]), "utf-8")


LAYOUTS = [write_100k, write_1m, write_10m, write_20m, write_parquet, write_recbole]


def assert_is_the_example(ratings: recsys.Ratings) -> None:
    assert ratings.users.ids.tolist() == [1, 2]
    assert ratings.items.ids.tolist() == [10, 20]
    assert ratings.matrix.toarray().tolist() == [[4.5, 3.0], [0.5, 0.0]]
    assert ratings.matrix.dtype == np.float32
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [100, 200, 300]
    assert ratings.item_table["title"].tolist() == list(TITLES.values())
    assert ratings.item_table["year"].tolist() == [2001, 1999]
    assert ratings.item_table["genres"].tolist() == ["Comedy|Drama"] * 2


@pytest.mark.parametrize("write", LAYOUTS, ids=lambda w: w.__name__)
def test_every_layout_as_folder_and_as_zip(write: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    write(folder)
    assert_is_the_example(recsys.read_ratings(folder))
    assert_is_the_example(recsys.read_ratings(tmp_path))  # the only folder inside
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path, "inner")
    assert_is_the_example(recsys.read_ratings(archive))


@pytest.mark.parametrize("write", LAYOUTS, ids=lambda w: w.__name__)
@pytest.mark.parametrize("case", ["upper", "title"])
def test_names_may_be_in_any_case(case: str, write: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    write(folder)
    for file in [*folder.iterdir()]:
        file.rename(folder / getattr(file.name, case)())
    assert_is_the_example(recsys.read_ratings(folder))
    archive = Path(shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path, "inner"))
    assert_is_the_example(recsys.read_ratings(archive.rename(tmp_path / "SET.ZIP")))


def test_two_names_that_differ_in_case_are_two_data_sets(tmp_path: Path) -> None:
    for name in ("ratings.csv", "Ratings.csv"):
        (tmp_path / name).write_text("user,item\n1,2\n2,3\n")
    with pytest.raises(DataError, match="more than one data set"):
        recsys.read_ratings(tmp_path)


@pytest.mark.parametrize("end", [".GZ", ".Zst", ".XZ"])
def test_endings_of_compression_may_be_in_any_case(end: str, tmp_path: Path) -> None:
    write_20m(tmp_path)
    text = (tmp_path / "ratings.csv").read_bytes()
    (tmp_path / "ratings.csv").unlink()
    kind = {".GZ": "gzip", ".Zst": "zstd"}.get(end)
    packed = lzma.compress(text) if kind is None else pa.Codec(kind).compress(text, asbytes=True)
    (tmp_path / f"RATINGS.CSV{end}").write_bytes(packed)
    assert_is_the_example(recsys.read_ratings(tmp_path))


def test_the_ratings_file_of_a_folder_brings_its_titles(tmp_path: Path) -> None:
    write_20m(tmp_path)
    assert_is_the_example(recsys.read_ratings(tmp_path / "ratings.csv"))


@pytest.mark.parametrize("name", ["u.item", "movies.dat"])
def test_bad_item_tables_are_named(name: str, tmp_path: Path) -> None:
    (write_100k if name == "u.item" else write_1m)(tmp_path)
    (tmp_path / name).write_text("1|no fields\n")
    with pytest.raises(DataError, match=rf"{name}, line 1: \d fields?"):
        recsys.read_ratings(tmp_path)


@pytest.mark.parametrize("name", ["items.csv", "items.tsv", "items.parquet", "items.jsonl"])
def test_items_next_to_ratings_bring_the_titles(name: str, tmp_path: Path) -> None:
    pd.DataFrame({"user": [1, 1, 2], "item": [7, 8, 7], "rating": [1, 2, 3]}).to_parquet(
        tmp_path / "ratings.parquet"
    )
    # These are no usual names, but the only ones that end like such.
    items = pd.DataFrame(
        {"anime_ids": [8, 7], "Anime Name": ["Eight", "Seven"], "type": ["TV"] * 2}
    )
    write: dict[str, Callable[[Path], Any]] = {
        "items.csv": lambda file: items.to_csv(file, index=False),
        "items.tsv": lambda file: items.to_csv(file, index=False, sep="\t"),
        "items.parquet": items.to_parquet,
        "items.jsonl": lambda file: items.to_json(file, orient="records", lines=True),
    }
    write[name](tmp_path / name)
    for location in (tmp_path, tmp_path / "ratings.parquet"):
        assert recsys.read_ratings(location).item_table["title"].tolist() == ["Seven", "Eight"]


def test_the_layouts_are_tried_in_a_fixed_order() -> None:
    found = layouts.layouts()
    assert len({layout.name for layout in found}) == len(found)
    priorities = [layout.priority for layout in found]
    assert priorities == sorted(set(priorities))
    assert found[-1].name == "delimited text"  # which reads any file


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["ratings.csv", "other.csv"], "ratings.csv"),
        (["u.data", "u1.base", "u1.test", "movies.csv"], "u.data"),
        (["inner/u.data", "other.csv"], "inner/u.data"),
        (["ratings.csv.gz", "README"], "ratings.csv.gz"),
        (["plays.csv", "movies.csv", "README.md"], "plays.csv"),  # the only one with such an ending
        (["inner/plays.jsonl"], "inner/plays.jsonl"),
    ],
)
def test_the_ratings_file_of_a_folder_is_found(
    files: list[str], expected: str, tmp_path: Path
) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    assert layouts.find(str(tmp_path))[1] == str(tmp_path / expected)


@pytest.mark.parametrize(
    ("files", "listed"),
    [
        (["ratings.csv", "ratings.dat"], "ratings.dat .MovieLens 1M or 10M., ratings.csv"),
        (["b.inter", "a.inter"], "a.inter .RecBole., b.inter"),
        (["ml-1m/ratings.dat", "ml-100k/u.data"], "ml-100k/u.data .*, ml-1m/ratings.dat"),
        (["plays.csv", "likes.csv"], "likes.csv .delimited text., plays.csv"),
    ],
)
def test_two_data_sets_in_a_folder_are_refused(
    files: list[str], listed: str, tmp_path: Path
) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    with pytest.raises(DataError, match=f"more than one data set; name one of {listed}"):
        recsys.read_ratings(tmp_path)


def test_a_second_file_next_to_one_that_is_read_is_named(tmp_path: Path) -> None:
    rows = "user,item,rating\n1,2,3\n1,3,4\n"
    for name in ("ratings.csv", "movies.csv", "users.csv", "tags.csv", "links.csv"):
        (tmp_path / name).write_text(rows if name == "ratings.csv" else "movieId,title\n2,Two\n")
    (tmp_path / "users.csv").write_text("user,age\n1,20\n")
    account = recsys.read_ratings(tmp_path).account
    assert account is not None
    assert not account.remarks
    (tmp_path / "ratings_2024.csv").write_text(rows)
    account = recsys.read_ratings(tmp_path).account
    assert account is not None
    assert account.remarks == ("not read: 'ratings_2024.csv'; to read another file, name it",)
    account = recsys.read_ratings(tmp_path / "ratings.csv").account
    assert account is not None
    assert not account.remarks


NEW_LAYOUT = """
import json
import lzma
from pathlib import Path
import numpy as np
import pandas as pd
import pyarrow as pa
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.raw import RawRatings, taken_from

def rows(file):
    return pd.DataFrame(map(json.loads, Path(file).read_text().splitlines()))

def read(location, source):
    if location == "memory://":
        return made({"user": np.array(["ann"]), "item": np.array([7])})
    table = rows(location)
    return made(
        {"user": table["who"].to_numpy(), "item": table[source.columns["item"]].to_numpy(),
         "rating": table["stars"].to_numpy("float32")}
    )

def made(columns):
    return RawRatings(columns, taken_from({role: role for role in columns}, columns))

LAYOUT = Layout(
    name="JSON of a test", priority=5, files=("ratings.jsonl",),
    matches=lambda location: location == "memory://" or named("*.jsonl")(location),
    read=read, items=ItemFiles(files=("movies.jsonl",), matches=named("*.jsonl"), read=rows),
)
"""


@pytest.fixture
def new_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more module in the package of the layouts, and nothing else."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "json_lines_for_test.py").write_text(NEW_LAYOUT)
    known = layouts.layouts()
    monkeypatch.setattr(layouts, "__path__", [*layouts.__path__, str(tmp_path / "modules")])
    layouts.layouts.cache_clear()
    layouts._searched.cache_clear()
    assert len(layouts.layouts()) == len(known) + 1
    yield
    layouts.layouts.cache_clear()
    layouts._searched.cache_clear()
    sys.modules.pop("recsys.ratings.layouts.json_lines_for_test")


@pytest.mark.usefixtures("new_layout")
def test_a_new_layout_is_one_module(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    lines = [{"who": "bob", "what": 1, "stars": 2.5}, {"who": "ann", "what": 2, "stars": 4}]
    (folder / "ratings.jsonl").write_text("\n".join(map(json.dumps, lines)))
    titles = [{"item": 2, "title": "Two (1999)"}, {"item": 1, "title": "One (2001)"}]
    (folder / "movies.jsonl").write_text("\n".join(map(json.dumps, titles)))
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", folder)
    for place in (folder / "ratings.jsonl", folder, archive):
        ratings = recsys.read_ratings(place, item="what")
        assert ratings.users.ids.tolist() == ["ann", "bob"]
        assert ratings.matrix.toarray().tolist() == [[0, 4], [2.5, 0]]
        assert ratings.item_table["year"].tolist() == [2001, 1999]
    # Its item tables serve other layouts, too.
    (folder / "ratings.csv").write_text("user,item\nann,2\n")
    assert recsys.read_ratings(folder / "ratings.csv").item_table["title"].tolist() == [
        "Two (1999)"
    ]
    # A layout may read from an address instead of a file.
    assert recsys.read_ratings("memory://").items.ids.tolist() == [7]
    with pytest.raises(DataError, match="other://x: no such file or folder"):
        recsys.read_ratings("other://x")


def test_a_layout_can_be_forced(tmp_path: Path) -> None:
    file = tmp_path / "export.log"
    file.write_text('{"user": 1, "item": 2, "rating": 3}\n')
    assert recsys.read_ratings(file, layout="json-lines").n_ratings == 1
    (tmp_path / "other.csv").write_text("user,item\n1,2\n2,3\n")
    assert recsys.read_ratings(tmp_path, layout="delimited-text").n_ratings == 2
    with pytest.raises(ArgumentError, match="layout must be one of netflix-prize, steam, .*mean"):
        recsys.read_ratings(file, layout="netflix-price")


@pytest.mark.parametrize(
    ("name", "text", "arguments", "like"),
    [
        ("r.csv", "1:\n7,3,2005-09-06\n", {"layout": "delimited-text"}, "netflix-prize"),
        ("r.csv", "1:\n7,3,2005-09-06\n", {"layout": "steam"}, "netflix-prize"),
        ("r.jsonl", '{"user": 1, "item": 2}\n', {"layout": "recbole"}, "json-lines"),
        ("r.csv", "1,A,play,2,0\n", {"layout": "json-lines"}, "steam"),
        ("r.csv", "3,4,,5,5,,4,,3,2\n4,3,,,,1,1,1,2,2\n", {"user": "who"}, "wide-matrix"),
    ],
)
def test_a_refused_file_says_what_it_looks_like(
    name: str, text: str, arguments: dict[str, str], like: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(DataError, match=rf"{name}.*; it looks like .*--layout {like}\b"):
        recsys.read_ratings(file, **arguments)  # type: ignore[arg-type]
