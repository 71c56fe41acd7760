import json
import subprocess
import sys
from importlib.metadata import version

import numpy as np

from recsys import provenance


def test_versions_are_those_installed() -> None:
    found = provenance.versions()
    assert found["numpy"] == np.__version__
    assert found["pyarrow"] == version("pyarrow")
    assert "recsys-mf" in found


def test_versions_does_not_import_what_it_names() -> None:
    code = "from recsys import provenance; provenance.versions(); import sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
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
