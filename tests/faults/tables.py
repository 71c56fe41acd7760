"""Damaged tables of items and users: each row that is read is a row of the file."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from faults import mutation
from faults.inputs import outcome_of
from faults.records import decoded, plain
from faults.tally import Outcome

Rows = list[tuple[int, str, str]]


def _rows(rng: random.Random) -> Rows:
    words = ["Ice", "Été", "L'eau", "O, no", "A|B", 'The "End"', "42", "Night"]
    return [
        (n, f"{rng.choice(words)} {rng.choice(words)} ({rng.randint(1950, 2020)})", "Drama|War")
        for n in rng.sample(range(1, 99), rng.randint(1, 6))
    ]


def _quoted(*cells: object) -> str:
    return ",".join('"' + str(cell).replace('"', '""') + '"' for cell in cells)


def _flags(row: tuple[int, str, str]) -> str:
    return "|".join([str(row[0]), row[1].replace("|", "/"), "01-Jan-1995", "", "", *"0" * 19])


def _arrow_bytes(rows: Rows) -> bytes:
    frame = pd.DataFrame(rows, columns=["item_id", "title", "genres"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, pa.Table.from_pandas(frame).schema) as writer:
        writer.write_table(pa.Table.from_pandas(frame))
    return bytes(sink.getvalue())


def _parquet_bytes(rows: Rows) -> bytes:
    sink = pa.BufferOutputStream()
    frame = pd.DataFrame(rows, columns=["item_id", "title", "genres"])
    pq.write_table(pa.Table.from_pandas(frame), sink)
    return bytes(sink.getvalue())


def _lines(head: str, form: Callable[[tuple[int, str, str]], str]) -> Callable[[Rows], bytes]:
    return lambda rows: "".join(
        f"{one}\n" for one in filter(None, [head, *map(form, rows)])
    ).encode()


ITEMS: Mapping[str, Callable[[Rows], bytes]] = {
    "u.item": _lines("", _flags),
    "movies.csv": _lines("movieId,title,genres", lambda row: _quoted(*row)),
    "movies.dat": _lines("", lambda row: "::".join(map(str, row))),
    "r.item": _lines("item_id:token\ttitle:token_seq\tclass:token_seq",
                     lambda row: "\t".join(map(str, row))),
    "items.jsonl": _lines(
        "", lambda row: json.dumps(dict(zip(("item", "title", "genres"), row, strict=True)))
    ),
    "movie_titles.csv": _lines("", lambda row: f"{row[0]},2000,{row[1]}"),
    "items.arrow": _arrow_bytes,
    "items.parquet": _parquet_bytes,
}  # fmt: skip


def items(number: int, rng: random.Random) -> Outcome:
    """Reads one damaged table of items."""
    from recsys.ratings.layouts import read_items

    name = list(ITEMS)[number % len(ITEMS)]
    is_text = name not in ("items.arrow", "items.parquet")
    data = (mutation.text if is_text else mutation.binary)(rng, ITEMS[name](_rows(rng)))

    def question(file: Path) -> str:
        table = _kept(read_items(str(file)), "item", file)
        if not is_text or "title" not in table.columns:
            return ""
        raw = decoded(data)
        if name.endswith("jsonl"):
            raw += "".join(_unescaped(line) for line in raw.split("\n"))
        return _unlike_lines(table, raw, "item", "title", name == "r.item")

    return _asked(name, data, question)


def _kept(table: pd.DataFrame, kind: str, file: Path) -> pd.DataFrame:
    # The table as ratings keep it, which also looks at the ids.
    from recsys.ratings.item_tables import tidied

    known, ids = tidied(table, kind, str(file))
    known.insert(0, kind, ids)
    return known


def _unescaped(line: str) -> str:
    try:
        return "\n" + " ".join(map(str, json.loads(line).values()))
    except (ValueError, AttributeError):
        return ""


def _unlike_lines(table: pd.DataFrame, text: str, key: str, value: str, has_years: bool) -> str:
    # Each row's two values are on one line, or in a quoted field of several lines.
    undoubled = text.replace('"', "")
    lines = undoubled.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for one, said in zip(table[key], table[value], strict=True):
        if not isinstance(said, str):
            continue
        one, said = plain(one).replace('"', ""), said.replace('"', "")
        said = said.strip() if not has_years else said.rpartition(" (")[0] or said
        if "\n" in said or any(one in line and said in line for line in lines):
            continue
        if one not in undoubled or said not in undoubled:
            return f"nothing in the file explains {one!r}, {said!r}"
        if '"' not in text:
            return f"no line has both {one!r} and {said!r}"
    return ""


def users(number: int, rng: random.Random) -> Outcome:
    """Reads one damaged table of users."""
    from recsys.ratings.user_tables import read_users

    made = [(n, rng.randint(7, 70), rng.choice("MF"), rng.choice(["artist", "writer"]))
            for n in rng.sample(range(1, 99), rng.randint(1, 6))]  # fmt: skip
    forms: dict[str, tuple[str, str]] = {
        "u.user": ("", "{0}|{1}|{2}|{3}|12345\n"),
        "users.dat": ("", "{0}::{2}::{1}::3::12345\n"),
        "users.csv": ("user_id,age,gender,occupation\n", "{0},{1},{2},{3}\n"),
        "r.user": ("user_id:token\tage:float\tgender:token\toccupation:token\n",
                   "{0}\t{1}\t{2}\t{3}\n"),
        "users.jsonl": ("", '{{"user": {0}, "age": {1}, "gender": "{2}", "occupation": "{3}"}}\n'),
    }  # fmt: skip
    name = list(forms)[number % len(forms)]
    head, form = forms[name]
    data = mutation.text(rng, (head + "".join(form.format(*one) for one in made)).encode())

    def question(file: Path) -> str:
        table = _kept(read_users(str(file)), "user", file)
        if "gender" not in table.columns:
            return ""
        raw = decoded(data)
        if name.endswith("jsonl"):
            raw += "".join(_unescaped(line) for line in raw.split("\n"))
        return _unlike_lines(table, raw, "user", "gender", False)

    return _asked(name, data, question)


def _asked(name: str, data: bytes, question: Callable[[Path], str]) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        outcome = outcome_of(lambda: question(file), file)
    if outcome.is_good:
        return outcome
    return Outcome(outcome.kind, f"{name}: {outcome.detail}\n    {data[:400]!r}")
