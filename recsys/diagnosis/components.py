"""Linear algebra of the factor tables: components, spectra, and how much each direction carries.

X (n_users, f) are the factors of users, Y (n_items, f) those of items, X Yᵀ the predictions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatMatrix = npt.NDArray[np.float64]
FloatVector = npt.NDArray[np.float64]

_ROWS = 8192  # of a table that are decomposed at once


def centred(table: npt.NDArray[np.floating]) -> FloatMatrix:
    """The table in float64, less the mean of its rows."""
    table = table.astype(np.float64)
    return np.asarray(table - table.mean(axis=0))


def right_singular_vectors(items: FloatMatrix) -> FloatMatrix:
    """(min(n, f), f) orthonormal rows, largest singular value first: of a centred table its
    principal components.
    """
    return np.asarray(np.linalg.svd(items, full_matrices=False)[2])


def signs_of(components: FloatMatrix) -> FloatVector:
    """(k,) signs that make the entry of largest magnitude in each row positive.

    Singular vectors are defined up to their sign; this choice, scikit-learn's too, keeps pictures
    from flipping between runs.
    """
    largest = np.abs(components).argmax(axis=1)
    return np.asarray(np.sign(components[np.arange(len(components)), largest]))


def prediction_shares(users: FloatMatrix, items: FloatMatrix) -> FloatVector:
    """(k,) share of the predictions' variance that each component adds; zeros where there is none.

    The variance is that of users' scores over the items, centred per user and summed over users:
    the squared norm of `users @ items.T`.

    Args:
        users: (n_users, k) coordinates of users along the components.
        items: (n_items, k) coordinates of the centred items.
    """
    # ‖Σ_{j ≤ k} users_j items_jᵀ‖² is the sum of products[j, l] over all j, l ≤ k. Component k adds
    # the difference of two such sums.
    products = (users.T @ users) * (items.T @ items)
    kept = np.array([products[:k, :k].sum() for k in range(len(products) + 1)])
    return np.diff(kept) / kept[-1] if kept[-1] > 0 else np.zeros(len(products))


def axis_shares(users: npt.NDArray[np.floating], items: npt.NDArray[np.floating]) -> FloatVector:
    """(f,) share of the predictions' variance by factor, ignoring what factors have in common."""
    squares = np.square(users.astype(np.float64)).sum(axis=0)
    carried = squares * np.square(centred(items)).sum(axis=0)
    return np.asarray(carried / carried.sum() if carried.sum() > 0 else carried)


def predictions_spectrum(
    users: npt.NDArray[np.floating], items: npt.NDArray[np.floating]
) -> FloatVector:
    """(f,) singular values of `users @ items.T`, largest first."""
    # X Yᵀ = Q_x (R_x R_yᵀ) Q_yᵀ, so the small matrix in the middle has the same singular values.
    return np.asarray(np.linalg.svd(_triangle(users) @ _triangle(items).T, compute_uv=False))


def _triangle(table: npt.NDArray[np.floating]) -> FloatMatrix:
    # R of a QR decomposition, in blocks of rows: Q is never needed, and tables may be large.
    found = np.zeros((0, table.shape[1]))
    for start in range(0, len(table), _ROWS):
        block = np.vstack([found, table[start : start + _ROWS]])
        found = np.asarray(np.linalg.qr(block, mode="r"))
    return found


def effective_rank(spectrum: FloatVector) -> float:
    """Exp of the entropy of the shares σ²/Σσ²; 0 for a spectrum of zeros.

    This many equal directions would have the same entropy. Source: Roy, Vetterli, "The effective
    rank", EUSIPCO 2007 (there of σ/Σσ).

    >>> round(effective_rank(np.array([2.0, 2.0, 2.0, 0.0])), 6)
    3.0
    """
    shares = np.square(spectrum)
    if not shares.sum() > 0:
        return 0.0
    shares = shares[shares > 0] / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
