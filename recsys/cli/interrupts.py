"""Ctrl-C and SIGTERM of a command with a checkpoint: the first saves, the second stops at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from recsys.cli.output import say, show

_NOW = b"recsys: finishing this epoch, then saving; once more stops at once\n"


class Interrupts:
    """What a checkpoint asks, see `recsys.store.checkpoint.Host`, and how the command goes on.

    Args:
        command: the command line, to be typed again.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._number = 0
        self._n_deferred = 0
        self._handlers: dict[int, Any] = {}

    def asked(self) -> bool:
        """Whether a signal has come."""
        return bool(self._number)

    def stop(self, where: str) -> NoReturn:
        """Ends the command as the signal would have done."""
        say(f"stopped {where}")
        self._end(self._number)

    def say(self, remark: str) -> None:
        """Prints a remark."""
        say(remark)

    warn = say

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """While it lasts, the first signal waits to be asked for. Several may overlap."""
        self._n_deferred += 1
        if self._n_deferred == 1:
            with suppress(ValueError):  # not in the main thread: the host handles signals
                for number in (signal.SIGINT, signal.SIGTERM):
                    self._handlers[number] = signal.signal(number, self._receive)
        try:
            yield
        finally:
            self._n_deferred -= 1
            if not self._n_deferred:
                self._restore()

    @contextmanager
    def explained(self, folder: str | None) -> Iterator[None]:
        """Says how to go on where the command is interrupted and has a checkpoint."""
        try:
            yield
        except KeyboardInterrupt:
            if folder is not None:
                say(f"progress is saved in {folder}; to resume:")
                show(self._command, sys.stderr)  # in one line, to be copied
            raise

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._number:
            self._end(number)
        self._number = number
        # What print uses may be in use where the signal came.
        with suppress(OSError):
            os.write(2, b"\n" + _NOW if os.isatty(2) else _NOW)

    def _end(self, number: int) -> NoReturn:
        # The signal again, with the handlers from before.
        self._restore()
        signal.raise_signal(number)
        raise KeyboardInterrupt

    def _restore(self) -> None:
        while self._handlers:
            signal.signal(*self._handlers.popitem())
