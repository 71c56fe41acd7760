"""Bars on standard error that show how far a training or a download is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from recsys.cli.output import say
from recsys.visible import one_line

if TYPE_CHECKING:
    from recsys.recommend.chosen import OnSearch


@contextmanager
def training_progress(quiet: bool) -> Iterator[tuple[Any, Any, OnSearch | None]]:
    """Callbacks (on_epoch, on_stage, on_search) that show a bar with the loss, or the best trial of
    a search, and the time left.
    """
    if quiet:
        yield None, lambda what: None, None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    began = time.perf_counter()
    # Names of models and data are no markup of rich.
    fields = "{task.description}", "{task.fields[loss]}"
    texts = [TextColumn(field, markup=False) for field in fields]
    with Progress(
        SpinnerColumn(), texts[0], BarColumn(bar_width=24), texts[1], TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("starting", total=None, loss="")

        def on_stage(what: str) -> None:
            bar.reset(task, description=one_line(what), total=None, loss="")

        def on_epoch(progress: Any, what: str | None = None) -> None:
            bar.update(
                task,
                description=None if what is None else one_line(what),
                total=progress.n_epochs,
                completed=progress.epoch,
                loss=f"epoch {progress.epoch}/{progress.n_epochs}, loss {progress.loss:,.5g}",
            )

        def on_search(searching: Any) -> None:
            from recsys.evaluation.metrics import label_of

            best = f"{label_of(searching.metric)} {searching.best:.4f}"
            model = f" ({one_line(searching.model)})" if searching.model else ""
            trials = f"{searching.n_trials} trials, {best}{model}"
            bar.update(
                task, description="searching hyperparameters", total=1.0,
                completed=searching.share, loss=trials,
            )  # fmt: skip

        yield on_epoch, on_stage, on_search
    say(f"finished in {time.perf_counter() - began:.1f} s")


@contextmanager
def counting(what: str, quiet: bool) -> Iterator[Any]:
    """A callback (done, total) that shows a bar with the number done and the time left."""
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console, began = Console(stderr=True), time.perf_counter()
    columns = TextColumn(what), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
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
