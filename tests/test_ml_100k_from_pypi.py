"""MovieLens 100K from a package index: nothing that the index serves is ever executed."""

import functools
import hashlib
import http.server
import importlib.util
import io
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import recsys

WHEEL = "recbole-1.2.1-py3-none-any.whl"
SDIST = "recbole-1.2.1.tar.gz"
HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


@pytest.fixture
def script(root: Path) -> ModuleType:
    path = root / "scripts" / "ml_100k_from_pypi.py"
    spec = importlib.util.spec_from_file_location("ml_100k_from_pypi", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package index, the only one that pip knows."""
    folder = tmp_path / "index" / "recbole"
    folder.mkdir(parents=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    serve = functools.partial(Handler, directory=str(folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        yield folder
        server.shutdown()


def write_wheel(folder: Path) -> str:
    """Writes a wheel with the data set inside; returns the requirement that pins it."""
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("recbole/dataset_example/ml-100k/ml-100k.inter", HEADER + "1\t2\t3\t4\n")
        wheel.writestr("recbole/other.py", "")
        wheel.writestr(
            "recbole-1.2.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: recbole\n"
            "Version: 1.2.1\n",
        )  # fmt: skip
        wheel.writestr("recbole-1.2.1.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        wheel.writestr("recbole-1.2.1.dist-info/RECORD", "")
    digest = hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
    return f"recbole==1.2.1 --hash=sha256:{digest}"


def write_sdist(folder: Path, marker: Path) -> str:
    """Writes a source package whose build writes `marker`; returns the requirement that pins it."""
    backend = f"open({str(marker)!r}, 'w').write('x')\ndef build_wheel(*a, **k): raise SystemExit\n"
    members = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "evil"\n'
        'backend-path = ["."]\n[project]\nname = "recbole"\nversion = "1.2.1"\n',
        "evil.py": backend,
    }
    with tarfile.open(folder / SDIST, "w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(f"recbole-1.2.1/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha256((folder / SDIST).read_bytes()).hexdigest()
    return f"recbole==1.2.1 --hash=sha256:{digest}"


def test_the_data_set_comes_out_of_the_wheel(
    script: ModuleType, index: Path, tmp_path: Path
) -> None:
    target = tmp_path / "data" / "ml-100k"
    target.mkdir(parents=True)  # without ratings: not the data set
    script.bring(target, write_wheel(index))
    assert [file.name for file in target.iterdir()] == ["ml-100k.inter"]
    assert recsys.read_ratings(target).n_ratings == 1
    assert [path.name for path in target.parent.iterdir()] == ["ml-100k"]
    script.bring(target)  # it is there: nothing is downloaded
    assert [path.name for path in target.parent.iterdir()] == ["ml-100k"]


@pytest.mark.parametrize("hash_matches", [False, True])
def test_a_source_package_is_never_built(
    hash_matches: bool,
    script: ModuleType,
    index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")  # a user's own pip settings do not matter
    marker = tmp_path / "executed"
    own = write_sdist(index, marker)
    with pytest.raises(subprocess.CalledProcessError):
        script.bring(tmp_path / "data" / "ml-100k", own if hash_matches else script.REQUIREMENT)
    assert not marker.exists()
    assert list((tmp_path / "data").iterdir()) == []


def test_a_wheel_with_another_hash_is_not_used(
    script: ModuleType, index: Path, tmp_path: Path
) -> None:
    write_wheel(index)
    with pytest.raises(subprocess.CalledProcessError):
        script.bring(tmp_path / "data" / "ml-100k")
    assert list((tmp_path / "data").iterdir()) == []
