from __future__ import annotations

import json
from pathlib import Path

import pytest

import recsys
from recsys.cli.main import run

pytest.importorskip("usearch", reason="approximate search needs the extra ann")


def asked(*arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        run(["index", *arguments])
    assert not end.value.code


def test_nothing_is_written_where_no_index_pays(
    model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.index"
    asked(str(model_path), "--out", str(out))
    said = capsys.readouterr().out
    assert "recommend  exact: the exact search needs" in said
    assert "saved      nothing: an index would not be faster than exact search" in said
    assert not out.exists()


def test_an_index_is_written_with_its_recall(
    model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.index"
    asked(str(model_path), "--always", "--recall", "0.9", "--out", str(out), "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["saved"] == str(out)
    model = recsys.load_index(recsys.load(model_path), out)
    for purpose, about in model.index_report.items():
        assert about.to_dict() == found["indexes"][purpose]
        assert about.recall > 0.8
    asked(str(model_path), "--always", "--out", str(out))
    assert "of the exact best 10 on" in capsys.readouterr().out
