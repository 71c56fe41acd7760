"""`Keeper`: a thread that does something again and again, until it is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

LOG = logging.getLogger("recsys.service")


class Keeper:
    """Calls a function every so many seconds, and once more when it is stopped.

    It starts with the first request, because nobody starts a mounted application.
    """

    def __init__(self, work: Callable[[], None], seconds: float, name: str) -> None:
        self._work, self._seconds, self._name = work, seconds, name
        self._thread: threading.Thread | None = None
        self._stop, self._wake = threading.Event(), threading.Event()
        self._lock = threading.Lock()

    @property
    def runs(self) -> bool:
        """Whether the thread was started."""
        return self._thread is not None

    def start(self) -> None:
        """Starts the thread, if it does not run."""
        with self._lock:
            if self._thread is None:
                self._stop.clear()
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Lets it work now."""
        self._wake.set()

    def stop(self) -> None:
        """Lets it work once more, and waits for its end."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._stop.set()
            self._wake.set()
            thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._seconds)
            self._wake.clear()
            try:
                self._work()
            except Exception:  # a bug must not end the thread; it is in the log
                LOG.exception("bug", extra={"thread": self._name})
            if self._stop.is_set():
                return
