"""What the commands print: tables that fit the terminal, JSON, progress on standard error."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

    from recsys.models.spec import OnEpoch, Spec

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Count = Annotated[int, typer.Option("-n", "--count", help="How many.", show_default=True)]

_SHORTENED = ("title", "genres")  # columns that give way where the terminal is narrow
_FOUR_DECIMALS = {
    "score", "low", "high", "difference", "p", "first", "second", "ndcg", "recall", "rmse"
}  # fmt: skip
_NARROWEST = 10  # characters they keep
_NUMBERS = ("int", "uint", "float")  # how the names of numeric types begin


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)


def records(table: pd.DataFrame) -> dict[str, Any]:
    """A table for JSON: its rows, and the shortfall where it has one. Missing values are null."""
    rows = json.loads(table.to_json(orient="records", double_precision=6))
    return {"rows": rows} | {str(name): value for name, value in table.attrs.items()}


def print_table(table: pd.DataFrame, title: str = "") -> None:
    """A table no wider than the terminal: titles and genres are cut short before a row wraps."""
    columns = {str(name): [_cell(v, str(name)) for v in table[name]] for name in table.columns}
    numeric = {str(n) for n in table.columns if str(table[n].dtype).lower().startswith(_NUMBERS)}
    widths = {name: max([len(name), *map(len, cells)]) for name, cells in columns.items()}
    flexible = [name for name in _SHORTENED if name in widths]
    over = sum(widths.values()) + 2 * (len(widths) - 1) - shutil.get_terminal_size().columns
    for name in reversed(flexible):  # genres give way before titles
        gives = max(0, min(over, widths[name] - _NARROWEST))
        widths[name] -= gives
        over -= gives
    lines = [
        {name: name for name in columns},
        {name: "─" * width for name, width in widths.items()},
    ]
    lines += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if title:
        print(title)
    for line in lines:
        cells = []
        for name, text in line.items():
            width = widths[name]
            text = text if len(text) <= width else text[: width - 1] + "…"
            cells.append(text.rjust(width) if name in numeric else text.ljust(width))
        print("  ".join(cells).rstrip())
    print()
    if "shortfall" in table.attrs:
        say(f"Only {table.attrs['shortfall']}.")
    if "remark" in table.attrs:
        say(f"Note: {table.attrs['remark']}.")


def _cell(value: Any, column: str) -> str:
    if value is None or str(value) in ("nan", "<NA>", "NaT"):
        return ""
    if column == "p" and value < 0.001:
        return "<0.001"
    if column.split("@")[0] in _FOUR_DECIMALS:
        return f"{value:.4f}"
    if isinstance(value, float):
        return f"{value:g}"
    text = " ".join(str(value).split())  # a title with a line break in it stays on its row
    return text.replace("|", ", ") if column == "genres" else text


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Names and values, aligned and wrapped under themselves."""
    indent = max(map(len, pairs)) + 2
    width = max(40, shutil.get_terminal_size().columns)
    for name, value in pairs.items():
        print(
            textwrap.fill(
                str(value),
                width,
                initial_indent=name.ljust(indent),
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )


def print_paragraph(text: str, indent: int = 0) -> None:
    """Text, wrapped to the terminal; lines after the first are indented."""
    width = max(40, min(100, shutil.get_terminal_size().columns))
    print(textwrap.fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False))


def number(value: Any) -> str:
    """A count or measure as people write it.

    >>> number(1000209), number(3.58156)
    ('1,000,209', '3.582')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def say(message: str) -> None:
    """A remark on standard error, where it does not disturb what is piped on."""
    width = max(40, shutil.get_terminal_size().columns)
    wrapped = textwrap.fill(message, width, break_long_words=False, break_on_hyphens=False)
    print(wrapped, file=sys.stderr)


@contextmanager
def training_progress(quiet: bool) -> Iterator[tuple[OnEpoch | None, Any]]:
    """Callbacks (on_epoch, on_stage) that show a bar with the loss and the time left."""
    if quiet:
        yield None, lambda what, spec=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    began = time.perf_counter()
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
        TextColumn("{task.fields[loss]}"), TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("starting", total=None, loss="")

        def on_stage(what: str, spec: Spec | None = None) -> None:
            name = f"{what} {spec.name}" if spec is not None else what
            bar.reset(task, description=name, total=None, loss="")

        def on_epoch(progress: Any) -> None:
            bar.update(
                task,
                total=progress.n_epochs,
                completed=progress.epoch,
                loss=f"epoch {progress.epoch}/{progress.n_epochs}, loss {progress.loss:,.5g}",
            )

        yield on_epoch, on_stage
    say(f"finished in {time.perf_counter() - began:.1f} s")


@contextmanager
def download_progress(quiet: bool) -> Iterator[Any]:
    """A callback (done, total) that shows a bar with size, speed and time left."""
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
