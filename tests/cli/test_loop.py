"""`recsys retrain`, `recsys models` and `recsys online`: what they print, and exit codes."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nightly
import pandas as pd
import pytest
import typer
from commands import RunCommand
from stores import write

from recsys.cli.main import app
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Served

SMALL = "--model", "pure-svd", "--set", "n_factors=10"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return nightly.ratings()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def store(url: str) -> Iterator[RatingsStore]:
    with RatingsStore.open(url, create=True) as opened:
        yield opened


def test_a_week_of_the_loop(
    store: RatingsStore, url: str, frame: pd.DataFrame, recsys_command: RunCommand
) -> None:
    code, _, err = recsys_command("models", "list", "--store", url)
    assert (code, "main has no versions; recsys retrain trains the first one" in err) == (0, True)
    write(store, frame[:5000])
    code, out, err = recsys_command("retrain", "--store", url, *SMALL)
    assert code == 0
    assert "5,000 ratings" in out
    assert "result  main: version 1 is in service" in out
    assert "read     sqlite:///" in err
    code, out, _ = recsys_command("retrain", "--store", url)
    assert (code, out) == (
        0,
        "result  main: version 1 stays in service; there are no new ratings\n",
    )
    write(store, frame[5000:5030])
    code, out, err = recsys_command("retrain", "--store", url)
    assert (code, "version 2 was refused" in out) == (6, True)
    assert "recsys: gate undecided: " in err
    write(store, frame[5030:])
    code, out, err = recsys_command("retrain", "--store", url, "--model", "popularity", "--json")
    assert (code, "recsys: gate closed: " in err) == (5, True)
    found = json.loads(out)
    assert (found["outcome"], found["before"]) == ("refused", 1)
    assert found["version"]["state"] == "refused"
    assert found["gate"]["decision"] == "closed"
    code, out, _ = recsys_command("retrain", "--store", url, "--margin", "50%", "--ab", "10%")
    assert (code, "version 4 serves 10 % of the users, version 1 the others" in out) == (0, True)
    assert "gate    open: candidate is not worse" in out
    code, out, err = recsys_command("models", "promote", 4, "--store", url)
    assert (code, "main: version 4 is in service" in err) == (0, True)
    table = [line.split() for line in out.splitlines()[2:]]
    assert [(row[0], row[1]) for row in table if row] == [
        ("4", "current"), ("3", "refused"), ("2", "refused"), ("1", "retired"),
    ]  # fmt: skip
    code, out, _ = recsys_command("models", "rollback", "--store", url, "--json")
    assert json.loads(out)["versions"][0]["state"] == "current"


def test_the_second_of_two_at_once_says_so(
    store: RatingsStore, url: str, frame: pd.DataFrame, recsys_command: RunCommand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from recsys.app import retrain

    write(store, frame[:2000])
    monkeypatch.setenv("RECSYS_STORE", url)
    with retrain._alone(store, "main"):
        code, out, err = recsys_command("retrain", *SMALL)
    assert (code, out) == (7, "")
    assert "main is being retrained by another process; this one did nothing" in " ".join(
        err.split()
    )
    assert recsys_command("retrain", *SMALL)[0] == 0


def test_online_prints_rates_with_intervals(
    store: RatingsStore, url: str, recsys_command: RunCommand, tmp_path: Path
) -> None:
    code, out, err = recsys_command("online", "--store", url)
    assert (code, out, "no lists were served since" in err) == (0, "", True)
    now = time.time()
    store.served(
        [
            Served(f"{user}", [1], "12" if user % 2 else "13", user, "current", now)
            for user in range(80)
        ]
    )
    for user in range(40):
        store.feedback(str(user), 1, "click")
    code, out, err = recsys_command("online", "--store", url)
    assert code == 0
    assert "50.0 % [" in out
    assert "click-through: version 13 against version 12 is undecided, difference " in " ".join(
        out.split()
    )
    assert "95 % bootstrap intervals over users" in " ".join(err.split())
    found = json.loads(recsys_command("online", "--store", url, "--json")[1])
    assert [one["lists"] for one in found["versions"]] == [40, 40]
    assert {one["measure"] for one in found["differences"]} == {"click_through", "hit_rate"}
    report = tmp_path / "online.html"
    assert recsys_command("online", "--store", url, "--report", report)[0] == 0
    page = report.read_text()
    assert '<h1 id="headline">No version is known to do better</h1>' in page
    assert "12 (current)" in page
    recsys_command("online", "--store", url, "--report", tmp_path / "online.json")
    assert json.loads((tmp_path / "online.json").read_text())["versions"] == found["versions"]
    code, _, err = recsys_command("online", "--store", url, "--report", "online.txt")
    assert (code, "report must end in .html, .json" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["retrain"], 2, "store is missing"),
        (["retrain", "--store", "sqlite:///no/such.db"], 3, "no such store"),
        (["models", "list", "--store", "mysql://host/db"], 2, "is sqlite:///FILE or postgresql://"),
        (["online", "--store", "ratings.csv"], 2, "is sqlite:///FILE or postgresql://"),
    ],
)
def test_a_store_that_is_none_is_named(
    arguments: list[str], code: int, message: str, recsys_command: RunCommand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("RECSYS_STORE", raising=False)
    found, _, err = recsys_command(*arguments)
    assert (found, message in err) == (code, True), err


@pytest.mark.parametrize("command", ["retrain", "models", "online"])
def test_the_reference_names_every_option(command: str, root: Path) -> None:
    page = (root / "docs" / "reference.md").read_text()
    section = page.split(f"### recsys {command}\n")[1].split("\n#")[0]
    group: Any = typer.main.get_command(app)
    for one in group.get_command(None, command).params:
        for name in (*one.opts, *one.secondary_opts):
            assert not name.startswith("--") or name == "--help" or name in section, name
