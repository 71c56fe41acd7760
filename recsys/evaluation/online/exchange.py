"""Is a difference between two versions more than chance? People change versions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PERMUTATIONS = 4000
"""Random exchanges behind a p-value."""

_BLOCK = 1 << 22  # random numbers drawn together


def exchange_test(
    tops: npt.NDArray[np.float64],
    belows: npt.NDArray[np.float64],
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Two-sided p-value of a difference of zero between two ratios Σ tops / Σ belows.

    If the two versions were the same, a person could as well have been served by the other one.
    Whoever was served by one version alone is drawn again with the share of people that it has, as
    the traffic is shared; whoever was served by both has their lists exchanged with probability
    one half. The observed arrangement counts as one of them, so that p is never 0. It is 1 where
    a version has served nobody, or nobody did anything.

    Args:
        tops: (n, 2) lists of n people with the event, by version.
        belows: (n, 2) all lists.
        permutations: how many exchanges.
        seed: seed of the exchanges.

    >>> exchange_test(np.array([[5.0, 5.0], [1.0, 1.0]]), np.array([[9.0, 9.0], [9.0, 9.0]]))
    1.0
    """
    if not (belows.sum(axis=0) > 0).all() or not tops.any():
        return 1.0
    both = (belows > 0).all(axis=1)
    alone = ~both & (belows > 0).any(axis=1)
    share = float((belows[alone, 0] > 0).mean()) if alone.any() else 0.0
    # Each person as (first, second): of those served by one version, all of it is "first".
    first = np.stack([tops.sum(axis=1), belows.sum(axis=1)], axis=1)
    second = np.zeros_like(first)
    first[both], second[both] = (
        np.stack([tops[both, at], belows[both, at]], axis=1) for at in (0, 1)
    )
    chance = np.where(both, 0.5, share)[both | alone]
    first, second = first[both | alone], second[both | alone]
    total = first.sum(axis=0) + second.sum(axis=0)
    observed = _gap(np.stack([tops[:, 0].sum(), belows[:, 0].sum()])[None], total)[0]
    rng, extreme, done = np.random.default_rng(seed), 0, 0
    while done < permutations:
        rows = min(permutations - done, max(1, _BLOCK // len(first)))
        stays = (rng.random((rows, len(first)), np.float32) < chance).astype(np.float64)
        ours = second.sum(axis=0) + stays @ (first - second)
        gaps = _gap(ours, total)
        # An exchange that leaves one version without lists shows no difference.
        extreme += int((np.abs(np.nan_to_num(gaps)) >= abs(observed) - 1e-12).sum())
        done += rows
    return (extreme + 1) / (permutations + 1)


def _gap(ours: npt.NDArray[np.float64], total: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # Ratio of one version − ratio of the other, for the sums (n, 2) of the first.
    theirs = total - ours
    ratios = [
        np.divide(one[:, 0], one[:, 1], out=np.full(len(one), np.nan), where=one[:, 1] > 0)
        for one in (ours, theirs)
    ]
    return np.asarray(ratios[0] - ratios[1])
