#!/usr/bin/env python3
"""Runs the code in docs/linear-algebra.md, and updates its output and its pictures.

scripts/lesson.py            needs data/ml-100k (recsys fetch ml-100k)
scripts/lesson.py --check    only checks whether the page is up to date
"""

import argparse
import os
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "linear-algebra.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```\n", re.M | re.S)


def run(page: str) -> str:
    """The page with each text block replaced by the output of the Python blocks before it.

    The page sets NumPy's print options; they are put back at the end.
    """
    names: dict[str, object] = {"__name__": "lesson"}
    printed = StringIO()

    def replaced(block: re.Match[str]) -> str:
        nonlocal printed
        if block[1] == "python":
            with redirect_stdout(printed):
                exec(compile(block[2], str(PAGE), "exec"), names)  # our own page
            return block[0]
        lines = [line.rstrip() for line in printed.getvalue().splitlines()]
        printed = StringIO()
        return "```text\n" + "\n".join(lines) + "\n```\n"

    with np.printoptions():
        return BLOCK.sub(replaced, page)


def main() -> None:
    """Runs the page in the root of the checkout, which its paths refer to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="do not write; exit with 1 if the page would change"
    )
    check = parser.parse_args().check
    if not (ROOT / "data" / "ml-100k").exists():
        parser.error("data/ml-100k does not exist; run recsys fetch ml-100k first")
    os.chdir(ROOT)
    (ROOT / "docs" / "pictures").mkdir(exist_ok=True)
    page = PAGE.read_text("utf-8")
    made = run(page)
    if check:
        sys.exit(made != page)
    PAGE.write_text(made, "utf-8")


if __name__ == "__main__":
    main()
