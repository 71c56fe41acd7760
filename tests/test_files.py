"""Files are replaced completely or not at all, and keep their mode and kind."""

import contextlib
import itertools
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from recsys import files
from recsys.errors import ArgumentError
from recsys.files import (
    output_file,
    remove_leftovers,
    remove_temporary,
    replacing,
    temporary_folder,
    write_text,
)


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


_KILLED = """
import os, signal, sys
from recsys.files import replacing
with replacing(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_text(file, "old")
    (tmp_path / ".report.html.notes.part").write_text("not ours")
    (tmp_path / ".other.html.0123456789abcdef.part").write_text("of another file")
    (tmp_path / ".report.html.0123456789abcdef.part").symlink_to(file)
    others = set(os.listdir(tmp_path))
    killed = subprocess.run([sys.executable, "-P", "-c", _KILLED, str(file)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert file.read_text() == "old"
    assert len(os.listdir(tmp_path)) == len(others) + 1
    write_text(file, "new")
    assert file.read_text() == "new"
    assert set(os.listdir(tmp_path)) == others


def test_what_killed_writers_left_of_files_with_new_names_is_removed(tmp_path: Path) -> None:
    for name in ("main-1", "main-2", "other-1"):
        subprocess.run([sys.executable, "-P", "-c", _KILLED, str(tmp_path / name)], check=False)
    assert len(os.listdir(tmp_path)) == 3
    with replacing(tmp_path / "main-3") as stream:
        stream.write(b"whole")
        remove_leftovers(tmp_path, "main-")
    left = sorted(name.split(".")[1] for name in os.listdir(tmp_path) if name != "main-3")
    assert left == ["other-1"]
    assert (tmp_path / "main-3").read_bytes() == b"whole"
    remove_leftovers(tmp_path / "nowhere", "main-")


def test_a_file_that_is_being_written_is_no_leftover(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    with replacing(file) as stream:
        stream.write(b"first")
        write_text(file, "second")
        assert file.read_text() == "second"
    assert file.read_text() == "first"
    assert os.listdir(tmp_path) == ["report.html"]


def test_many_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    failures: list[BaseException] = []

    def write(text: str) -> None:
        try:
            for _ in range(30):
                write_text(file, text)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(letter * 1000,)) for letter in "abcd"]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert failures == []
    assert file.read_text() in {letter * 1000 for letter in "abcd"}
    assert os.listdir(tmp_path) == ["report.html"]


def test_names_of_any_length_are_written(tmp_path: Path) -> None:
    for name in ("é" * 120, "x" * 250):
        write_text(tmp_path / name, "text")
        assert (tmp_path / name).read_text() == "text"


@pytest.mark.parametrize("where", ["open", "fsync", "replace"])
def test_an_interruption_leaves_nothing_wherever_it_comes(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f"
    file.write_text("old")
    real = getattr(os, where)

    def interrupted(*arguments: Any) -> Any:
        # The work is done, as when a signal comes during a call of the system.
        done = real(*arguments)
        if where != "open" or arguments[1] & os.O_CREAT:
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patch:
        patch.setattr(os, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_text(file, "new")
    assert os.listdir(tmp_path) == ["f"]
    assert file.read_text() == ("new" if where == "replace" else "old")


def _interrupted_at(number: int, work: Callable[[], object]) -> bool:
    """Interrupts some work at a line of ours, counted from 1; whether there are so many."""
    lines = itertools.count(1)

    def at_line(frame: FrameType, event: str, _: Any) -> Any:
        ours = frame.f_code.co_filename in (files.__file__, contextlib.__file__)
        if ours and event == "line" and next(lines) == number:
            sys.settrace(None)
            raise KeyboardInterrupt
        return at_line

    before = sys.gettrace()
    sys.settrace(at_line)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def _replace(file: Path) -> None:
    write_text(file, "new")


def _fail_to_replace(file: Path) -> None:
    with suppress(ZeroDivisionError), replacing(file) as stream:
        stream.write(b"half")
        raise ZeroDivisionError


def _fill_a_temporary_folder(file: Path) -> None:
    with temporary_folder(file.parent) as folder:
        (folder / "a").mkdir()
        (folder / "a" / "b").write_bytes(b"half")


# A descriptor that is lost between its opening and its first use is closed with the process.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("work", [_replace, _fail_to_replace, _fill_a_temporary_folder])
def test_nothing_is_left_when_python_ends_wherever_an_interruption_comes(
    work: Callable[[Path], None], tmp_path: Path
) -> None:
    file, n_left = tmp_path / "f", 0
    for number in itertools.count(1):
        write_text(file, "old")
        if not _interrupted_at(number, partial(work, file)):
            break
        # The cleaning up may have been cut off, too.
        n_left += len(os.listdir(tmp_path)) > 1
        remove_temporary()
        assert os.listdir(tmp_path) == ["f"], number
        assert file.read_text() in ("old", "new")
    assert number > 30
    assert n_left or work is _replace
