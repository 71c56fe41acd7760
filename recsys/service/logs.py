"""Logs as JSON, a line each, with nothing in them about people."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import orjson

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class AsJson(logging.Formatter):
    """Time, level, event, and what the event says of itself."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        about: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "pid": os.getpid(),
        }
        about |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info and record.exc_info[0] is not None:
            about["error"] = record.exc_info[0].__name__
        return orjson.dumps(about, default=str).decode()


def configure() -> None:
    """Sends what the service and uvicorn log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AsJson())
    for name, level in (("recsys.service", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
