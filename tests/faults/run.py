"""Attacks the product and counts what comes of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from faults.attacks import ATTACKS, CHECKS
from faults.runs import BUILD
from faults.tally import Tally, saved, table
from faults.worker import Worker, case


def run(name: str, numbers: range, seed: int, worker: Worker) -> Tally:
    """The outcomes of some cases of an attack, or of a check, whose tests have no numbers."""
    tally = Tally(name)
    if name in CHECKS:
        for number, found in enumerate(CHECKS[name]()):
            tally.add(number, seed, found)
        return tally
    outcome = worker.outcome if ATTACKS[name].may_kill else case
    for number in numbers:
        tally.add(number, seed, outcome(name, number, seed))
    return tally


def main() -> int:
    """Runs what the command line asks for; 1 where an outcome is bad."""
    everything = [*ATTACKS, *CHECKS]
    parser = argparse.ArgumentParser(prog="scripts/test --faults", description=__doc__)
    parser.add_argument(
        "attacks",
        nargs="*",
        choices=[*everything, []],
        metavar="ATTACK",
        help=", ".join(everything),
    )
    parser.add_argument("--n", type=int, help="cases of each attack")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="repeat this case only")
    parser.add_argument(
        "--results", type=Path, default=BUILD / "results", help="folder that keeps the counts"
    )
    given = parser.parse_args()
    tallies = []
    for name in given.attacks or everything:
        n = given.n or (ATTACKS[name].n if name in ATTACKS else 0)
        n = n if given.case is None else 1
        start = given.start if given.case is None else given.case
        with Worker() as worker:
            tally = run(name, range(start, start + n), given.seed, worker)
        print("\n".join([*list(table([tally]))[2:3], *tally.bad]), flush=True)
        tallies.append(tally)
        if given.case is None:
            tally.save(given.results)
    print("\n".join(table(tallies if given.case is not None else saved(given.results))))
    return int(any(tally.bad for tally in tallies))
