"""Files are replaced completely or not at all, and keep their mode and kind."""

import os
import stat
from pathlib import Path

import pytest

from recsys.errors import ArgumentError
from recsys.files import output_file, replacing, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_text(file, "old")

    def fail() -> None:
        with replacing(file) as stream:
            stream.write(b"half")
            raise RuntimeError("the disk is on fire")

    with pytest.raises(RuntimeError):
        fail()
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "private"
    write_text(file, "old")
    file.chmod(0o600)
    write_text(file, "new")
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_new_file_has_the_mode_of_the_umask_which_stays(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_text(tmp_path / "new", "text")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "a" / "target", tmp_path / "link"
    write_text(target, "old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_folders_are_created(tmp_path: Path) -> None:
    write_text(tmp_path / "models" / "today" / "m", "text")
    assert (tmp_path / "models" / "today" / "m").read_text() == "text"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_pipes_and_devices_are_refused_and_stay(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ArgumentError, match="device or a pipe"):
        output_file(pipe)
    with pytest.raises(ArgumentError, match="device or a pipe"):
        output_file("/dev/null")
    with pytest.raises(OSError, match="not a regular file"):
        write_text(pipe, "text")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_bad_output_paths_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, words in ((tmp_path, "file name"), ("", "file name"), (tmp_path / "file" / "x", "")):
        with pytest.raises(ArgumentError, match=f"out must be.*{words}"):
            output_file(path)
    with pytest.raises(ArgumentError, match=r"report must end in \.html, \.md"):
        output_file(tmp_path / "x.pdf", "report", (".html", ".md"))
    assert output_file(tmp_path / "new" / "x.md", endings=(".md",)) == tmp_path / "new" / "x.md"
