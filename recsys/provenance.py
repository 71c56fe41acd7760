"""What a result was made with: package versions, BLAS, machine, commit, command line."""

from __future__ import annotations

import platform
import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

from recsys import threads

_PACKAGES = ("recsys-mf", "numpy", "scipy", "pandas", "pyarrow", "implicit")

_USER = re.compile(r"(?<=[\w+.-])://[^\s/@:]*:")
_IN_QUERY = re.compile(r"([?&;][^\s=&;?]*)=[^\s&;]+")
_SECRET = re.compile("pass|pwd|token|secret|key|sig|credential", re.I)
_PAIR = re.compile(r"(\b(?:password|passwd|pwd)=)[^\s&;]+", re.I)


def command_line(arguments: Iterable[str]) -> str:
    """The `recsys` command with these arguments, to be typed again; without passwords.

    >>> command_line(["evaluate", "my ratings.csv", "-k", "5"])
    "recsys evaluate 'my ratings.csv' -k 5"
    """
    return shlex.join(["recsys", *map(without_passwords, arguments)])


def without_passwords(text: str) -> str:
    """The text with PASSWORD in the place of every password or token in an address.

    >>> without_passwords("postgresql://ann:s3cret@host/db?sslmode=require")
    'postgresql://ann:PASSWORD@host/db?sslmode=require'
    """
    text = re.sub(r"\S+", _without_login, text)
    text = _IN_QUERY.sub(lambda m: f"{m[1]}=PASSWORD" if _SECRET.search(m[1]) else m[0], text)
    return _PAIR.sub(r"\1PASSWORD", text)


def _without_login(word: re.Match[str]) -> str:
    # scheme://user:PASSWORD@host, to the last @, because a password may have one in it.
    text, at = word[0], word[0].rfind("@")
    user = _USER.search(text, 0, max(at, 0))
    return text if user is None else f"{text[: user.end()]}PASSWORD{text[at:]}"


def versions() -> dict[str, str]:
    """Package → version, for the packages that results depend on."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import

    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # running from a checkout that was never installed
            found[name] = "not installed"
    return found


def blas() -> list[dict[str, str]]:
    """Name, version and target of each BLAS library that this process has loaded.

    NumPy and SciPy may each bring one; SciPy's is loaded with `scipy.linalg`.
    """
    from threadpoolctl import threadpool_info  # only a result that is written needs it

    found = [
        {
            "name": str(library["internal_api"]),
            "version": str(library["version"]),
            "architecture": str(library.get("architecture", "")),
        }
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    return sorted(found, key=lambda library: tuple(library.values()))


def machine() -> dict[str, str]:
    """Processor, number of cores this process may use, system and Python version."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    return {
        "processor": processor,
        "cores": str(threads.cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def commit() -> str:
    """Short git commit of the checkout that contains the package; "" for an installed package."""
    package = Path(__file__).resolve().parent
    if not (package.parent / "pyproject.toml").exists():
        return ""
    command = ["git", "-C", str(package), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
