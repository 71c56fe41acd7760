"""Fetching a data set as a use case; the download itself is tested in ratings."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys.app.fetch import FetchRequest, fetch
from recsys.errors import ArgumentError


def test_an_existing_set_is_not_downloaded(tmp_path: Path) -> None:
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "ratings.dat").write_text("1::2::3::4\n")
    found = fetch(FetchRequest(name="ml-1m", to=str(tmp_path)))
    assert found.was_there
    assert found.to_dict()["folder"] == str(tmp_path / "ml-1m")
    assert "Harper" in found.licence


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "ml-2m"}, "name must be one of ml-100k, .*did you mean 'ml-"),
        ({"name": "ml-1m", "timeout": 0}, "timeout must be a number above 0"),
        ({"name": "ml-1m", "timeout": 1e30}, "timeout must be a number .* at most 86400"),
    ],
)
def test_bad_requests_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        FetchRequest(**settings)  # type: ignore[arg-type]
