"""The Markdown tables of the benchmark: the whole one, and six ratios taken from it."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark_jobs.peer import ROOT, Answer

PAGE = Path("docs/performance.md")
"""The page with the whole table."""
README = Path("README.md")
"""The page with the six ratios."""
MARKS = "<!-- benchmark -->", "<!-- /benchmark -->"

HEADS = ("job", "contender", "seconds, median", "times recsys", "result", "target")
MACHINE_PARTS = ("processor", "cores", "instruction set", "threads")

HIGHLIGHTS = {
    ("implicit ALS epoch, CG, f = 64", "implicit"): "Epoch of implicit ALS, 64 factors",
    ("implicit ALS epoch, CG, f = 64", "irspack"): "The same",
    ("MovieLens 1M to 0.1 % of the last NDCG@10, f = 64", "irspack"): (
        "Training on MovieLens 1M until NDCG@10 stops rising"
    ),
    ("explicit ALS, MovieLens 1M, f = 50", "cmfrec"): "Explicit ALS on MovieLens 1M, 50 factors",
    ("top 10 for all users, f = 64, random factors", "implicit"): (
        "Top 10 for each of 138,000 users, 26,000 items"
    ),
    ("read 19.9 M ratings from CSV, shuffled", "pandas, parse only"): (
        "Reading 20 million ratings from a shuffled CSV file"
    ),
}
"""(job, contender) of the six ratios, and what the README calls them."""


@dataclass
class Line:
    """The numbers of one contender in one case, run by run."""

    job: str
    title: str
    contender: str
    target: str
    shown: str
    values: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    reached: list[Answer] = field(default_factory=list)
    commit: str = ""


def cells(line: Line) -> str:
    """A row of the table, with the numbers of all runs."""
    values = " / ".join(f"{value:.3g}" for value in line.values)
    ratios = " / ".join(f"{ratio:.2f}" for ratio in line.ratios)
    names = line.reached[0]
    reached = ", ".join(
        f"{name} " + " / ".join(f"{found[name]:.4g}" for found in line.reached) for name in names
    )
    return row((line.title, line.contender, values, ratios, reached, line.target))


def row(texts: Iterable[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(texts) + " |"


def table(lines: list[Line]) -> str:
    """The whole table."""
    rows = [row(HEADS), "|---" * len(HEADS) + "|", *map(cells, lines)]
    return "\n".join(rows) + "\n"


def earlier(file: Path) -> list[Line]:
    """The lines that `--json` wrote, each with its commit."""
    before = json.loads(file.read_text())
    commit = {"commit": before["machine"]["commit"]}
    return [Line(**(commit | line)) for line in before["lines"]]


def provenance_note(lines: list[Line], made_with: dict[str, Any], rounds: int) -> str:
    """What the numbers were measured on, with what, and how often."""
    processor, cores, instructions, threads = (made_with[part] for part in MACHINE_PARTS)
    versions = ", ".join(f"{name} {version}" for name, version in made_with["versions"].items())
    note = (
        f"{processor}, {cores} cores, {instructions}, {threads} threads, Python "
        f"{made_with['python']}; {versions}; commit {made_with['commit']}; medians of at least "
        f"{rounds} rounds, the largest job once"
    )
    for commit in dict.fromkeys(line.commit for line in lines if line.commit):
        if commit != made_with["commit"]:
            jobs = dict.fromkeys(line.job for line in lines if line.commit == commit)
            note += f" ({', '.join(jobs)}: commit {commit})"
    runs = len(lines[0].values)
    return note + (f", {runs} runs, all of which are shown." if runs > 1 else ".")


def write(lines: list[Line], made_with: dict[str, Any], rounds: int) -> None:
    """Puts the table into docs/performance.md and the six ratios into the README."""
    replace_between_marks(PAGE, f"{table(lines)}\n{provenance_note(lines, made_with, rounds)}\n")
    write_readme()


def write_readme() -> None:
    """Puts the six ratios into the README, read from the table in docs/performance.md."""
    body = (ROOT / PAGE).read_text("utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0]
    found = {}
    for line in body.splitlines():
        texts = [text.strip() for text in line.strip("|").split("|")]
        if len(texts) == len(HEADS):
            found[texts[0], texts[1]] = texts[3]
    missing = [" by ".join(key) for key in HIGHLIGHTS if key not in found]
    if missing:
        sys.exit(f"the table in {PAGE} has no line for {'; '.join(missing)}")
    rows = [row(("", "compared with", "its time / ours")), "|---|---|---|"]
    rows += [row((text, key[1], as_range(found[key]))) for key, text in HIGHLIGHTS.items()]
    replace_between_marks(README, "\n".join(rows) + "\n")


def as_range(ratios: str) -> str:
    """The ratios of all runs as a range.

    >>> as_range("8.33 / 7.43"), as_range("0.83 / 0.83"), as_range("12.99")
    ('7.4 to 8.3', '0.83', '13')
    """
    numbers = sorted(float(ratio) for ratio in ratios.split(" / "))
    ends = (f"{n:.{0 if n >= 10 else 1 if n >= 1 else 2}f}" for n in (numbers[0], numbers[-1]))
    return " to ".join(dict.fromkeys(ends))


def replace_between_marks(page: Path, body: str, marks: tuple[str, str] = MARKS) -> None:
    """Replaces what is between two marks of a page."""
    path = ROOT / page
    before, mark, rest = path.read_text("utf-8").partition(marks[0])
    if not mark:
        sys.exit(f"{page} has no line {marks[0]} to put the table at")
    after = rest.partition(marks[1])[2]
    path.write_text(f"{before}{marks[0]}\n{body}{marks[1]}{after}", "utf-8")
