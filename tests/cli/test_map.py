"""`recsys map`: the file, and its axes in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import RunCommand


@pytest.mark.parametrize("ending", ["html", "png"])
def test_a_map_says_what_its_axes_are(
    ending: str, recsys_command: RunCommand, model_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / f"m.{ending}"
    code, text, err = recsys_command("map", model_path, "--out", out)
    assert code == 0, err
    assert "of the variance of the item" in text
    assert ("ten most similar" in text) == (ending == "html")
    assert out.stat().st_size > 10_000
    assert max(map(len, text.splitlines())) <= 80
    assert str(out) in err
    code, text, _ = recsys_command("map", model_path, "--out", out, "--json")
    found = json.loads(text)
    assert found["path"] == str(out)
    assert (found["kept"] is not None) == (ending == "html")
