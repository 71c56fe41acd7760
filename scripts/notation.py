#!/usr/bin/env python3
"""Writes the tables of hyperparameters into docs/notation.md, from their declarations.

scripts/notation.py            from anywhere
scripts/notation.py --check    only says whether the page would change
"""

import argparse
import math
import re
import sys
from pathlib import Path

from recsys.models.registry import BUILT_IN, SPECS
from recsys.settings import Setting, settings_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "notation.md"
BLOCK = re.compile(r"<!-- hyperparameters: ([a-z-]+) -->\n.*?<!-- end -->\n", re.S)


def table(model: str) -> str:
    """The hyperparameters of a model, one row each."""
    declared = settings_of(SPECS[model])
    if not declared:
        return "No hyperparameters.\n"
    rows = ["| hyperparameter | symbol | default | range | typical | meaning |", "|---" * 6 + "|"]
    for setting in declared:
        cells = (
            f"`{setting.name}`", setting.symbol, shown(setting.default), span(setting),
            typical(setting), setting.meaning,
        )  # fmt: skip
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def shown(value: object) -> str:
    """A default as the page shows it."""
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def span(setting: Setting) -> str:
    """The allowed range, as an inequality."""
    low = f"{'>' if setting.above else '≥'} {setting.low:g}" if setting.low > -math.inf else ""
    high = f"≤ {setting.high:g}" if setting.high < math.inf else ""
    return ", ".join(filter(None, (low, high)))


def typical(setting: Setting) -> str:
    """Where good values usually lie, and whether tuning looks there on a logarithmic scale."""
    if setting.typical is None:
        return ""
    low, high = setting.typical
    return f"{low:g} to {high:g}" + (", log" if setting.log else "")


def written(page: str) -> str:
    """The page with its tables made anew."""

    def block(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- hyperparameters: {name} -->\n{table(name)}<!-- end -->\n"

    return BLOCK.sub(block, page)


def main() -> None:
    """Writes the page, or checks it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if the page would change")
    check = parser.parse_args().check
    page = PAGE.read_text("utf-8")
    missing = set(BUILT_IN) - {found[1] for found in BLOCK.finditer(page)}
    if missing:
        sys.exit(f"{PAGE.name} has no place for the hyperparameters of {', '.join(missing)}")
    made = written(page)
    if check:
        sys.exit(made != page)
    PAGE.write_text(made, "utf-8")


if __name__ == "__main__":
    main()
