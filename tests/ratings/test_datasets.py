"""Fetching against a local server that fails in every way."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from downloads import N_RATINGS, README, Server, serving, zip_of

import recsys
from recsys.errors import DownloadError
from recsys.ratings import datasets

NAME = "ml-latest-small"  # its checksum is downloaded, so the server can invent one


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


def fetch(server: Server, to: Path, **options: Any) -> datasets.Fetched:
    return datasets.fetch(NAME, to, base_url=server.url, **options)


def assert_nothing_passes_for_whole(to: Path) -> None:
    assert not (to / NAME).exists()
    assert not list(to.glob("*.zip"))


def test_fetches_unpacks_and_shows_the_licence(server: Server, tmp_path: Path) -> None:
    received = []
    fetched = fetch(server, tmp_path, on_bytes=lambda done, total: received.append((done, total)))
    assert fetched.folder == tmp_path / NAME
    assert fetched.licence == "Be kind."
    assert received[-1] == (len(server.body), len(server.body))
    assert recsys.read_ratings(fetched.folder).n_ratings == N_RATINGS
    assert [p.name for p in tmp_path.iterdir()] == [NAME]
    again = fetch(server, tmp_path)
    assert again.source == "already there"
    assert len(server.asked) == 1


def test_a_download_cut_off_midway_goes_on_by_itself(server: Server, tmp_path: Path) -> None:
    server.cut_at = [100_000, 50_000]
    fetch(server, tmp_path)
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_download_that_stays_cut_off_can_be_resumed_later(server: Server, tmp_path: Path) -> None:
    server.cut_at = [1000, 1000, 1000]
    with pytest.raises(DownloadError, match=r"cut off at 3,000 of [\d,]+ bytes; run again"):
        fetch(server, tmp_path)
    assert_nothing_passes_for_whole(tmp_path)
    fetch(server, tmp_path)
    assert server.asked[-1] == "bytes=3000-"
    assert recsys.read_ratings(tmp_path / NAME).n_ratings == N_RATINGS


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.cut_at = [1000]
    fetch(server, tmp_path)
    assert recsys.read_ratings(tmp_path / NAME).n_ratings == N_RATINGS


def test_a_complete_part_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip.part").write_bytes(server.body)
    fetch(server, tmp_path)
    assert server.asked == [f"bytes={len(server.body)}-"]


def test_wrong_bytes_are_thrown_away(server: Server, tmp_path: Path) -> None:
    server.md5 = "0" * 32
    with pytest.raises(DownloadError, match=r"the checksum is \w+, not 0000.* was deleted"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_is_found_out(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip.part").write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match="checksum"):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []
    fetch(server, tmp_path)


def test_network_errors_are_one_clear_line(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(DownloadError, match=r"small\.zip\.md5: the server answered 404 Not Found"):
        fetch(server, tmp_path)
    with pytest.raises(DownloadError, match=r"cannot be reached .*refused"):
        datasets.fetch("ml-1m", tmp_path, base_url="http://127.0.0.1:9", timeout=5)
    with pytest.raises(DownloadError, match="not a URL"):
        datasets.fetch("ml-1m", tmp_path, base_url="nonsense")
    with pytest.raises(DownloadError, match="not a URL"):
        datasets.fetch("ml-1m", tmp_path, base_url="http://a b")
    with pytest.raises(ValueError, match=r"data set must be one of ml-100k, .*not 'ml-2m'"):
        datasets.fetch("ml-2m", tmp_path)
    assert_nothing_passes_for_whole(tmp_path)


def test_a_slow_server_times_out_and_says_so(server: Server, tmp_path: Path) -> None:
    server.pause = 2.0
    with pytest.raises(DownloadError, match=r"timed out|no answer"):
        fetch(server, tmp_path, timeout=0.2)
    assert_nothing_passes_for_whole(tmp_path)


def test_no_checksum_no_download(server: Server, tmp_path: Path) -> None:
    server.md5 = "none"
    with pytest.raises(DownloadError, match="contains no checksum"):
        fetch(server, tmp_path)


def test_what_the_checksum_does_not_show_is_said(server: Server, tmp_path: Path) -> None:
    assert "not whether the archive is the real one" in fetch(server, tmp_path).remark
    assert fetch(server, tmp_path).remark == ""  # nothing was downloaded


@pytest.fixture
def pinned(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A data set whose checksum and size are known, as if it was what the server has."""
    known = replace(
        datasets.DATASETS["ml-1m"],
        md5=hashlib.md5(server.body).hexdigest(),
        size=len(server.body),
    )
    monkeypatch.setitem(datasets.DATASETS, "ml-1m", known)
    server.md5 = "none"
    return "ml-1m"


def test_a_known_checksum_is_not_asked_for(server: Server, pinned: str, tmp_path: Path) -> None:
    server.length = None
    fetched = datasets.fetch(pinned, tmp_path, base_url=server.url)
    assert fetched.remark == ""
    assert recsys.read_ratings(fetched.folder).n_ratings == N_RATINGS


def test_another_archive_than_the_known_one_is_refused(
    server: Server, pinned: str, tmp_path: Path
) -> None:
    genuine, server.body = server.body, zip_of({"ratings.csv": "userId,movieId,rating\n1,2,3\n"})
    with pytest.raises(DownloadError, match=r"offers \d+ bytes, and the file has [\d,]+"):
        datasets.fetch(pinned, tmp_path, base_url=server.url)
    server.body = genuine[:-1] + b"x"
    with pytest.raises(DownloadError, match="the checksum is"):
        datasets.fetch(pinned, tmp_path, base_url=server.url)
    assert list(tmp_path.iterdir()) == []


def test_which_checksums_are_known() -> None:
    changing = {name for name, one in datasets.DATASETS.items() if one.changes}
    assert changing == {"ml-latest", "ml-latest-small"}


ENCRYPTED = bytearray(zip_of({"ratings.csv": "userId,movieId,rating\n1,2,3\n"}))
ENCRYPTED[6] |= 1
ENCRYPTED[ENCRYPTED.find(b"PK\x01\x02") + 8] |= 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (zip_of({}), "the archive has no ratings"),
        (zip_of({"ml/README.txt": README}), "the archive has no ratings"),
        (zip_of({"ml/ratings.csv": ""}), "the archive has no ratings"),
        (bytes(ENCRYPTED), "member 'ratings.csv' is encrypted"),
        (zip_of({"../ratings.csv": "1,2,3"}), "escapes the archive"),
        (b"<html>Sign in to continue</html>", "not a zip archive"),
        (zip_of({"ratings.csv": "x" * 10_000})[:5_000], "not a zip archive"),
    ],
    ids=["empty", "README", "no rating", "encrypted", "outside", "page", "cut off"],
)
def test_an_archive_that_is_no_data_set_is_not_kept(
    body: bytes, said: str, server: Server, tmp_path: Path
) -> None:
    server.body = body
    with pytest.raises(DownloadError, match=said) as refusal:
        fetch(server, tmp_path)
    assert str(refusal.value).startswith(f"{server.url}/{NAME}.zip: ")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_no_data_set(server: Server, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert fetch(server, tmp_path).source == f"{server.url}/{NAME}.zip"
    assert recsys.read_ratings(tmp_path / NAME).n_ratings == N_RATINGS


def test_what_is_in_the_way_is_left_alone(server: Server, tmp_path: Path) -> None:
    place = tmp_path / NAME
    place.mkdir()
    (place / "notes.md").write_text("mine")
    with pytest.raises(DownloadError, match="has files but no ratings"):
        fetch(server, tmp_path)
    assert (place / "notes.md").read_text() == "mine"
    (place / "notes.md").rename(tmp_path / "notes.md")
    place.rmdir()
    (tmp_path / "notes.md").rename(place)
    with pytest.raises(DownloadError, match="is not a folder"):
        fetch(server, tmp_path)
    assert place.read_text() == "mine"
    assert server.asked == []


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
@pytest.mark.parametrize("kind", ["symlink", "dangling", "hard link", "pipe", "folder"])
def test_only_a_file_of_its_own_is_written(kind: str, server: Server, tmp_path: Path) -> None:
    victim, part = tmp_path / "victim", tmp_path / f"{NAME}.zip.part"
    victim.write_text("precious")
    make: dict[str, Callable[[], object]] = {
        "symlink": lambda: part.symlink_to(victim),
        "dangling": lambda: part.symlink_to(tmp_path / "none"),
        "hard link": lambda: part.hardlink_to(victim),
        "pipe": lambda: os.mkfifo(part),
        "folder": part.mkdir,
    }
    make[kind]()
    with pytest.raises(OSError, match="is a link|not a regular file|Is a directory"):
        fetch(server, tmp_path)
    assert victim.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == [part.name, "victim"]


def command(server: Server, to: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "recsys", "fetch", NAME, "--to", str(to)],
        env=os.environ | {"RECSYS_GROUPLENS_URL": server.url, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_several_processes_one_downloads(server: Server, tmp_path: Path) -> None:
    server.pause = 1.5
    processes = [command(server, tmp_path) for _ in range(3)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert server.asked == [None]
    assert sum(f"waiting for another fetch of {NAME}" in err for err in errors) <= 2
    assert sum(f"{NAME} is already there" in err for err in errors) == 2
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert recsys.read_ratings(tmp_path / NAME).n_ratings == N_RATINGS


def test_one_that_waits_says_so_and_takes_over(server: Server, tmp_path: Path) -> None:
    """The process that downloads is killed; what it has is not downloaded again."""
    server.drip = 0.5
    first = command(server, tmp_path)
    part = tmp_path / f"{NAME}.zip.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 0)
    waiting: list[bool] = []

    def on_wait() -> None:
        waiting.append(True)
        server.drip = 0
        first.kill()

    assert fetch(server, tmp_path, on_wait=on_wait).source.startswith(server.url)
    first.communicate()
    assert waiting == [True]
    assert server.asked[0] is None
    assert int((server.asked[1] or "")[6:-1]) > 0
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def wait_until(true: Any) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_a_killed_process_unpacked_is_removed(server: Server, tmp_path: Path) -> None:
    leftover = tmp_path / f".{NAME}.unpacked.abcdefgh" / NAME
    leftover.mkdir(parents=True)
    (leftover / "ratings.csv").write_text("userId,mo")
    (tmp_path / ".ml-latest.unpacked.abcdefgh").mkdir()  # of another set
    fetch(server, tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".ml-latest.unpacked.abcdefgh", NAME]


def test_what_is_left_next_to_a_complete_set_is_removed(server: Server, tmp_path: Path) -> None:
    """A process may be killed between the renaming of its folder and the end."""
    fetch(server, tmp_path)
    (tmp_path / f".{NAME}.unpacked.abcdefgh" / NAME).mkdir(parents=True)
    (tmp_path / f"{NAME}.zip.part").write_bytes(b"PK")
    found = fetch(server, tmp_path)
    assert found.source == "already there"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_fetch_that_is_killed_is_resumed(number: int, server: Server, tmp_path: Path) -> None:
    server.drip = 0.02
    for trial in range(4):
        process = command(server, tmp_path / str(trial))
        time.sleep(0.3 + 0.4 * trial)
        process.send_signal(number)
        process.communicate(timeout=60)
        folder = tmp_path / str(trial) / NAME
        assert not folder.exists() or recsys.read_ratings(folder).n_ratings == N_RATINGS
        fetch(server, tmp_path / str(trial))
        assert recsys.read_ratings(folder).n_ratings == N_RATINGS
        assert [path.name for path in folder.parent.iterdir()] == [NAME]


def test_fetching_never_starts_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("fetch started a process")

    for name in ("fork", "posix_spawn", "posix_spawnp", "system", "execv", "execve"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    said = r"cannot be reached .*; in a checkout, scripts/ml_100k_from_pypi\.py gets ml-100k"
    with pytest.raises(DownloadError, match=said):
        datasets.fetch("ml-100k", tmp_path, base_url="http://127.0.0.1:9", timeout=5)
    assert list(tmp_path.iterdir()) == []
