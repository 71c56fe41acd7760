"""The kernels under the sanitizers of the compiler: memory, undefined behaviour, data races."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from faults.pytests import outcomes
from faults.runs import BUILD, ROOT
from faults.tally import Outcome

SANITIZERS = {"address": ("asan", "ubsan"), "thread": ("tsan",)}
"""Name → the libraries that are loaded before Python."""
_FLAGS = {
    "address": "-fsanitize=address,undefined -fno-sanitize-recover=undefined",
    "thread": "-fsanitize=thread",
}
_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0",  # Python itself does not free everything
    "UBSAN_OPTIONS": "print_stacktrace=1",
    # What was compiled without the sanitizer, as NumPy, is not looked at.
    "TSAN_OPTIONS": "ignore_noninstrumented_modules=1:exitcode=66",
}


def kernels(name: str) -> Iterator[Outcome]:
    """An outcome for each test of the kernels under a sanitizer."""
    package = _built(name)
    libraries = [_library(one) for one in SANITIZERS[name]]
    environment = os.environ | _OPTIONS | {
        "LD_PRELOAD": " ".join(libraries), "PYTHONPATH": str(package), "PYTHONMALLOC": "malloc",
        "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    # Python's own handler of signals and pytest's capture hide what a sanitizer says.
    options = ["-p", "no:faulthandler", "--capture=no", "tests/kernels"]
    # -P, so that neither the checkout nor what is installed is tested, but what was built here.
    python = [sys.executable, "-P"]
    asked = [*python, "-c", "import recsys.kernels as tested; print(tested.__file__)"]
    tested = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert tested.stdout.startswith(str(package)), tested.stdout + tested.stderr
    yield from outcomes([*python, "-m", "pytest", *options], environment)


def _built(name: str) -> Path:
    # A folder with the package, its kernels compiled for a sanitizer.
    package, build = BUILD / f"{name}-package", BUILD / f"{name}-build"
    shutil.rmtree(package, ignore_errors=True)
    source = ROOT / "recsys"
    shutil.copytree(source, package / "recsys", ignore=shutil.ignore_patterns("*.so", "src"))
    tools = _tools()
    nanobind = subprocess.run(
        [tools / "python", "-P", "-m", "nanobind", "--cmake_dir"],
        capture_output=True,
        text=True,
        check=True,
    )
    flags = f"{_FLAGS[name]} -fno-omit-frame-pointer -g1"
    configure = ["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(build),
                 "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                 f"-DPython_EXECUTABLE={sys.executable}", f"-DCMAKE_CXX_FLAGS={flags}",
                 f"-Dnanobind_DIR={nanobind.stdout.strip()}"]  # fmt: skip
    for command in (configure, ["cmake", "--build", str(build)]):
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    (made,) = build.glob("_kernels*.so")
    shutil.copy(made, package / "recsys" / "kernels")
    assert f"__{SANITIZERS[name][0]}_init".encode() in made.read_bytes()
    return package


def _tools() -> Path:
    # A folder of programs with what builds the package, which its environment need not have.
    folder = BUILD / "tools"
    subprocess.run([sys.executable, "-P", "-m", "venv", folder], check=True)
    packages = ["nanobind", "cmake", "ninja"]
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", *packages], check=True)
    return folder / "bin"


def _library(name: str) -> str:
    compiler = os.environ.get("CXX", "c++")
    asked = [compiler, f"-print-file-name=lib{name}.so"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
