import json
import shlex
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest

from recsys import provenance
from recsys.ratings.account import Account


def test_versions_are_those_installed() -> None:
    found = provenance.versions()
    assert found["numpy"] == np.__version__
    assert found["pyarrow"] == version("pyarrow")
    assert "recsys-mf" in found


def test_versions_does_not_import_what_it_names() -> None:
    code = "from recsys import provenance; provenance.versions(); import sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"scipy", "pandas", "pyarrow", "implicit"} & set(loaded)


def test_blas_is_that_of_numpy() -> None:
    found = provenance.blas()
    built_with = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    assert all(set(library) == {"name", "version", "architecture"} for library in found)
    assert any(library["name"] in built_with for library in found)
    assert json.loads(json.dumps(found)) == found


def test_machine_is_described_in_text() -> None:
    about = provenance.machine()
    assert int(about["cores"]) >= 1
    assert about["python"] == ".".join(map(str, sys.version_info[:3]))
    assert about["processor"]


def test_commit_is_empty_or_a_short_hash() -> None:
    described = provenance.commit().removesuffix("-dirty")
    assert described == "" or (len(described) >= 10 and int(described, 16) >= 0)


def test_a_command_can_be_typed_again() -> None:
    arguments = ["evaluate", "my ratings.csv", "--set", "ease.regularization=5", "it's.html"]
    typed = provenance.command_line(arguments)
    assert shlex.split(typed) == ["recsys", *arguments]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://ann:s3cret@host:5432/db", "postgresql://ann:PASSWORD@host:5432/db"),
        ("postgresql+psycopg://ann:p@s3cret@h/db", "postgresql+psycopg://ann:PASSWORD@h/db"),
        ("postgresql://:s3cret@/db?host=/run", "postgresql://:PASSWORD@/db?host=/run"),
        ("postgresql://h/db?user=ann&password=s3cret&x=1", "postgresql://h/db?user=ann&password="
         "PASSWORD&x=1"),
        ("https://h/f.csv?X-Amz-Signature=s3cret&a=1", "https://h/f.csv?X-Amz-Signature=PASSWORD"
         "&a=1"),
        ("https://h/f.csv?access_token=s3cret", "https://h/f.csv?access_token=PASSWORD"),
        ("host=h password=s3cret dbname=d", "host=h password=PASSWORD dbname=d"),
        ("postgresql://ann@host/db", "postgresql://ann@host/db"),
        ("sqlite:///data/ratings.db?table=keys", "sqlite:///data/ratings.db?table=keys"),
        ("data/a:b@c.csv", "data/a:b@c.csv"),
    ],
)  # fmt: skip
def test_no_password_is_written(address: str, shown: str) -> None:
    assert provenance.without_passwords(address) == shown
    assert "s3cret" not in provenance.command_line(["evaluate", address])
    assert Account(address, "SQL", {}).source == shown
