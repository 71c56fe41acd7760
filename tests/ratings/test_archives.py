"""Zip archives that are damaged or hostile."""

import zipfile
from pathlib import Path

import pytest

import recsys
from recsys.errors import DataError


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
