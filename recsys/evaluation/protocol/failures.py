"""What counts as the failure of one model, so that the others are evaluated all the same."""

from __future__ import annotations

from collections.abc import Iterable

from recsys.errors import FitError, RecsysError

_NO_MEMORY = "not enough memory"

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
        return f"{_NO_MEMORY}; {error}".removesuffix("; ")
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def no_model(
    said: str, reasons: Iterable[str], kind: type[RecsysError] = FitError
) -> RecsysError | MemoryError:
    """The error to raise where every model has failed: MemoryError where one lacked memory.

    Another machine may do the same work then, and exit codes tell the two apart.

    Args:
        said: the message.
        reasons: what `failure` said of each model.
        kind: the class of the error otherwise.

    >>> no_model("all failed", ["not enough memory; 2 GB", "singular matrix"])
    MemoryError('all failed')
    """
    return (MemoryError if any(why.startswith(_NO_MEMORY) for why in reasons) else kind)(said)
