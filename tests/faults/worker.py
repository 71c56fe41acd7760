"""A process that runs cases of attacks, because it may die: a line in and a line out for each."""

from __future__ import annotations

import faulthandler
import json
import os
import random
import select
import subprocess
import sys
import tempfile
from types import TracebackType

from faults.runs import ROOT, TIMEOUT
from faults.tally import CRASH, HANG, Outcome


class Worker:
    """The process, started when it is needed; use it in a `with` statement."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._err = tempfile.TemporaryFile("w+")  # noqa: SIM115

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end()
        self._err.close()

    def outcome(self, name: str, number: int, seed: int) -> Outcome:
        """The outcome of one case."""
        process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{name} {number} {seed}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], TIMEOUT)
        line = process.stdout.readline() if ready else ""
        if line:
            return Outcome(**json.loads(line))
        code = self._end()
        self._err.seek(0)
        said = self._err.read()[-1500:]
        return Outcome(CRASH if ready else HANG, f"exit status {code}: {said}")

    def _started(self) -> subprocess.Popen[str]:
        # -P, so that not the checkout but what is installed is under test.
        path = [str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._err.seek(0)
        self._err.truncate()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "faults.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._err, text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        )  # fmt: skip
        return self._process

    def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        process.communicate()
        return process.returncode


def case(name: str, number: int, seed: int) -> Outcome:
    """The outcome of one case, in this process."""
    from faults.attacks import ATTACKS

    return ATTACKS[name].attack(number, random.Random(f"{name} {seed} {number}"))


def main() -> None:
    """Answers cases until there are no more."""
    faulthandler.enable()
    for line in sys.stdin:
        name, number, seed = line.split()
        print(json.dumps(case(name, int(number), int(seed))._asdict()), flush=True)


if __name__ == "__main__":
    main()
