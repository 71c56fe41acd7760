"""What a result was made with: package versions, BLAS, machine, commit."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from recsys import threads

_PACKAGES = ("recsys-mf", "numpy", "scipy", "pandas", "pyarrow", "implicit")


def versions() -> dict[str, str]:
    """Package → version, for the packages that results depend on."""
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
