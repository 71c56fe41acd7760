#!/usr/bin/env python3
"""Times the main jobs of recsys and of other libraries, and prints the ratios.

Each round runs every contender of a job once, in turn, so that a noisy machine affects all of them
alike; the table shows medians. Libraries that are not installed are left out. The synthetic matrix
has the shape of MovieLens 20M: lognormal users, Zipf items, a fixed seed. Jobs on real data need
MovieLens 1M and 100K in data/ml-1m and data/ml-100k.

    scripts/benchmark.py                      all jobs; half an hour with all libraries installed
    scripts/benchmark.py epoch read --rounds 5
    scripts/benchmark.py --size 0.1 --json benchmark.json
    scripts/benchmark.py --install-peers      install irspack, cmfrec and Surprise into .peers/
    scripts/benchmark.py --runs 2 --write     write docs/performance.md and the README
    scripts/benchmark.py top-k --add-to benchmark.json --write    repeat one job, keep the others
    scripts/benchmark.py --readme             update the README from docs/performance.md
"""

import argparse
import json
import os
import subprocess
import tempfile
import venv
from pathlib import Path
from statistics import median
from typing import Any

from benchmark_jobs import JOBS
from benchmark_jobs.case import Case, Setting
from benchmark_jobs.peer import PEERS, ROOT, Answer, Peer, peer_python
from benchmark_tables import Line, cells, earlier, table, write, write_readme
from threadpoolctl import threadpool_limits

from recsys import kernels, provenance
from recsys.threads import default_threads


def install_peers() -> None:
    """Creates an environment for each peer, because they need different versions of NumPy."""
    for name, packages in PEERS.items():
        folder = ROOT / ".peers" / name
        print(f"installing {name} into {folder.relative_to(ROOT)}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *packages]
        if subprocess.run(command, check=False).returncode:
            print(f"{name} could not be installed and will be left out", flush=True)


def measure(case: Case, rounds: int) -> dict[str, Answer]:
    """Medians of each contender's numbers, after one round to warm up."""
    answers: dict[str, list[Answer]] = {name: [] for name in case.contenders}
    for counted in [True] if case.once else [False] + [True] * max(rounds, case.rounds):
        for name, contender in case.contenders.items():
            answer = contender() or {}
            if counted:
                answers[name].append(answer)
    found = {
        name: {key: median(answer[key] for answer in given) for key in given[0]}
        for name, given in answers.items()
    }
    for name, more in case.add(found).items():
        found[name] |= more
    return found


def run(job: str, setting: Setting, rounds: int, lines: list[Line]) -> None:
    """Measures the cases of a job; prints each line and adds it to `lines`."""
    for case in JOBS[job](setting):
        found = measure(case, rounds)
        ours = next(iter(found.values()))[case.shown]
        for who, answer in found.items():
            line = next((x for x in lines if (x.title, x.contender) == (case.title, who)), None)
            if line is None:
                line = Line(job, case.title, who, case.target, case.shown)
                lines.append(line)
            line.values.append(answer[case.shown])
            line.ratios.append(answer[case.shown] / ours)
            kept = {k: v for k, v in answer.items() if k not in ("seconds", "peak", case.shown)}
            line.reached.append(kept)
            print(cells(line), flush=True)
        for contender in case.contenders.values():
            if isinstance(contender, Peer):
                contender.close()


def run_all(jobs: list[str], options: argparse.Namespace) -> list[Line]:
    """Measures all jobs, as often as `--runs` says."""
    lines: list[Line] = []
    print(table([]), end="", flush=True)
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as folder, threadpool_limits(1, "blas"):
            setting = Setting(Path(folder), options.size, default_threads())
            for job in jobs:
                run(job, setting, options.rounds, lines)
    return lines


def about() -> dict[str, Any]:
    """Machine, versions and commit of a benchmark."""
    kernel = {
        "threads": default_threads(),
        "instruction set": os.environ.get("RECSYS_ISA", kernels.INSTRUCTION_SETS[0]),
    }
    versions = provenance.versions()
    for name, packages in PEERS.items():
        python = peer_python(name)
        if python is not None:
            code = f"from importlib.metadata import version; print(version({packages[0]!r}))"
            command = [str(python), "-c", code]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            versions[name] = done.stdout.strip()
    return provenance.machine() | kernel | {"versions": versions, "commit": provenance.commit()}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("jobs", nargs="*", help=f"any of {', '.join(JOBS)}; default: all")
    made.add_argument("--rounds", type=int, default=3, help="rounds per job (default: 3)")
    made.add_argument("--runs", type=int, default=1, help="repeat everything this many times")
    made.add_argument("--size", type=float, default=1.0, help="share of the full matrix")
    made.add_argument("--json", type=Path, help="write all numbers, machine and versions here")
    made.add_argument("--add-to", type=Path, help="take jobs that do not run from such a file")
    made.add_argument("--write", action="store_true", help="write the tables into the pages")
    made.add_argument("--readme", action="store_true", help="only update the README's ratios")
    made.add_argument("--install-peers", action="store_true", help="only install the peers")
    return made


def benchmark(jobs: list[str], kept: list[Line], options: argparse.Namespace) -> None:
    """Measures the jobs, and writes what is asked for together with the lines that are kept."""
    lines = run_all(jobs, options)
    made_with = about()
    for line in lines:
        line.commit = made_with["commit"]
    lines = sorted(lines + kept, key=lambda line: list(JOBS).index(line.job))
    print("\n" + ", ".join(f"{k} {v}" for k, v in made_with.items() if k != "versions"))
    if options.json:
        found = {"machine": made_with, "lines": [vars(line) for line in lines]}
        options.json.write_text(json.dumps(found, indent=2))
    if options.write:
        write(lines, made_with, options.rounds)


def main() -> None:
    """Checks the arguments, then does what they ask for."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    options = parser().parse_args()
    jobs, kept = options.jobs or list(JOBS), []
    if set(jobs) - set(JOBS) or options.rounds < 1 or options.runs < 1 or options.size <= 0:
        parser().error(f"jobs are {', '.join(JOBS)}; rounds and runs at least 1, size above 0")
    if options.add_to:
        try:
            kept = [line for line in earlier(options.add_to) if line.job not in jobs]
        except (OSError, ValueError, KeyError, TypeError):
            parser().error(f"{options.add_to} is not a file that --json wrote")
    if options.install_peers:
        install_peers()
    elif options.readme:
        write_readme()
    else:
        benchmark(jobs, kept, options)


if __name__ == "__main__":
    main()
