"""`recsys serve`: what it refuses, and what its help says."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import RunCommand

from recsys.app.serve import ServeRequest
from recsys.errors import ArgumentError
from recsys.settings import settings_of


def test_its_help_says_what_to_set(recsys_command: RunCommand) -> None:
    code, out, _ = recsys_command("serve", "--help")
    assert code == 0
    for setting in settings_of(ServeRequest):
        flag = setting.flags[0] if setting.flags else "--" + setting.name.replace("_", "-")
        assert setting.name == "model" or flag in out
    assert "needs tokens" in " ".join(out.split())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_open_address_needs_tokens(
    recsys_command: RunCommand, model_path: Path, host: str
) -> None:
    code, _, err = recsys_command("serve", model_path, "--host", host)
    assert code == 2
    assert "clients need tokens: name a file of them with --tokens FILE" in err


def test_an_open_address_with_a_store_asks_for_its_tokens() -> None:
    assert ServeRequest(model="m", host="0.0.0.0", store="sqlite:///x.db").tokens == "store"
    assert ServeRequest(model="m", store="sqlite:///x.db").tokens is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_an_address_of_this_machine_needs_none(host: str) -> None:
    assert ServeRequest(model="m", host=host).tokens is None


def test_there_must_be_a_model(recsys_command: RunCommand, tmp_path: Path) -> None:
    code, _, err = recsys_command("serve")
    assert (code, "name a model file" in err) == (2, True)
    code, _, err = recsys_command("serve", tmp_path / "missing.safetensors")
    assert (code, "missing.safetensors" in err) == (4, True)
    code, _, err = recsys_command("serve", "--store", f"sqlite:///{tmp_path}/store.db")
    assert (code, "train one with recsys retrain" in err) == (4, True)


def test_a_port_in_use_is_one_line(recsys_command: RunCommand, model_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = recsys_command("serve", model_path, "--port", port)
    assert code == 2
    assert f"cannot listen at 127.0.0.1, port {port}: Address already in use" in err


def test_a_missing_library_is_one_line(
    recsys_command: RunCommand, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)
    code, _, err = recsys_command("serve", model_path)
    assert code == 4
    assert err == (
        'recsys: serving needs orjson; install it with pip install "recsys-mf[service]"\n'
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tokens": "store"}, "no store to read tokens from"),
        ({"port": 70000}, "port must be"),
        ({"workers": 0}, "workers must be"),
        ({"timeout": 0}, "timeout must be"),
    ],
)
def test_wrong_settings(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        ServeRequest(model="m", **given)
