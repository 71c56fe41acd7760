"""What counts as the failure of one model, so that the others are evaluated all the same."""

from __future__ import annotations

from recsys.errors import RecsysError

_BUGS = (
    TypeError,
    AttributeError,
    NameError,
    AssertionError,
    LookupError,
    NotImplementedError,
    RecursionError,
)
"""Mistakes in a program. Whatever else is raised says that a model cannot be had: numbers that
overflow, an equation without a solution, memory, or an exception of the library that trains it."""


def failure(error: Exception) -> str:
    """What a report says of a model that could not be fitted or ranked, in one line.

    Raises the error again where it is a bug: that is not a finding about the model.

    >>> failure(FloatingPointError("overflow in step 3"))
    'FloatingPointError: overflow in step 3'
    """
    if isinstance(error, RecsysError):
        return str(error)
    if isinstance(error, _BUGS):
        raise error
    if isinstance(error, MemoryError):
        return f"not enough memory; {error}".removesuffix("; ")
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
