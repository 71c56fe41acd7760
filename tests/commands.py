"""Types that tests of the command line share."""

from collections.abc import Callable

RunCommand = Callable[..., tuple[int, str, str]]
"""Runs the command line in this process: (exit code, standard output, standard error)."""
