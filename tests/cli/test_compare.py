"""`recsys compare`: two reports as a table."""

from __future__ import annotations

import json
from pathlib import Path

from commands import RunCommand

import recsys


def test_two_reports_are_compared(
    recsys_command: RunCommand, sample: recsys.Ratings, tmp_path: Path
) -> None:
    split, files = recsys.splits.random(sample, 0.2), []
    for name, strength in (("a", 500.0), ("b", 5.0)):
        files.append(tmp_path / f"{name}.json")
        recsys.evaluate({"ease": recsys.EASE(strength)}, split).to_json(files[-1])
    code, out, err = recsys_command("compare", *files)
    assert code == 0
    assert "ease" in out
    assert "Note: ease has other settings: regularization 500.0 → 5.0." in err
    assert "paired permutation test" in " ".join(err.split())
    code, out, _ = recsys_command("compare", *files, "--metric", "recall@10", "--json")
    assert {row["metric"] for row in json.loads(out)["rows"]} == {"recall@10"}
