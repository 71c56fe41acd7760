"""The tables of `tune_default.py`: rows as it prints them, and means over seeds for the docs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import mean, stdev
from typing import Any

from scipy import stats

ROW = "{:<22} {:>4} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>7} {:>6}"
HEADINGS = ("set", "seed", "popular", "default", "ease", "rule", "auto", "tuned", "ratio", "f auto",
            "s auto", "fits")  # fmt: skip

Run = Mapping[str, Any]


def cells(run: Run) -> list[str]:
    """A row for one set and seed, in the order of `HEADINGS`; "" for what was not measured."""
    values = [run.get(key) for key in ("popularity", "default", "ease", "rule", "auto", "tuned")]
    ratio = run["auto"] / run["tuned"] if "tuned" in run else None
    return [
        run["set"], str(run["seed"]), *(_number(value, 4) for value in values), _number(ratio, 3),
        str(run["n_factors"]), _number(run["seconds"], 1), _number(run["fits"], 1),
    ]  # fmt: skip


def interval(values: list[float]) -> str:
    """The mean and its 95 % interval by Student's t, of a few seeds.

    >>> interval([1.0, 1.02, 0.98])
    '1.000 ± 0.050'
    """
    if len(values) < 2:
        return f"{values[0]:.3f}"
    half = stats.t.ppf(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return f"{mean(values):.3f} ± {half:.3f}"


def table(runs: Iterable[Run]) -> str:
    """The Markdown table: a row for each set, means over its seeds."""
    sets: dict[str, list[Run]] = {}
    for run in runs:
        if "auto" in run and "tuned" in run:
            sets.setdefault(run["set"], []).append(run)
    heads = ("set", "seeds", "popularity", "rule", "`auto`", "best trial", "`auto` / best trial",
             "set left out", "widths", "seconds", "fits", "`ease`")  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, own in sets.items():
        means = [f"{mean(run[key] for run in own):.4f}" for key in
                 ("popularity", "rule", "auto", "tuned")]  # fmt: skip
        ease = [run["ease"] for run in own if run.get("ease") is not None]
        left = [run["left out"] / run["tuned"] for run in own if "left out" in run]
        row = [
            name, str(len(own)), *means, interval([run["auto"] / run["tuned"] for run in own]),
            interval(left) if left else "", ", ".join(str(run["n_factors"]) for run in own),
            f"{mean(run['seconds'] for run in own):.1f}", f"{mean(run['fits'] for run in own):.1f}",
            f"{mean(ease):.4f}" if ease else "",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"
