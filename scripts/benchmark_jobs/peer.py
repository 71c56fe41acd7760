"""`Peer`: a library at work in a process and an environment of its own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

SCRIPTS = Path(__file__).resolve().parents[1]
ROOT = SCRIPTS.parent

PEERS = {
    "irspack": ["irspack"],
    "cmfrec": ["cmfrec", "threadpoolctl"],
    "surprise": ["scikit-surprise", "pandas"],
    "myfm": ["myfm"],
}
"""Libraries that get an environment of their own, and the packages installed there."""

Answer = dict[str, float]


def peer_python(library: str) -> Path | None:
    """The Python of a peer's environment; None where it is not installed."""
    python = ROOT / ".peers" / library / "bin" / "python"
    return python if python.exists() else None


class Peer:
    """A worker process; see scripts/benchmark_peer.py for what it does."""

    def __init__(
        self,
        python: Path,
        library: str,
        job: str,
        settings: dict[str, Any],
        script: Path = SCRIPTS / "benchmark_peer.py",
    ) -> None:
        threads = str(settings["threads"])
        limits = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        limits |= dict.fromkeys(("RECSYS_NUM_THREADS", "OMP_NUM_THREADS"), threads)
        self._name = f"{library} {job}"
        self._process = subprocess.Popen(
            [str(python), str(script), library, job, json.dumps(settings, default=str)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=SCRIPTS,
            env=os.environ | limits,
        )
        self._read("ready")

    def _read(self, expected: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(expected):
                return line
        raise RuntimeError(f"the process of {self._name} ended early")

    def _request(self, line: str) -> Answer:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer: Answer = json.loads(self._read("{"))
        return answer

    def __call__(self) -> Answer:
        """Runs the job once and returns its numbers."""
        return self._request("go")

    def factors(self, path: Path) -> tuple[Any, Any]:
        """The current user and item factors, passed through the file at `path`."""
        self._request(f"save {path}")
        with np.load(path) as file:
            return file["x"], file["y"]

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        with self._process:  # closes its pipes and waits
            pass
