"""`recsys ask`, through a pseudo-terminal."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from commands import RunCommand

import recsys


class Terminal:
    """A `recsys ask` that somebody talks to."""

    def __init__(self, *arguments: object, cwd: Path) -> None:
        self._main, other = pty.openpty()
        command = [sys.executable, "-P", "-m", "recsys", "ask", *map(str, arguments)]
        environment = os.environ | {"COLUMNS": "100", "TERM": "dumb"}
        self._process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, cwd=cwd, env=environment
        )
        os.close(other)
        self.screen = ""

    def until(self, text: str, seconds: float = 120) -> str:
        """What is shown up to a text."""
        end = time.monotonic() + seconds
        while text not in self.screen:
            ready, _, _ = select.select([self._main], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {text!r} in {self.screen!r}"
            try:
                self.screen += os.read(self._main, 65536).decode()
            except OSError:  # the other side is gone
                break
        assert text in self.screen, self.screen
        before, _, self.screen = self.screen.partition(text)
        return before + text

    def say(self, line: str) -> None:
        os.write(self._main, f"{line}\n".encode())

    def rest(self) -> str:
        while True:
            try:
                self.screen += os.read(self._main, 65536).decode()
            except OSError:
                break
        code = self._process.wait(60)
        assert code == 0, self.screen
        return self.screen


def test_a_conversation_ends_in_a_list_with_reasons(model_path: Path, tmp_path: Path) -> None:
    model = recsys.load(model_path)
    first = model.onboard(1)["title"][0]
    talk = Terminal(model_path, "--questions", 3, "-n", 2, "--save", "mine.csv", cwd=tmp_path)
    assert first in talk.until("1 of 3") + talk.until(": ")
    talk.say("s")  # not seen: another one is asked about
    second = model.onboard(1, answered={int(model.onboard(1)["item"][0]): None})["title"][0]
    assert second in talk.until("1 of 3") + talk.until(": ")
    talk.say("9")
    talk.until("must be on the scale of the training ratings, 0.5 to 5, not 9")
    talk.until(": ")
    talk.say("5")
    talk.until("2 of 3")
    talk.until(": ")
    other = model.item_table["title"][41]
    talk.say(other.lower())
    talk.until(f"2 of 3  {other}: ")
    talk.say("4.5")
    talk.until("3 of 3")
    talk.until(": ")
    talk.say("")  # enough
    shown = talk.rest()
    assert "For you, from 2 ratings" in shown
    saved = pd.read_csv(tmp_path / "mine.csv")
    assert saved["rating"].tolist() == [5, 4.5]
    assert saved["title"].tolist() == [second, other]
    person = dict(zip(saved["item"], saved["rating"], strict=True))
    best = model.recommend_for(person, 2)["title"].tolist()
    assert all(title in shown for title in best)
    assert f"1 {best[0]}: because you" in " ".join(shown.split())


def test_no_answers_give_the_most_popular(model_path: Path, tmp_path: Path) -> None:
    talk = Terminal(model_path, "-n", 2, cwd=tmp_path)
    talk.until("1 of 10")
    talk.until(": ")
    talk.say("")
    assert "no ratings, so these are the most popular items" in talk.rest()


def test_it_needs_a_terminal(recsys_command: RunCommand, model_path: Path) -> None:
    code, _, err = recsys_command("ask", model_path)
    assert code == 2
    assert "ask needs a terminal" in err


@pytest.mark.parametrize("save", ["mine.txt", "/nowhere/at/all/mine.csv"])
def test_a_file_that_cannot_be_written_is_refused_first(
    save: str, recsys_command: RunCommand, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    code, _, err = recsys_command("ask", model_path, "--save", save)
    if save.endswith(".txt"):
        assert code == 2
        assert "save must end in .csv" in err
