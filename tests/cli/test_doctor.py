"""`recsys doctor`: the account, the size, the findings."""

from __future__ import annotations

import json
from pathlib import Path

from commands import RunCommand


def test_it_shows_what_was_read_and_what_is_odd(recsys_command: RunCommand, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    rows = [f"{u},{i},{99 if u == i else (u + i) % 5 + 1}\n" for u in range(9) for i in range(9)]
    file.write_text("user,item,rating\n" + "".join(rows))
    code, out, err = recsys_command("doctor", file)
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines() if str(tmp_path) not in line)
    said = " ".join(out.split())
    assert "columns user = user (0), item = item (0), rating = rating (99.0)" in said
    assert "9 users, 9 items, 81 ratings (100.00% of all pairs)" in said
    assert "--missing 99" in said
    code, out, _ = recsys_command("doctor", file, "--json")
    assert code == 0
    assert {one["code"] for one in json.loads(out)["findings"]} >= {"D006", "D013"}


def test_nothing_odd_is_said_so(recsys_command: RunCommand, root: Path) -> None:
    code, out, _ = recsys_command("doctor", root / "data" / "sample")
    assert code == 0
    assert out.endswith("Nothing unusual was found.\n")


def test_a_file_that_cannot_be_read_is_one_line(recsys_command: RunCommand, tmp_path: Path) -> None:
    code, out, err = recsys_command("doctor", tmp_path / "none.csv")
    assert (code, out) == (3, "")
    assert err.startswith("recsys: ")
