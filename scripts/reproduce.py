#!/usr/bin/env python3
"""Runs published protocols, and prints our numbers next to the published ones.

A cell is the mean over parts and seeds, its 95 % interval over users in brackets, and after ± half
the width of the 95 % interval of the mean over seeds. `--peers` also runs other libraries, in the
same run and taking turns; scripts/benchmark.py --install-peers installs them.

    scripts/reproduce.py --list
    scripts/reproduce.py ml-100k-official --peers
    scripts/reproduce.py ials-ml-20m data/ml-20m --seeds 0 --json ials.json
    scripts/reproduce.py surprise-ml-1m --write      write the table into docs/reproduce.md
    scripts/reproduce.py --page ials.json            write a table of earlier
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmark_jobs.peer import ROOT
from benchmark_tables import replace_between_marks
from protocols import PROCEDURES
from protocols.record import Material, Procedure
from protocols.run import Options, Row, missing_peers, run
from protocols.summary import values_of
from protocols.tables import document, section
from threadpoolctl import threadpool_limits

from recsys import provenance
from recsys.errors import ArgumentError, DownloadError, RecsysError
from recsys.ratings import datasets
from recsys.threads import default_threads

PAGE = Path("docs/reproduce.md")


def place_of(procedure: Procedure, path: Path | None) -> Path:
    """The files of a protocol: those given, or its data set, downloaded if need be.

    Raises:
        ArgumentError: nothing is given and nothing can be downloaded.
    """
    if path is not None:
        if not path.exists():
            raise ArgumentError(f"{path} is not there; {procedure.name} needs {procedure.needs}")
        return path
    if procedure.dataset is None:
        raise ArgumentError(f"{procedure.name} needs a path: {procedure.needs}")
    try:
        return datasets.fetch(procedure.dataset, ROOT / "data").folder
    except DownloadError as error:
        raise DownloadError(f"{error}; or give the path of {procedure.needs}") from None


def remarks_on(procedure: Procedure, options: Options, note: str) -> list[str]:
    """Remarks on this run: where, with what, what was left out, and what the caller has to add."""
    machine, versions = provenance.machine(), provenance.versions()
    used = (f"{name} {versions[name]}" for name in ("recsys-mf", "numpy", "scipy"))
    made_with = (
        f"seeds {', '.join(map(str, options.seeds))}", machine["processor"],
        f"{machine['cores']} cores", f"{default_threads()} threads", ", ".join(used),
        f"commit {provenance.commit()}",
    )  # fmt: skip
    remarks = [f"Made with {'; '.join(map(str, made_with))}."]
    missing = missing_peers(procedure) if options.peers else []
    if missing:
        install = "scripts/benchmark.py --install-peers"
        remarks.append(f"Not installed, so not run: {', '.join(missing)} ({install}).")
    if options.quick:
        remarks.append("A quick run: the first part and the first seed only.")
    return [*remarks, note] if note else remarks


def reproduce(
    procedure: Procedure, path: Path | None, options: Options, note: str = ""
) -> dict[str, Any]:
    """Runs a protocol and prints its table; returns it as Markdown and for JSON."""
    material = procedure.load(place_of(procedure, path))
    rows = run(procedure, material, options, show)
    remarks = [f"{row.name} failed: {row.failure}" for row in rows if row.failure]
    remarks += remarks_on(procedure, options, note)
    return result_of(procedure, material, [row for row in rows if not row.failure], remarks)


def show(row: Row) -> None:
    """Prints the last run of a row, and the mean so far."""
    last, measure = row.runs[-1], row.measures[0]
    seed = "" if last.seed is None else f", seed {last.seed}"
    mean = values_of(measure, row.runs).mean()
    text = f"{row.name}, {last.part}{seed}: {last.seconds:.1f} s; {measure.name} {mean:.4f} so far"
    print(text, file=sys.stderr, flush=True)


def result_of(
    procedure: Procedure, material: Material, rows: list[Row], remarks: list[str]
) -> dict[str, Any]:
    """The result for JSON, and as Markdown under `markdown`; prints the latter."""
    markdown = section(procedure, material, rows, remarks)
    print(markdown)
    about: dict[str, Any] = {"commit": provenance.commit(), "threads": default_threads()}
    about |= provenance.machine() | {"versions": provenance.versions()}
    return document(procedure, material, rows, remarks) | {"machine": about, "markdown": markdown}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("protocol", nargs="?", choices=PROCEDURES, metavar="PROTOCOL")
    made.add_argument("path", nargs="?", type=Path, help="its files; default: data/, or a download")
    made.add_argument("--list", action="store_true", help="list the protocols and their files")
    made.add_argument("--seeds", type=_seeds, default=(0, 1, 2), help="default: 0,1,2")
    made.add_argument("--peers", action="store_true", help="also run other libraries")
    made.add_argument("--models", default="", help="only those whose names contain one of A,B,...")
    made.add_argument("--quick", action="store_true", help="only the first part and the first seed")
    made.add_argument("--note", default="", help="a remark for below the table")
    made.add_argument("--json", type=Path, help="write all numbers here")
    made.add_argument("--page", type=Path, nargs="+", help="write tables of such files there")
    made.add_argument("--write", action="store_true", help=f"write the table into {PAGE}")
    return made


def _seeds(text: str) -> tuple[int, ...]:
    seeds = tuple(int(one) for one in text.split(","))  # argparse reports a ValueError
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise argparse.ArgumentTypeError("must be different whole numbers of at least 0")
    return seeds


def listed() -> str:
    """Every protocol with what it needs."""
    return "\n".join(
        f"{one.name}\n    {one.title}\n    files: {one.needs}"
        + (f" (downloads {one.dataset})" if one.dataset else "")
        for one in PROCEDURES.values()
    )


def write(found: dict[str, Any]) -> None:
    """Puts the table of a result into the page."""
    name = found["protocol"]
    replace_between_marks(PAGE, found["markdown"], (f"<!-- {name} -->", f"<!-- /{name} -->"))


def write_again(files: list[Path]) -> None:
    """Puts the tables of files that `--json` wrote into the page."""
    for file in files:
        try:
            write(json.loads(file.read_text()))
        except (OSError, ValueError, KeyError):
            parser().error(f"{file} is not a file that --json wrote")


def main(arguments: list[str] | None = None) -> int:
    """Does what the arguments ask for; the exit code."""
    given = parser().parse_args(arguments)
    if given.list:
        print(listed())
        return 0
    if given.page:
        write_again(given.page)
        return 0
    if given.protocol is None:
        parser().error(f"PROTOCOL must be one of {', '.join(PROCEDURES)}")
    models = tuple(filter(None, given.models.split(",")))
    options = Options(given.seeds, given.peers, given.quick, models)
    try:
        with threadpool_limits(default_threads(), "blas"):
            found = reproduce(PROCEDURES[given.protocol], given.path, options, given.note)
    except RecsysError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, ArgumentError) else 3
    if given.json:
        given.json.write_text(json.dumps(found, indent=2))
    if given.write:
        write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
