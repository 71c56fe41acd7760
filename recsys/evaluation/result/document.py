"""An evaluation as JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from recsys.evaluation.result.results import Results
from recsys.evaluation.result.verdict import headline, verdict
from recsys.ids import in_json

SCHEMA = 1
"""Version of the JSON."""

_TABLES = ("summary", "comparisons", "runs", "curves", "segments", "by_rating", "training")


def document(result: Results) -> dict[str, Any]:
    """Everything but single folds of single users, ready for JSON.

    Holds the values per user of the metrics that `recsys compare` tests.
    """
    # pandas writes NaN as null and NumPy numbers as plain ones.
    tables = {
        name: json.loads(getattr(result, name).to_json(orient="records", double_precision=10))
        for name in _TABLES
    }
    return {
        "schema_version": SCHEMA,
        "headline": headline(result),
        "verdict": verdict(result),
        **tables,
        "findings": [vars(finding) for finding in result.findings],
        "failures": dict(result.failures),
        "specs": {name: dict(spec) for name, spec in result.specs.items()},
        "splits": list(result.splits),
        "k": result.k,
        "feedback": result.feedback,
        "seeds": list(result.seeds),
        "fingerprint": result.fingerprint,
        "about": dict(result.about),
        "account": result.account,
        "held_out_account": result.held_out_account,
        "users": [in_json(one) for one in result.user_ids.tolist()],
        "per_user": _per_user(result),
        "test_ratings_per_user": _test_ratings(result),
    }


def _per_user(result: Results) -> dict[str, dict[str, list[float | None]]]:
    return {
        one.metric: {
            model: [None if np.isnan(v) else v for v in np.round(one.values[:, i], 6).tolist()]
            for i, model in enumerate(one.models)
        }
        for one in result.user_means
        if one.metric in result.compared
    }


def _test_ratings(result: Results) -> list[float]:
    # The weights of pooled metrics.
    for one in result.user_means:
        if one.about.pooled:
            return [float(v) for v in one.denominators.max(axis=1)]
    return []
