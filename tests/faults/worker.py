"""A process that runs cases of an attack and prints an outcome for each, because it may die."""

from __future__ import annotations

import faulthandler
import json
import random
import select
import subprocess
import sys
from collections.abc import Callable, Iterator

from faults.runs import ROOT, TIMEOUT
from faults.tally import CRASH, HANG, Outcome

Attack = Callable[[int, random.Random], Outcome]


def outcomes(name: str, numbers: range, seed: int) -> Iterator[tuple[int, Outcome]]:
    """The number and outcome of each case, from as many processes as die and one more."""
    todo = numbers
    while todo:
        command = [sys.executable, "-m", "faults.worker", name, str(seed)]
        process = subprocess.Popen(
            [*command, str(todo.start), str(todo.stop)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        stream = process.stdout
        assert stream is not None
        for number in todo:
            ready, _, _ = select.select([stream], [], [], TIMEOUT)
            line = stream.readline() if ready else ""
            if not line:
                break
            yield number, Outcome(**json.loads(line))
        else:
            process.wait()
            return
        process.kill()
        _, err = process.communicate()
        kind = CRASH if ready else HANG
        yield number, Outcome(kind, f"exit status {process.returncode}: {err[-1500:]}")
        todo = range(number + 1, todo.stop)


def case(name: str, number: int, seed: int) -> Outcome:
    """The outcome of one case, in this process."""
    from faults.attacks import ATTACKS

    return ATTACKS[name].attack(number, random.Random(f"{name} {seed} {number}"))


def main() -> None:
    """Runs cases `start` to `stop` of an attack with a seed."""
    faulthandler.enable()
    name, seed, start, stop = sys.argv[1], *map(int, sys.argv[2:])
    for number in range(start, stop):
        print(json.dumps(case(name, number, seed)._asdict()), flush=True)


if __name__ == "__main__":
    main()
