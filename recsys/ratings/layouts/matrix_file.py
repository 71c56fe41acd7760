"""Matrices of SciPy and NumPy in files: .npz, .npy and Matrix Market (.mtx)."""

from __future__ import annotations

import tokenize
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np
import scipy.sparse as sp

from recsys.errors import ArgumentError, DataError
from recsys.ratings.columns import first_line
from recsys.ratings.compressed import opened, without_suffix
from recsys.ratings.layout import Layout, named
from recsys.ratings.matrices import raw_of_matrix
from recsys.ratings.matrix_market import read_matrix
from recsys.ratings.raw import RawRatings
from recsys.ratings.source import Source


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`. Ids are the numbers of rows and columns from 0.

    Raises:
        DataError: the file is damaged, or holds something else than one matrix of numbers.
    """
    try:
        with warnings.catch_warnings():
            # Of files that Python 2 wrote; they are read all the same.
            warnings.filterwarnings("ignore", "Reading `.npy`", UserWarning)
            matrix = _matrix(file)
        raw = raw_of_matrix(matrix, None, None, file)
    except (ArgumentError, ValueError, KeyError, OSError, EOFError, TypeError, AttributeError,
            zipfile.BadZipFile, zlib.error, StopIteration, OverflowError, RuntimeError,
            SyntaxError,
            tokenize.TokenError) as error:  # fmt: skip
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file}: not a readable matrix ({first_line(error)})") from None
    n_rows, n_columns = matrix.shape
    raw.remarks.insert(
        0,
        f"read as a matrix of {n_rows:,} users and {n_columns:,} items; ids are the numbers of "
        "rows and columns from 0",
    )
    return raw


def _matrix(file: str) -> Any:
    if without_suffix(file).lower().endswith(".mtx"):
        with opened(file) as stream:
            return read_matrix(stream)
    loaded = np.load(file, allow_pickle=False)  # a pickle could run code
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        if "format" in loaded.files:
            return sp.load_npz(file)
        if len(loaded.files) != 1:
            raise ValueError(f"{len(loaded.files)} arrays instead of one")
        return loaded[loaded.files[0]]


LAYOUT = Layout(
    name="matrix file",
    priority=48,
    matches=named("*.npz", "*.npy", "*.mtx"),
    files=("ratings.npz", "ratings.npy", "ratings.mtx"),
    read=read,
    has_columns=False,
)
