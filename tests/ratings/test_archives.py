"""Archives that are damaged or hostile, and tar archives."""

import io
import random
import shutil
import tarfile
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
    with pytest.raises(OSError, match="unpack it where there is more space"):
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
    assert said == ["not read: 'ratings_2.csv'; to read another file, unpack the archive"]


def tar(file: Path, members: dict[str, bytes], **changes: object) -> Path:
    """A tar archive; `changes` are made to the description of each member."""
    mode = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(
        file.suffix[1:].lower(), "w"
    )
    with tarfile.open(file, mode) as bundle:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for attribute, value in changes.items():
                setattr(info, attribute, value)
            bundle.addfile(info, io.BytesIO(content))
    return file


ENDINGS = (".tar", ".tar.gz", ".tgz", ".TAR.BZ2", ".tar.xz")


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize("folder", ["", "./", "ml/", "./ml/"])
def test_a_tar_archive_is_read_as_a_zip_is(folder: str, end: str, tmp_path: Path) -> None:
    ratings, movies = b"user,item,rating\n1,2,3\n1,3,4\n", b"movieId,title\n2,Two\n3,Three\n"
    members = {"ratings.csv": ratings, "movies.csv": movies, "ratings_2.csv": ratings}
    archive = tar(tmp_path / f"set{end}", {folder + name: one for name, one in members.items()})
    found = recsys.read_ratings(archive)
    assert found.matrix.toarray().tolist() == [[3, 4]]
    assert found.item_table["title"].tolist() == ["Two", "Three"]
    assert found.account is not None
    name = folder.removeprefix("./")
    assert found.account.source == str(archive / name / "ratings.csv")
    aside = f"not read: '{name}ratings_2.csv'; to read another file, unpack the archive"
    assert aside in found.account.remarks


@pytest.mark.parametrize("name", ["../evil.csv", "/evil.csv", "a/../../evil.csv"])
def test_a_tar_archive_that_escapes_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    archive = tar(tmp_path / "set.tar", {"ratings.csv": RATINGS, name: RATINGS})
    with pytest.raises(DataError, match="escapes the archive"):
        recsys.read_ratings(archive)
    assert not (tmp_path.parent / "evil.csv").exists()


def test_a_link_in_a_tar_archive_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_bytes(RATINGS)
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        archive = tar(
            tmp_path / "set.tar", {"ratings.csv": b""}, type=kind,
            linkname=str(tmp_path / "secret.csv"),
        )  # fmt: skip
        with pytest.raises(DataError, match=r"member 'ratings\.csv' is a link or device; unpack"):
            recsys.read_ratings(archive)


def test_a_tar_archive_that_is_large_or_has_a_name_twice(tmp_path: Path) -> None:
    twice = tmp_path / "set.tar"
    with tarfile.open(twice, "w") as bundle:
        for _ in range(2):
            info = tarfile.TarInfo("ratings.csv")
            info.size = len(RATINGS)
            bundle.addfile(info, io.BytesIO(RATINGS))
    with pytest.raises(DataError, match="more than one member is called 'ratings.csv'; unpack it"):
        recsys.read_ratings(twice)
    bomb = tar(tmp_path / "bomb.tar.gz", {"ratings.csv": b"\n" * 100_000_000})
    with pytest.raises(DataError, match="would unpack to 100,000,000, more than 100 times"):
        recsys.read_ratings(bomb)


@pytest.mark.parametrize("end", ENDINGS)
def test_a_tar_archive_that_is_cut_off_or_damaged_is_never_read_differently(
    end: str, tmp_path: Path
) -> None:
    rng = random.Random(0)
    rows = "".join(f"{n},{rng.randrange(10**6)},{n % 5}\n" for n in range(2000))
    members = {"ratings.csv": f"user,item,rating\n{rows}".encode(), "movies.csv": b"item\n"}
    archive = tar(tmp_path / f"set{end}", members)
    whole = archive.read_bytes()
    for share in (0.0, 0.01, 0.3, 0.6, 0.9):
        archive.write_bytes(whole[: int(share * len(whole)) // 512 * 512])
        with pytest.raises(DataError):
            recsys.read_ratings(archive)
    tar(archive := tmp_path / "plain.tar", {"movies.csv": b"movieId,title\n", **members})
    archive.write_bytes(archive.read_bytes()[:1024])  # the first of two members, whole
    with pytest.raises(DataError, match="cut off"):
        recsys.read_ratings(archive)
    archive.write_bytes(b"user,item\n1,2\n")
    with pytest.raises(DataError, match="damaged or not a tar archive"):
        recsys.read_ratings(archive)


@pytest.mark.parametrize(("end", "right"), [("", ".tar"), (".gz", ".tar.gz"), (".xz", ".tar.xz")])
def test_a_tar_archive_with_another_name_is_said(end: str, right: str, tmp_path: Path) -> None:
    file = tar(tmp_path / f"ratings.csv{end}", {"ratings.csv": RATINGS})
    with pytest.raises(DataError, match=rf"a tar archive; rename it so that it ends in \{right}$"):
        recsys.read_ratings(file)
