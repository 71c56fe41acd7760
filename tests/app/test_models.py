"""`models`: what is done to the versions, in the words of the command."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import recsys
from recsys.app.models import ModelsRequest, Versions, models
from recsys.errors import ArgumentError, UnknownIdError
from recsys.ratings.ratings import Ratings
from recsys.store.database.ratings_store import RatingsStore


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with RatingsStore.open(url, create=True):
        yield url


@pytest.fixture
def file(sample: Ratings, tmp_path: Path) -> Path:
    return recsys.save(recsys.train(recsys.PureSVD(2), sample), tmp_path / "mine.safetensors")


def do(url: str, action: str, what: object = None, **given: Any) -> Versions:
    said = None if what is None else str(what)
    return models(ModelsRequest(store=url, action=action, what=said, **given))


def test_a_life_of_versions(url: str, file: Path, tmp_path: Path) -> None:
    assert do(url, "list").versions == ()
    assert do(url, "add", file).done == f"main: {file} is version 1"
    assert do(url, "promote", 1).done == "main: version 1 is in service"
    do(url, "add", file)
    assert do(url, "share", 2, ab="12.5%").done == "main: version 2 serves 12.5 % of the users"
    assert do(url, "share", 2, ab="0%").done == "main: version 2 no longer serves any users"
    do(url, "promote", 2)
    found = do(url, "rollback")
    assert found.done == "main: version 1 is in service again"
    assert [one.state for one in found.versions] == ["current", "retired"]
    assert do(url, "purge").done == "main: nothing is old enough"
    assert do(url, "purge", keep_for="0.001s").done == "main: deleted 2"
    assert found.folder == tmp_path / "store-models"
    assert [one["version"] for one in found.to_dict()["versions"]] == [1, 2]


def test_files_move_with_the_setting(url: str, file: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    assert do(url, "add", file, models=str(moved)).versions[0].file.parent == moved
    assert do(url, "list").folder == moved


@pytest.mark.parametrize(
    ("action", "what", "given", "message"),
    [
        ("promote", None, {}, "models promote needs a VERSION"),
        ("add", None, {}, "models add needs a FILE"),
        ("list", "3", {}, "models list takes no further argument, not '3'"),
        ("promote", "three", {}, "VERSION must be a whole number, not 'three'"),
        ("share", "1", {}, "models share VERSION needs --ab SHARE"),
        ("promote", "1", {"ab": "10%"}, "nothing else takes it"),
        ("delete", "1", {}, "action must be one of list, add, promote, rollback, share, purge"),
        ("promote", "1", {"name": "other"}, "version 1 is of main, not of other"),
    ],
)
def test_bad_requests_are_named(
    url: str, file: Path, action: str, what: str | None, given: dict[str, Any], message: str
) -> None:
    do(url, "add", file)
    with pytest.raises(ArgumentError, match=message):
        do(url, action, what, **given)


def test_a_version_that_is_not_there_is_named(url: str) -> None:
    with pytest.raises(UnknownIdError, match="there is no model version 7"):
        do(url, "promote", 7)
