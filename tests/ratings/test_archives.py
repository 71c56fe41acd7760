"""Zip archives that are damaged or hostile."""

import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import recsys
from recsys.errors import DataError
from recsys.ratings import archives


@pytest.mark.parametrize("member", ["../evil.csv", "/evil.csv", "a/../../evil.csv", "C:/evil.csv"])
def test_an_archive_that_escapes_its_folder_is_refused(member: str, tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("ratings.csv", "user,item\n1,2\n")
        bundle.writestr(member, "user,item\n1,2\n")
    with pytest.raises(DataError, match="escapes the archive"):
        recsys.read_ratings(archive)
    assert not (tmp_path.parent / "evil.csv").exists()


def test_a_cut_off_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user,item\n1,2\n")
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.write(tmp_path / "ratings.csv", "ratings.csv")
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataError, match="damaged or not a zip"):
        recsys.read_ratings(archive)


def test_errors_inside_an_archive_name_the_archive(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("ratings.csv", "user,item,rating\n1,2,x\n")
    with pytest.raises(DataError, match=r"set\.zip/ratings\.csv, line 2: 'rating' is 'x'"):
        recsys.read_ratings(archive)


RATINGS = b"user,item,rating\n1,2,3\n"


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("ratings.csv", RATINGS)
    content = bytearray(archive.read_bytes())
    content[6] |= 1
    content[content.find(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"'ratings\.csv' is encrypted; unzip it with its password"):
        recsys.read_ratings(archive)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "message"),
    [
        (("x" * 300 + "/ratings.csv",), "cannot unpack 'x+...' .File name too long"),
        (("ratings.csv", "ratings.csv/u.data"), "more than one member is called 'ratings.csv'"),
        (("ratings.csv/u.data", "ratings.csv"), "more than one member is called 'ratings.csv'"),
        (("ratings.csv", "ratings.csv"), "more than one member is called 'ratings.csv'"),
    ],
)
def test_names_that_clash_or_are_too_long(
    members: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for member in members:
            bundle.writestr(member, RATINGS)
    with pytest.raises(DataError, match=message):
        recsys.read_ratings(archive)


@pytest.mark.parametrize("member", ["ratings.csv", "u.item"])
def test_a_bomb_is_not_unpacked(member: str, tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("u.data", "1\t2\t3\n")
        with bundle.open(member, "w") as stream:
            for _ in range(100):
                stream.write(b"\n" * 1_000_000)
    with pytest.raises(DataError, match="would unpack to 100,000,006, more than 100 times"):
        recsys.read_ratings(archive)


def test_an_archive_that_does_not_fit_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("ratings.csv", RATINGS)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(OSError, match="unzip it where there is more space"):
        archives.unpack(archive, tmp_path)


def test_the_account_names_the_archive_and_what_was_not_read(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for name in ("ratings.csv", "ratings_2.csv", "links.csv", "movies.csv", "readme.txt"):
            bundle.writestr(name, "userId,movieId,rating\n1,2,3\n1,3,4\n")
    account = recsys.read_ratings(archive).account
    assert account is not None
    assert account.source == str(archive / "ratings.csv")
    said = [one for one in account.remarks if one.startswith("not read")]
    assert said == ["not read: 'ratings_2.csv'; to read another file, unzip the archive"]
