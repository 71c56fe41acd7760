"""Checks of arguments of the wrong kind: the error names the argument, its value and the remedy."""

from __future__ import annotations

from collections.abc import Sequence

from recsys.errors import ArgumentError
from recsys.visible import brief

_PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, type, type(None))


def said(value: object) -> str:
    """A value as messages repeat it; of a table, a model or another large thing its type.

    >>> said(5), said([[1]]), said(object())
    ('5', '[[1]]', 'object')
    """
    scalar = hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0
    return brief(value) if isinstance(value, _PLAIN) or scalar else type(value).__name__


def require(name: str, value: object, kind: type | tuple[type, ...], expected: str) -> None:
    """Checks that an argument is of some kind.

    Args:
        name: of the argument.
        value: what was given.
        kind: what it must be an instance of.
        expected: the same in words.

    Raises:
        ArgumentError: it is something else.
    """
    if not isinstance(value, kind):
        raise ArgumentError(f"{name} must be {expected}, not {said(value)}")


def require_one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Checks that an argument is one of some texts.

    Raises:
        ArgumentError: it is something else. An array, which compares by element, is none of them.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ArgumentError(f"{name} must be one of {', '.join(allowed)}, not {said(value)}")


def require_function(name: str, value: object) -> None:
    """Checks that an argument can be called, before the work after which it would be.

    Raises:
        ArgumentError: it cannot be called, and is not None.
    """
    if value is not None and not callable(value):
        raise ArgumentError(f"{name} must be a function or None, not {said(value)}")


def require_flag(name: str, value: object) -> None:
    """Checks that an argument is true or false.

    Raises:
        ArgumentError: it is neither; a table, say, which has no truth.
    """
    # 0 and 1 mean what they say, and so do NumPy's booleans.
    if getattr(value, "ndim", 0) or value not in (0, 1):
        raise ArgumentError(f"{name} must be true or false, not {said(value)}")
