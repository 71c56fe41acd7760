"""Arrays in the order of an index: factors from elsewhere, pairs of users and items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.ids import IdIndex, as_id_array, several
from recsys.models.common import FloatArray

if TYPE_CHECKING:
    from recsys.models.spec import Fitted


def all_finite(array: npt.NDArray[Any]) -> bool:
    """Whether all numbers are finite, found without memory for an answer to each.

    >>> all_finite(np.array([1e200, -1e200])), all_finite(np.array([1, np.nan]))
    (True, False)
    """
    flat = array.reshape(-1)
    # Only finite terms have a finite sum of squares; a sum that overflows says nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(flat @ flat) or np.isfinite(flat).all())


def placed(
    ids: npt.ArrayLike, table: npt.ArrayLike, bias: npt.ArrayLike | None, kind: str
) -> tuple[IdIndex, FloatArray, FloatArray]:
    """The index of some ids, and factors (n, f) and biases (n,) in its order, as float32.

    >>> index, factors, bias = placed([20, 10], [[1.0], [2.0]], None, "user")
    >>> index.ids.tolist(), factors.tolist(), bias.tolist()
    ([10, 20], [[2.0], [1.0]], [0.0, 0.0])

    Raises:
        ArgumentError: the arrays do not fit together, or an id comes twice.
    """
    given, rows = as_id_array(ids, kind), np.asarray(table, np.float32)
    own = np.zeros(len(given)) if bias is None else np.asarray(bias)
    if rows.ndim != 2 or len(rows) != len(given) or own.shape != (len(given),):
        raise ArgumentError(
            f"{len(given)} {kind} ids, factors {rows.shape} and biases {own.shape} do not fit "
            "together; give a row of each per id"
        )
    index = IdIndex(given, kind)
    order = np.empty(len(given), np.int64)
    order[index.rows(given)] = np.arange(len(given))
    return index, rows[order], own[order].astype(np.float32)


def paired_rows(
    fitted: Fitted, users: npt.ArrayLike, items: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Rows of n users and of n items, given by external ids; one id on a side serves all pairs.

    Raises:
        UnknownIdError: an id was not in the training data.
        ArgumentError: there are not as many users as items.
    """
    return paired(fitted.users.rows(several(users)), fitted.items.rows(several(items)))


def paired(
    user_rows: npt.NDArray[Any], item_rows: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Both rows with the same length (n,); a single one serves all pairs.

    Raises:
        ArgumentError: there are not as many users as items.
    """
    if len(user_rows) != len(item_rows) and 1 not in (len(user_rows), len(item_rows)):
        raise ArgumentError(f"{len(user_rows)} users do not pair with {len(item_rows)} items")
    rows, columns = np.broadcast_arrays(user_rows, item_rows)
    return rows, columns


def check_above_zero(state: Mapping[str, npt.NDArray[Any]], *names: str) -> None:
    """Raises ArgumentError where an array of the state is there and has a value of 0 or less.

    A model file may hold anything, and its square root is taken.
    """
    for name in names:
        if name in state and not (state[name] > 0).all():
            raise ArgumentError(f"{name} must be above 0")


def rows_or_zeros(table: npt.NDArray[Any], rows: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
    """Rows of a table, zeros where the number of a row is negative.

    >>> rows_or_zeros(np.array([[1.0], [2.0]]), np.array([1, -1])).tolist()
    [[2.0], [0.0]]
    """
    if not len(table):
        return np.zeros((len(rows), *table.shape[1:]), table.dtype)
    found: npt.NDArray[Any] = table.take(rows, axis=0, mode="clip")
    found[rows < 0] = 0
    return found
