"""The keys of every command's JSON in version 0.1.0 are still there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., tuple[int, str, str]]

FILE = Path(__file__).with_name("json_keys_0_1_0.json")
COMMANDS: dict[str, dict[str, str]] = json.loads(FILE.read_text())


def keys(value: Any, path: str = "") -> set[str]:
    """Every path of keys in a JSON document; `[]` for the elements of a list."""
    if isinstance(value, dict):
        inside = [keys(one, f"{path}{key}.") for key, one in value.items()]
        return {path + key for key in value}.union(*inside)
    if isinstance(value, list):
        return set().union(*(keys(one, f"{path}[].") for one in value[:50]))
    return set()


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the commands run in order: later ones use the models of earlier ones."""
    folder = tmp_path_factory.mktemp("json")
    (folder / "DATA").symlink_to(root / "data" / "sample")
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_every_key_of_0_1_0_is_still_there(
    name: str, folder: Path, recsys_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    needed = {"m": "train", "e": "train --model explicit-als"}
    for file, command in needed.items():
        if not (folder / file).exists() and not name.startswith("train"):
            recsys_command(*COMMANDS[command]["arguments"].split())
    for report, model in (("a.json", "pure-svd"), ("b.json", "biases")):
        if name == "compare":
            recsys_command("evaluate", "DATA", "--models", model, "--report", report)
    code, printed, error = recsys_command(*COMMANDS[name]["arguments"].split())
    assert code == 0, error
    expected = {key.replace("~", " ") for key in COMMANDS[name]["keys"].split()}
    assert expected - keys(json.loads(printed)) == set()
