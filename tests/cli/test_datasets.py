"""`recsys datasets`: a table, and JSON."""

from __future__ import annotations

import json

from commands import RunCommand

from recsys.ratings.datasets import DATASETS


def test_every_data_set_is_listed(recsys_command: RunCommand) -> None:
    code, out, _ = recsys_command("datasets")
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    lines = [line.split() for line in out.splitlines()[2:] if line]
    assert [line[0] for line in lines] == list(DATASETS)
    assert lines[1][1:3] == ["1", "million"]
    code, out, _ = recsys_command("datasets", "--json")
    assert code == 0
    rows = json.loads(out)["datasets"]
    assert [row["name"] for row in rows] == list(DATASETS)
    assert rows[0]["ratings"] == "100,000"
    assert "not commercial" in rows[0]["licence"]
