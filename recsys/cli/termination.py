"""SIGTERM, which ends a command as Ctrl-C does, so that temporary files are removed."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from typing import Any

from recsys.errors import Terminated

_SOON = 0.01  # seconds


class Termination:
    """What SIGTERM does from `begin` to `end`: it raises `Terminated` in the main thread, once."""

    def __init__(self) -> None:
        self.received = False
        self._over = False
        self._before: Any = None
        self._hook: Any = None

    def begin(self) -> None:
        """Handles the signal from now on."""
        try:
            self._before = signal.signal(signal.SIGTERM, self._handle)
        except ValueError:  # not in the main thread: the host handles signals
            return
        self._hook, sys.unraisablehook = sys.unraisablehook, self._raise_again

    def over(self) -> None:
        """The work is done: from now on the signal changes nothing."""
        self._over = True

    def end(self) -> None:
        """Handles signals as before; where one came, later ones do not disturb the cleaning up."""
        if self._hook is None:
            return
        sys.unraisablehook = self._hook
        if not self.received:
            signal.signal(signal.SIGTERM, self._before or signal.SIG_DFL)

    def _handle(self, number: int, _: object) -> None:
        if self._over:
            return
        signal.signal(number, signal.SIG_IGN)
        self.received = True
        raise Terminated

    def _raise_again(self, lost: Any) -> None:
        # Python prints and drops what is raised while it destroys an object.
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            self._hook(lost)
            return
        number = signal.SIGINT
        if issubclass(lost.exc_type, Terminated):
            number = signal.SIGTERM
            signal.signal(number, self._handle)
        # From another thread, because here it would be lost again.
        threading.Timer(_SOON, _thread.interrupt_main, [number]).start()
