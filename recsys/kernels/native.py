"""The compiled module: which instruction set it runs on, and the checks on what it is given.

The code is compiled once per instruction set and the best one for this CPU is chosen at run time;
the environment variable `RECSYS_ISA` overrides the choice.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.threads import default_threads

if not getattr(sys, "_is_gil_enabled", lambda: True)():
    raise ImportError(
        "recsys is not tested without the global interpreter lock, and its caches are not "
        "thread-safe without it; run this Python with the environment variable PYTHON_GIL=1"
    )

try:
    _kernels = importlib.import_module("recsys.kernels._kernels")
except ImportError as error:
    raise ImportError(
        "recsys was imported from a checkout without compiled kernels; run 'pip install -e .' "
        "there, or start Python in another folder"
    ) from error

FloatArray = npt.NDArray[np.float32]
Integers = npt.NDArray[np.integer]

native: Any = _kernels
"""The compiled functions; they check nothing."""


class InstructionSet(NamedTuple):
    """One variant of the compiled code."""

    number: int
    """Its place in the compiled table, which depends on the CPU."""
    row_unit: int
    """A row of factors is padded to a multiple of this many floats."""
    panel_width: int
    """Items of a panel; see `PackedItems`."""


_VARIANTS = {
    name: InstructionSet(number, *rest)
    for number, (name, *rest) in enumerate(native.instruction_sets())
}
INSTRUCTION_SETS: tuple[str, ...] = tuple(_VARIANTS)
"""What this CPU can run, best first: avx512, avx2, baseline."""


def instruction_set() -> str:
    """The name of the instruction set in use: `RECSYS_ISA`, or the best this CPU can run.

    Raises:
        ArgumentError: `RECSYS_ISA` names one that this CPU cannot run.
    """
    name = os.environ.get("RECSYS_ISA", INSTRUCTION_SETS[0])
    if name not in _VARIANTS:
        have = ", ".join(INSTRUCTION_SETS)
        raise ArgumentError(f"RECSYS_ISA must be one of {have}, not {name!r}")
    return name


def variant(name: str) -> InstructionSet:
    """The variant called `name`."""
    return _VARIANTS[name]


def variant_for(width: int) -> InstructionSet:
    """The variant that solves rows of this width.

    Vectors of 512 bits pad rows to 32 numbers. Up to 16, those of 256 bits take half the time;
    `RECSYS_ISA` overrides that, too.
    """
    found, narrow = variant(instruction_set()), _VARIANTS.get("avx2")
    if narrow is None or "RECSYS_ISA" in os.environ:
        return found
    return narrow if width <= narrow.row_unit < found.row_unit else found


def thread_count(n_threads: int | None) -> int:
    """`n_threads`, or the default where it is None.

    Raises:
        ArgumentError: it is less than 1.
    """
    if n_threads is not None and n_threads < 1:
        raise ArgumentError(f"n_threads must be at least 1, not {n_threads}")
    return n_threads or default_threads()


def float32(array: npt.ArrayLike) -> FloatArray:
    """The array as contiguous native float32, copied only where it is not."""
    return np.ascontiguousarray(array, dtype=np.float32)


def checked_csr(
    indptr: npt.ArrayLike, columns: npt.ArrayLike, n_rows: int, n_columns: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """CSR row starts and columns in the types of the kernels, which index without a check.

    Raises:
        ArgumentError: they do not describe `n_rows` rows over `n_columns` columns.
    """
    indptr, columns = _whole("indptr", indptr), _whole("columns", columns)
    if len(indptr) != n_rows + 1 or indptr[0] != 0 or indptr[-1] != len(columns):
        raise ArgumentError(f"indptr does not describe {n_rows} rows of {len(columns)} entries")
    if n_rows > 1 and (indptr[1:] < indptr[:-1]).any():  # the ends of one row are right already
        raise ArgumentError("indptr must not decrease")
    # Read as unsigned numbers, negative ones are the largest.
    unsigned = columns.view(np.dtype(f"u{columns.itemsize}"))
    if len(columns) and unsigned.max() >= n_columns:
        raise ArgumentError(f"a column number lies outside 0 .. {n_columns - 1}")
    return (
        np.ascontiguousarray(indptr, dtype=np.int64),
        np.ascontiguousarray(columns, dtype=np.int32),
    )


def _whole(name: str, numbers: npt.ArrayLike) -> Integers:
    # In native byte order before anything is compared: a view of other bytes means other numbers.
    array = np.asarray(numbers)
    kind = array.dtype
    if kind.kind in "iu" and kind.isnative:
        return array
    if kind.kind not in "iu" and array.size:
        raise ArgumentError(f"{name} must hold whole numbers, not {array.dtype}")
    return array.astype(array.dtype.newbyteorder("=") if array.size else np.int64, copy=False)


def check_shape(name: str, given: npt.ArrayLike | None, *allowed: tuple[int, ...]) -> None:
    """Raises ArgumentError where an array is given and has none of the allowed shapes."""
    if given is None:
        return
    shape = given.shape if isinstance(given, np.ndarray) else np.shape(given)
    if shape not in allowed:
        raise ArgumentError(f"{name} must be {allowed[-1]}, not {shape}")
