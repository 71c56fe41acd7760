"""Small valid files in every layout, how they are damaged, and what they may be read as then."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faults import mutation
from faults.records import (
    Pairs,
    Record,
    Strict,
    Unsure,
    by_lines,
    decoded,
    found,
    lines_of,
    plain,
    rated,
    unexplained,
    unlike,
)

import recsys

Files = dict[str, bytes]
Row = tuple[int, int, float, int]
WHOLE = r"0|[1-9]\d{0,14}"
_LINE = rf"(?P<u>{WHOLE})%s(?P<i>{WHOLE})%s(?P<r>[0-5](?:\.[05])?)%s[89]\d{{8}}"


def rows(rng: random.Random) -> list[Row]:
    """A few ratings: user, item, rating, time."""
    pairs = {(rng.randint(1, 9), rng.randint(1, 30)) for _ in range(rng.randint(2, 12))}
    return [(u, i, rng.randint(1, 10) / 2, rng.randint(8 * 10**8, 10**9 - 1)) for u, i in pairs]


@dataclass(frozen=True)
class Format:
    """One layout of ratings."""

    name: str
    make: Callable[[random.Random], Files]
    """A valid data set, file by file; the first is damaged."""
    wrong: Callable[[bytes, recsys.Ratings, Files], str]
    """What is wrong with the ratings read from the damaged file, in words; "" for nothing."""
    damage: mutation.Mutation = mutation.text
    is_folder: bool = False
    """Whether the folder is read, not its first file."""


def delimited(name: str, separator: str, header: str | None, file: str = "") -> Format:
    """Lines of user, item, rating and time."""

    def make(rng: random.Random) -> Files:
        lines = [separator.join(map(plain, row)) for row in rows(rng)]
        end = rng.choice(["\n", "\n", "\r\n"])
        text = end.join([header, *lines] if header else lines) + rng.choice([end, end, ""])
        return {file or f"{name}.txt": text.encode()}

    form = _LINE % ((re.escape(separator),) * 3)
    return Format(name, make, text_check(by_lines(form, header), header))


def text_check(
    strict: Strict, header: str | None = None
) -> Callable[[bytes, recsys.Ratings, Files], str]:
    """A check of formats with a rating on each line."""

    def wrong(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
        right = strict(decoded(data).replace("\r\n", "\n"))
        if right is not None:
            return unlike(found(ratings), right)
        lines = lines_of(data)
        # A quote may hold line ends, and a header is no rating.
        n_least = 0 if '"' in decoded(data) else len(lines) - (header is not None)
        n_least -= sum(line == header for line in lines[1:])
        whole = [Record(decoded(data))] if '"' in decoded(data) else map(Record, lines)
        return unexplained(ratings, whole, n_least)

    return wrong


def _json_lines(rng: random.Random) -> Files:
    names = rng.choice([("user", "item", "rating", "timestamp"), ("user_id", "asin", "stars", "t")])
    made = [dict(zip(names, row, strict=True)) for row in rows(rng)]
    if rng.random() < 0.3:
        return {"r.json": json.dumps(made).encode()}
    return {"r.jsonl": "".join(json.dumps(one) + "\n" for one in made).encode()}


def _wrong_json(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
    text = data.decode("utf-8-sig")  # the reader refuses all else
    try:
        objects = json.loads(text) if text.lstrip().startswith("[") else None
        if objects is None:
            objects = [json.loads(one) for one in re.split("\r\n|\r|\n", text) if one.strip()]
    except ValueError as error:
        return f"not JSON, and read ({error})"
    if len(objects) != (ratings.account.n_rows if ratings.account else -1):
        return f"{len(objects)} objects, and another number of rows in the account"
    return unexplained(ratings, [Record(_texts(one)) for one in objects], len(objects))


def _texts(value: Mapping[str, Any]) -> str:
    return "\n".join(plain(one) for one in value.values())


def _netflix(rng: random.Random) -> Files:
    text = ""
    made = sorted(rows(rng), key=lambda row: row[1])
    for row in made:
        if f"\n{row[1]}:\n" not in f"\n{text}":
            text += f"{row[1]}:\n"
        text += f"{row[0]},{int(row[2]) or 1},2005-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}\n"
    return {"combined_data_1.txt": text.encode()}


def _wrong_netflix(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
    item, records = "", []
    for line in lines_of(data):
        if re.fullmatch(r"\d+:\s*", line):
            item = line.split(":")[0]
        else:
            records.append(Record(line, item))
    return unexplained(ratings, records, len(records))


def _steam(rng: random.Random) -> Files:
    lines = []
    for u, i, hours, _ in rows(rng):
        lines.append(f'{u},"Game {i}",purchase,1.0,0')
        if rng.random() < 0.7:
            lines.append(f'{u},"Game {i}",play,{hours},0')
    return {"steam-200k.csv": ("\n".join(lines) + "\n").encode()}


def _wrong_steam(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
    table = list(csv.reader(io.StringIO(decoded(data), newline="")))
    records = [Record("\n".join(cell.strip() for cell in row)) for row in table if row]
    return unexplained(ratings, records, len(records), fixed=1.0)


def _matrix_market(rng: random.Random) -> Files:
    made = rows(rng)
    head = f"%%MatrixMarket matrix coordinate real general\n% made up\n30 30 {len(made)}\n"
    return {"ratings.mtx": (head + "".join(f"{u} {i} {r}\n" for u, i, r, _ in made)).encode()}


def _wrong_market(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
    lines = decoded(data).replace("\r\n", "\n").split("\n")
    if lines[0] != "%%MatrixMarket matrix coordinate real general":
        return ""  # of another kind: pattern, integer, symmetric, array
    body = [line for line in lines[1:] if line.strip() and not line.startswith("%")]
    pairs: dict[tuple[str, str], float] = {}
    for line in body[1:]:
        cells = line.split()
        try:
            row, column, value = int(cells[0]), int(cells[1]), float(cells[2])
        except (ValueError, IndexError):
            return f"read, whatever {line!r} is"
        pair = str(row - 1), str(column - 1)
        pairs[pair] = pairs.get(pair, 0) + value  # as the format says of repeats
    read = found(ratings)
    kept = {pair: value for pair, value in pairs.items() if value or pair in read}
    return unlike(read, rated(kept, ratings))


def _wide(rng: random.Random) -> Files:
    items = [f"i{n}" for n in range(rng.randint(9, 14))]
    lines = [",".join(["user", *items])]
    for user in range(rng.randint(2, 6)):
        cells = [str(rng.randint(1, 5)) if rng.random() < 0.4 else "" for _ in items]
        lines.append(",".join([f"u{user}", *cells]))
    lines.append(",".join(["u9", "3", *[""] * (len(items) - 1)]))
    return {"wide.csv": ("\n".join(lines) + "\n").encode()}


def _wrong_wide(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
    table = list(csv.reader(io.StringIO(decoded(data), newline="")))
    table = [[cell.strip() for cell in row] for row in table if any(row)]
    header, body = table[0], table[1:]
    ids = [row[0] for row in body]
    if not body or len(header) < 9:  # too little for a matrix: lines of user and item
        raise Unsure
    regular = all(len(row) == len(header) for row in body)
    if not regular or len({*header}) < len(header) or len({*ids}) < len(ids):
        account = ratings.account
        if account is not None and account.layout == "wide matrix" and not regular:
            return "read, although lines have other lengths than the header"
        return ""
    right: dict[tuple[str, str], float] = {}
    for row in body:
        for item, cell in zip(header[1:], row[1:], strict=True):
            if cell.lower() in ("", "nan", "na", "null", "none", "-"):
                continue
            try:
                right[row[0], item] = float(cell)
            except ValueError:
                return f"read, whatever {cell!r} is"
    return unlike(found(ratings), rated(right, ratings))


def _recbole(rng: random.Random) -> Files:
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    lines = ["\t".join(map(plain, row)) for row in rows(rng)]
    return {"r.inter": "\n".join([head, *lines, ""]).encode()}


_CSV = "userId,movieId,rating,timestamp"
_INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float"


def _reused() -> Format:
    # The cases of the test of delimited text, with its reader as the one that is right.
    from ratings import test_mutated_text as known

    def wrong(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
        right: Pairs | None = known.expected(data)
        if right is not None:
            return unlike(found(ratings), rated(right, ratings))
        said = ratings.account.remarks if ratings.account else ()
        return "" if any("ISO-8859-1" in one for one in said) else "read, and no table of ratings"

    return Format(
        "quoted-csv", lambda rng: {"r.csv": known.damaged(rng)}, wrong, lambda _, data: data
    )


def _part_files(rng: random.Random) -> Files:
    lines = [f"{u},{i},{r},{t}\n" for u, i, r, t in rows(rng)]
    half = len(lines) // 2
    return {
        "part-00000": "".join(lines[:half] or lines).encode(),
        "part-00001": "".join(lines[half:] if half else ["77,78,3.0,900000000\n"]).encode(),
        "_SUCCESS": b"",
    }


def _wrong_parts(data: bytes, ratings: recsys.Ratings, files: Files) -> str:
    other = files["part-00001"]
    return unexplained(ratings, map(Record, lines_of(data) + lines_of(other)), 0)


def formats() -> Iterator[Format]:
    """All formats of text; those of bytes are in `packed`."""
    yield _reused()
    yield delimited("movielens-100k", "\t", None, "u.data")
    yield delimited("movielens-csv", ",", _CSV, "ratings.csv")
    yield delimited("movielens-dat", "::", None, "ratings.dat")
    yield delimited("semicolons", ";", "user;item;rating;timestamp")
    yield delimited("bars", "|", None)
    inter = by_lines(_LINE % (("\t",) * 3), _INTER)
    yield Format("recbole", _recbole, text_check(inter, _INTER))
    yield Format("json", _json_lines, _wrong_json)
    yield Format("netflix", _netflix, _wrong_netflix)
    yield Format("steam", _steam, _wrong_steam)
    yield Format("matrix-market", _matrix_market, _wrong_market)
    yield Format("wide-matrix", _wide, _wrong_wide)
    yield Format("part-files", _part_files, _wrong_parts, is_folder=True)
