"""Which users are copies of others: an import ran twice, or people were given new ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import with_ones

FEWEST = 5
"""Items from which on two people have almost the same by no accident."""
ALIKE = 0.8
"""Items of both / items of either, from which on two users are copies."""

_BANDS, _HASHES = 10, 4  # find all but one in 200 of pairs at `ALIKE`


def are_copies(matrix: sp.csr_matrix) -> npt.NDArray[np.bool_]:
    """Whether each row (n_rows,) has almost the same columns as another one, whatever the values.

    Rows of fewer than `FEWEST` entries are no copies.

    Source: MinHash (Broder 1997) with banding (Leskovec, Rajaraman, Ullman, "Mining of Massive
    Datasets", 3.4); pairs that it finds are compared exactly.

    >>> rows = sp.csr_matrix(np.eye(8, dtype=int)[[0, 1, 2]] + np.array([[0, 0, 0, 1, 1, 1, 1, 1]]))
    >>> are_copies(rows), are_copies(sp.vstack([rows, rows[0]], format="csr"))
    (array([False, False, False]), array([ True, False, False,  True]))
    """
    counts = np.diff(matrix.indptr)
    long = np.flatnonzero(counts >= FEWEST)
    found = np.zeros(len(counts), bool)
    rows = with_ones(matrix[long])
    for first, second in _candidates(rows):
        both = np.asarray(rows[first].multiply(rows[second]).sum(axis=1)).ravel()
        alike = both >= ALIKE * (counts[long[first]] + counts[long[second]] - both)
        found[long[first[alike]]] = found[long[second[alike]]] = True
    return found


def _candidates(rows: sp.csr_matrix) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    # Pairs of neighbours among the rows that have the same smallest numbers in a band.
    if not rows.shape[0]:
        return
    rng = np.random.default_rng(0)
    for _ in range(_BANDS):
        keys = np.empty((rows.shape[0], _HASHES), np.uint32)
        for at in range(_HASHES):
            drawn = rng.permutation(rows.shape[1]).astype(np.uint32)
            keys[:, at] = np.minimum.reduceat(drawn[rows.indices], rows.indptr[:-1])
        order = np.lexsort(keys.T)
        same = (keys[order][1:] == keys[order][:-1]).all(axis=1)
        yield order[:-1][same], order[1:][same]
