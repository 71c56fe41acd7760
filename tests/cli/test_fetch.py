"""`recsys fetch`: the folder, and the licence on standard error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import RunCommand


def test_fetch_says_where_and_under_what_licence(
    recsys_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_GROUPLENS_URL", "http://127.0.0.1:9")
    code, _, err = recsys_command("fetch", "ml-1m", "--to", tmp_path)
    assert code == 3
    assert "cannot be reached" in err
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "ratings.dat").write_text("1::2::3::4\n")
    code, out, err = recsys_command("fetch", "ml-1m", "--to", tmp_path)
    assert code == 0
    assert out == f"{tmp_path}/ml-1m\n"
    assert "Harper" in err
    code, out, _ = recsys_command("fetch", "ml-1m", "--to", tmp_path, "--json")
    assert json.loads(out)["source"] == "already there"
