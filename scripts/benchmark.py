#!/usr/bin/env python3
"""Times the main jobs beside their peers, in one run and in alternation, and prints the ratios.

Every contender of a job runs once per round, in turn, so that a noisy machine disturbs all alike;
the table shows medians. Peers that are not installed are left out. The synthetic matrix has the
shape of MovieLens 20M: lognormal users, Zipf items, seeded; jobs on MovieLens 1M and 100K need them
in data/ml-1m and data/ml-100k.

    scripts/benchmark.py                      all jobs, about half an hour with the peers
    scripts/benchmark.py epoch read --rounds 5
    scripts/benchmark.py --size 0.1 --json benchmark.json
    scripts/benchmark.py --install-peers      irspack, cmfrec and Surprise, each in .peers/
    scripts/benchmark.py --runs 2 --write     and puts the tables into README.md and docs/
    scripts/benchmark.py top-k --add-to benchmark.json --write    only this job anew
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmark_jobs import JOBS, PEERS, ROOT, Answer, Case, Peer, Setting
from threadpoolctl import threadpool_limits

from recsys import kernels, provenance
from recsys.threads import default_threads

PAGES = {"README.md": False, "docs/performance.md": True}
"""Where the table stands, and whether there with what was asked."""


@dataclass
class Line:
    """What one contender took, run by run."""

    job: str
    title: str
    contender: str
    asked: str
    shown: str
    values: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    reached: list[Answer] = field(default_factory=list)
    detail: bool = False
    commit: str = ""


def install_peers() -> None:
    """Makes an environment for each peer: their requirements of NumPy disagree."""
    for name, packages in PEERS.items():
        folder = ROOT / ".peers" / name
        print(f"{name} into {folder.relative_to(ROOT)}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *packages]
        if subprocess.run(command, check=False).returncode:
            print(f"{name} could not be installed and will be left out", flush=True)


def measure(case: Case, rounds: int) -> dict[str, Answer]:
    """Medians of what each contender answers, after one round that does not count."""
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
    """Measures the cases of a job, printing each line as it comes and adding it to `lines`."""
    for case in JOBS[job](setting):
        found = measure(case, rounds)
        ours = next(iter(found.values()))[case.shown]
        for who, answer in found.items():
            line = next((x for x in lines if (x.title, x.contender) == (case.title, who)), None)
            if line is None:
                line = Line(job, case.title, who, case.asked, case.shown, detail=case.detail)
                lines.append(line)
            line.values.append(answer[case.shown])
            line.ratios.append(answer[case.shown] / ours)
            kept = {k: v for k, v in answer.items() if k not in ("seconds", "peak", case.shown)}
            line.reached.append(kept)
            print(cells(line, True), flush=True)
        for contender in case.contenders.values():
            if isinstance(contender, Peer):
                contender.close()


def cells(line: Line, asked: bool) -> str:
    """A row of the table: of several runs all numbers."""
    values = " / ".join(f"{value:.3g}" for value in line.values)
    ratios = " / ".join(f"{ratio:.2f}" for ratio in line.ratios)
    names = line.reached[0]
    reached = ", ".join(
        f"{name} " + " / ".join(f"{found[name]:.4g}" for found in line.reached) for name in names
    )
    row = [line.title, line.contender, values, ratios, reached]
    return "| " + " | ".join(row + [line.asked] * asked) + " |"


def table(lines: list[Line], asked: bool) -> str:
    """All rows, under their heads."""
    heads = ["job", "contender", "seconds, median", "times recsys", "reached"] + ["asked"] * asked
    head = "| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|\n"
    shown = [line for line in lines if asked or not line.detail]
    return head + "\n".join(cells(line, asked) for line in shown) + "\n"


def earlier(file: Path) -> list[Line]:
    """The lines that `--json` wrote, each with its commit."""
    before = json.loads(file.read_text())
    commit = {"commit": before["machine"]["commit"]}
    return [Line(**(commit | line)) for line in before["lines"]]


def about() -> dict[str, Any]:
    """What the numbers were measured on."""
    kernel = {
        "threads": default_threads(),
        "instruction set": os.environ.get("RECSYS_ISA", kernels.INSTRUCTION_SETS[0]),
    }
    versions = provenance.versions()
    for name, packages in PEERS.items():
        python = ROOT / ".peers" / name / "bin" / "python"
        if python.exists():
            ask = f"from importlib.metadata import version; print(version({packages[0]!r}))"
            told = subprocess.run(
                [str(python), "-c", ask], capture_output=True, text=True, check=False
            )
            versions[name] = told.stdout.strip()
    return provenance.machine() | kernel | {"versions": versions, "commit": provenance.commit()}


def write(lines: list[Line], made_with: dict[str, Any], rounds: int) -> None:
    """Puts the table between the marks of each page."""
    versions = ", ".join(f"{name} {version}" for name, version in made_with["versions"].items())
    note = (
        f"{made_with['processor']}, {made_with['cores']} cores, {made_with['instruction set']}, "
        f"{made_with['threads']} threads, Python {made_with['python']}; {versions}; commit "
        f"{made_with['commit']}; medians of at least {rounds} rounds, the largest job once"
    )
    for commit in dict.fromkeys(line.commit for line in lines if line.commit):
        if commit == made_with["commit"]:
            continue
        jobs = dict.fromkeys(line.job for line in lines if line.commit == commit)
        note += f" ({', '.join(jobs)}: commit {commit})"
    runs = len(lines[0].values)
    note += f", {runs} runs, of which each number is told." if runs > 1 else "."
    for page, asked in PAGES.items():
        path = ROOT / page
        text = path.read_text("utf-8")
        body = f"<!-- benchmark -->\n{table(lines, asked)}\n{note}\n<!-- /benchmark -->"
        before, mark, rest = text.partition("<!-- benchmark -->")
        after = rest.partition("<!-- /benchmark -->")[2]
        if not mark:
            sys.exit(f"{page} has no line <!-- benchmark --> to put the table at")
        path.write_text(before + body + after, "utf-8")


def main() -> None:
    """Runs the jobs asked for and prints a Markdown table."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", help=f"of {', '.join(JOBS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender runs")
    parser.add_argument("--runs", type=int, default=1, help="how often everything is run")
    parser.add_argument("--size", type=float, default=1.0, help="share of the full matrix")
    parser.add_argument("--json", type=Path, help="file for all numbers, machine and versions")
    parser.add_argument("--add-to", type=Path, help="such a file, for the jobs that are not run")
    parser.add_argument("--write", action="store_true", help="put the tables into the pages")
    parser.add_argument("--install-peers", action="store_true", help="make their environments")
    options = parser.parse_args()
    unknown = set(options.jobs) - set(JOBS)
    if unknown or options.rounds < 1 or options.runs < 1 or options.size <= 0:
        parser.error(f"jobs are {', '.join(JOBS)}; rounds and runs at least 1, size above 0")
    jobs, kept = options.jobs or list(JOBS), []
    if options.add_to:
        try:
            kept = [line for line in earlier(options.add_to) if line.job not in jobs]
        except (OSError, ValueError, KeyError, TypeError):
            parser.error(f"{options.add_to} is no file that --json wrote")
    if options.install_peers:
        install_peers()
        sys.exit()
    lines: list[Line] = []
    print(table([], True), end="", flush=True)
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as folder, threadpool_limits(1, "blas"):
            setting = Setting(Path(folder), options.size, default_threads())
            for job in jobs:
                run(job, setting, options.rounds, lines)
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


if __name__ == "__main__":
    main()
