"""`recsys store`, on both kinds of database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import RunCommand

import recsys
from recsys.cli.store import COMMANDS
from recsys.store.database.records import Rating


@pytest.fixture
def imported(recsys_command: RunCommand, root: Path, store_url: str) -> str:
    code, out, err = recsys_command("store", "import", root / "data" / "sample", store_url)
    assert code == 0
    assert "8,848 ratings" in out
    assert "columns" in err
    assert "sesame" not in out + err
    return store_url


def test_import_train_and_export(
    recsys_command: RunCommand, imported: str, sample: recsys.Ratings, tmp_path: Path
) -> None:
    model = tmp_path / "m.safetensors"
    code, out, err = recsys_command("train", imported, "--model", "popularity", "--out", model)
    assert code == 0
    assert "sesame" not in out + err + model.read_bytes().decode(errors="ignore")
    assert recsys.load(model).factors.users == sample.users
    for to in ("csv", "parquet"):
        folder = tmp_path / to
        code, out, _ = recsys_command("store", "export", imported, folder, "--to", to, "--json")
        assert code == 0
        assert [Path(one).name for one in json.loads(out)["files"]] == [
            f"ratings.{to}", f"items.{to}",
        ]  # fmt: skip
        again = recsys.read_ratings(folder)
        assert again.fingerprint == sample.fingerprint
        assert again.item_table["title"].tolist() == sample.item_table["title"].tolist()


def test_show_and_forget(recsys_command: RunCommand, imported: str) -> None:
    code, out, _ = recsys_command("store", "show", imported, "--json")
    shown = json.loads(out)
    assert code == 0
    assert (shown["users"], shown["items"], shown["ratings"]) == (300, 200, 8848)
    assert shown["ids"] == {"user": "integer", "item": "integer"}
    assert shown["durable"] in (
        "journal_mode=wal, synchronous=FULL",
        "fsync=on, synchronous_commit=on",
    )
    assert recsys_command("store", "show", imported)[1].startswith("store")
    code, out, _ = recsys_command("store", "forget", imported, "42", "--by", "ann")
    assert (code, out) == (0, "42 is forgotten; 15 ratings deleted\n")
    code, _, err = recsys_command("store", "forget", imported, "bob")
    assert code == 2
    assert "user ids of this store are integers" in err


def test_tokens(recsys_command: RunCommand, imported: str) -> None:
    code, out, _ = recsys_command("store", "token", "add", imported, "web", "--scopes", "read")
    assert code == 0
    with recsys.RatingsStore.open(imported) as store:
        found = store.tokens.find(out.strip())
        assert found is not None
        assert (found.name, found.scopes) == ("web", ("read",))
    assert "web  read; made" in recsys_command("store", "token", "list", imported)[1]
    assert recsys_command("store", "token", "revoke", imported, "web")[0] == 0
    assert "revoked" in recsys_command("store", "token", "list", imported)[1]
    code, out, _ = recsys_command("store", "token", "list", imported, "--json")
    assert json.loads(out)[0]["revoked"] is True
    code, _, err = recsys_command("store", "token", "revoke", imported, "app")
    assert (code, err) == (3, "recsys: there is no token 'app'\n")
    code, _, err = recsys_command("store", "token", "add", imported, "a", "--scopes", "reed")
    assert code == 2
    assert "scopes are read, write, admin, not 'reed'" in err


def test_upgrade_of_what_is_current(recsys_command: RunCommand, imported: str) -> None:
    assert recsys_command("store", "upgrade", imported)[1] == "already version 0002\n"


def test_what_is_no_store(recsys_command: RunCommand, tmp_path: Path, root: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    code, _, err = recsys_command("store", "show", url)
    assert (code, err) == (
        3,
        f"recsys: {url}: no such store; create one with recsys store import\n",
    )
    (tmp_path / "none.db").write_text("words, and no database at all" * 100)
    code, _, err = recsys_command("store", "show", url)
    assert code == 3
    assert "not a database" in err
    code, _, err = recsys_command("store", "import", root / "data" / "sample", "mysql://a:b@c/d")
    assert code == 2
    assert "sqlite:///FILE or postgresql://" in err
    assert ":b@" not in err
    code, _, err = recsys_command("store", "import", tmp_path / "nothing", url)
    assert code == 3
    nowhere = f"sqlite:///{tmp_path}/no/folder.db"
    code, _, err = recsys_command("store", "import", root / "data" / "sample", nowhere)
    assert code == 7
    assert "a folder that can be written to" in err
    code, _, err = recsys_command("store", "show", "postgresql://u:secret@127.0.0.1:1/x")
    assert code == 7
    assert "u:PASSWORD@" in err


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("sqlalchemy", ["store", "show", "sqlite:///x.db"]),
        ("alembic", ["store", "show", "sqlite:///x.db"]),
        ("sqlalchemy", ["doctor", "sqlite:///x.db"]),
        ("psycopg", ["store", "show", "postgresql://h/x"]),
        ("psycopg", ["doctor", "postgresql://h/x"]),
    ],
)
def test_a_missing_extra_is_named(missing: str, arguments: list[str], tmp_path: Path) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"from recsys.cli.main import run; run({arguments!r})"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert missing in done.stderr.lower()
    assert 'pip install "recsys-mf[sql]"' in done.stderr


def test_the_group_shows_its_commands(recsys_command: RunCommand) -> None:
    code, out, _ = recsys_command("store")
    assert code == 0
    for name in COMMANDS:
        assert name.split()[0] in out
    code, _, err = recsys_command("store", "nothing")
    assert code == 2
    assert "No such command 'nothing'" in err


def test_the_reference_names_every_command_and_option(
    recsys_command: RunCommand, root: Path
) -> None:
    page = (root / "docs" / "reference.md").read_text()
    section = page.split("### recsys store\n")[1].split("\n## ")[0]
    for name in COMMANDS:
        assert f"`recsys store {name} " in section
        code, out, _ = recsys_command("store", *name.split(), "--help")
        assert code == 0
        for word in out.split():
            if word.startswith("--") and word not in ("--help", "--no-header"):
                assert word.rstrip(",") in section, f"{name} {word}"


def test_a_person_can_be_written_to_an_imported_store(imported: str) -> None:
    with recsys.RatingsStore.open(imported) as store:
        store.write(42, [Rating(1, 0.5)])
        given = store.given(42)
        assert given is not None
        assert given.values[given.items == 1].tolist() == [0.5]
