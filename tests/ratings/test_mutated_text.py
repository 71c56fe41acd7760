"""Small damaged text files are read like an independent reader reads them, or are refused."""

import csv
import io
import random
import re
from pathlib import Path

import pytest

import recsys
from recsys.errors import DataError
from recsys.ratings import text_format

HEADER = ["user", "item", "rating", "note"]
WHOLE = re.compile(r"0|-?[1-9][0-9]*")
PIECES = [*'"",;\t ,,\n\r07x+-.:|', '""', '","', "\r\n", "\n\n", "0x10", "00", "-0", "7.0", "+7",
          "1e3", "nan", "inf", "1_0", "\ufeff", "\0", "é", "\xa0", "\x0b", "\u2028", "a\0", "1,5",
          "\nuser,item,rating,note\n", "user", " \n", '"a\nb"']  # fmt: skip

Read = dict[tuple[str, str], float]


def expected(data: bytes) -> Read | None:
    """What the file says, by the csv module; None if it is not a table of ratings."""
    try:
        # Files that were joined may each begin with a byte-order mark.
        text = re.sub("(^|[\r\n])\ufeff", r"\1", data.decode())
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    rows = [row for row in rows if row and not (len(row) == 1 and not row[0].strip())]
    rows = [[cell.strip() for cell in row] for row in rows]
    rows = [row for row in rows[1:] if row != HEADER]
    if "\0" in text or not rows or any(len(row) != 4 or "" in row[:3] for row in rows):
        return None
    found: Read = {}
    users, items = (whole([row[at] for row in rows]) for at in (0, 1))
    for user, item, row in zip(users, items, rows, strict=True):
        try:
            rating = float(row[2])
        except ValueError:
            return None
        if "_" in row[2] or not abs(rating) < 3e38:
            return None
        found[user, item] = rating
    return found


def whole(ids: list[str]) -> list[str]:
    plain = [re.sub(r"\.0+$", "", one) for one in ids]
    return plain if all(map(WHOLE.fullmatch, plain)) else ids


def damaged(rng: random.Random) -> bytes:
    """A file of a few ratings with a few random pieces put in, taken out or exchanged."""
    ids = rng.choice(["number", "text", "text with quotes"])
    rows = []
    for n in range(rng.randint(1, 12)):
        one = {"number": str(n), "text": f"u{n}", "text with quotes": f'"u,{n}"'}[ids]
        note = rng.choice(["", "x", '"a, b"', '"two\nlines"', '"said ""no"""'])
        rows.append(f"{one},{rng.randint(0, 30)},{rng.choice(['1', '2.5', '0.5'])},{note}")
    body = list(rng.choice(["\n", "\r\n", "\n"]).join(rows) + rng.choice(["\n", ""]))
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        at = rng.randrange(len(body) + 1)
        body[at : at + rng.choice([0, 0, 1, 2])] = rng.choice(PIECES)
    data = (",".join(HEADER) + "\n" + "".join(body)).encode()
    if rng.random() < 0.05:
        at = rng.randrange(len(data) - 24) + 24
        data = data[:at] + b"\xff" + data[at:]
    return data


def read(file: Path) -> tuple[recsys.Ratings | None, str | None]:
    """The ratings of a file, or why it is refused."""
    try:
        return recsys.read_ratings(file), None
    except DataError as error:
        return None, str(error)


@pytest.mark.parametrize("head", ["whole", "short"])
@pytest.mark.parametrize("n", [500, pytest.param(2000, marks=pytest.mark.long)])
def test_nothing_is_silently_different(
    n: int, head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a short head, what the first lines look like must not matter."""
    if head == "short":
        monkeypatch.setattr(text_format, "_HEAD", 48)
        monkeypatch.setattr(text_format, "_MOST_ROWS", 2)
    n_read = 0
    file = tmp_path / "r.csv"
    for seed in range(n):
        data = damaged(random.Random(seed))
        file.write_bytes(data)
        right = expected(data)
        ratings, error = read(file)
        if error is not None:
            assert right is None, (seed, data, error)
            whole = "a header and no ratings|the file is empty|'rating' is empty in every row"
            named = rf"r\.csv, line \d+: |r\.csv: ({whole})"
            assert re.search(named, error), (seed, data, error)
            assert "\n" not in error
            continue
        assert ratings is not None
        assert ratings.account is not None
        if right is None:
            # Only a file that is not UTF-8 may be read otherwise, and it says so.
            assert any("ISO-8859-1" in said for said in ratings.account.remarks), (seed, data)
            continue
        frame = ratings.to_frame()
        found = dict(
            zip(zip(frame.user.map(str), frame.item.map(str), strict=True), frame.rating,
                strict=True)
        )  # fmt: skip
        assert found.keys() == right.keys(), (seed, data)
        assert all(found[pair] == pytest.approx(right[pair], rel=1e-6) for pair in right), seed
        n_read += 1
    assert n / 4 < n_read < n
