"""How much of the feedback an implicit model explains."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from recsys.diagnosis.components import predictions_spectrum
from recsys.diagnosis.symptoms import of_collapse
from recsys.findings import Finding
from recsys.models.implicit_als import ImplicitALS, unobserved_of
from recsys.recommend.recommender import Recommender

_ENTRIES = 1 << 18  # ratings of a block of users


def explained(model: Recommender) -> float | None:
    """Share of the weighted sum of squares of the preferences p that the scores account for.

        1 − Σ_S c (x_u·y_i − p)² / Σ_S c p²      (over the observed pairs S)

    1 where every observed pair has the score p, 0 where all scores are zero. None where it is not
    known: for other models than `ImplicitALS`, without history, and without likes.
    """
    spec, history = model.fitted.spec, model.history
    if not isinstance(spec, ImplicitALS) or history is None:
        return None
    unobserved = unobserved_of(model.factors)
    errors = total = 0.0
    # In blocks of users, because a training must not need more memory for this than for its fit.
    ends = np.searchsorted(history.indptr, np.arange(_ENTRIES, history.nnz, _ENTRIES))
    for first, last in pairwise(dict.fromkeys([0, *ends.tolist(), history.shape[0]])):
        matrix = model.feedback.of(history[first:last])
        likes = matrix.data > 0
        confidence = np.abs(matrix.data.astype(np.float64))
        if spec.alpha is not None:
            of_entries = 1.0 if unobserved is None else unobserved[matrix.indices]
            confidence = spec.unobserved_weight * of_entries + spec.alpha * confidence
        total += float(confidence[likes].sum())
        people = model.fitted.people(np.arange(first, last), matrix)
        missed = model.fitted.pair_scores(people, matrix) - likes
        errors += float(confidence @ missed.astype(np.float64) ** 2)
    return 1 - errors / total if total else None


def collapse(model: Recommender) -> tuple[Finding, ...]:
    """The finding `collapsed`, where it applies: the one worth looking for after every training."""
    share = explained(model)
    if share is None:
        return ()
    factors = model.factors
    spectrum = predictions_spectrum(factors.user_factors, factors.item_factors)
    return tuple(of_collapse(share, spectrum))
