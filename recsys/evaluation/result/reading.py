"""Reading an evaluation that was saved as JSON, and that anybody may have edited since."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from recsys.errors import DataError
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.result.document import SCHEMA
from recsys.files import expanded, read_whole

Report = Mapping[str, Any]

_LARGEST = 1e100
"""Of any number, so that squares and sums stay finite."""


def read_report(path: str | os.PathLike[str]) -> Report:
    """An evaluation as `Evaluation.to_json` wrote it; what is compared is checked.

    Raises:
        DataError: the file is missing, or is not an evaluation.
    """
    try:
        text = read_whole(expanded(path)).decode("utf-8")
        found = json.loads(text, parse_constant=_no_number)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise DataError(f"{path}: not JSON; write it with --report FILE.json") from None
    if not isinstance(found, dict) or not {"schema_version", "summary", "per_user"} <= set(found):
        raise DataError(
            f"{path}: not an evaluation; write it with recsys evaluate --report FILE.json"
        )
    version = found["schema_version"]
    if _is_number(version) and version > SCHEMA:
        raise DataError(f"{path}: written by a newer version; update recsys-mf")
    wrong = _wrong(found)
    if wrong is not None:
        raise DataError(
            f"{path}: {wrong} does not have the format that recsys evaluate writes; write the "
            "report again"
        )
    return found


def _wrong(report: Report) -> str | None:
    # What is not as it should be, of that which a comparison uses.
    kinds: dict[str, Callable[[Any], bool]] = {
        "schema_version": lambda one: isinstance(one, int) and not isinstance(one, bool),
        "fingerprint": lambda one: isinstance(one, str),
        "splits": lambda one: isinstance(one, list),
        "feedback": lambda one: isinstance(one, str),
        "k": lambda one: isinstance(one, int) and not isinstance(one, bool),
        "seeds": lambda one: isinstance(one, list),
        "about": lambda one: isinstance(one, dict) and isinstance(one.get("versions"), dict),
        "specs": lambda one: (
            isinstance(one, dict) and all(isinstance(spec, dict) for spec in one.values())
        ),
        "summary": lambda one: isinstance(one, list) and all(map(_is_row, one)),
        "users": _are_ids,
        "test_ratings_per_user": lambda one: _are_numbers(one, report["users"], missing=False),
        "per_user": lambda one: _are_per_user(one, report["users"]),
    }  # fmt: skip
    for key, right in kinds.items():
        if key not in report or not right(report[key]):
            return repr(key)
    per_user = report["per_user"]
    for row in report["summary"]:
        metric, model = row["metric"], row["model"]
        if model not in report["specs"] or model not in per_user.get(metric, {model: ()}):
            return f"the model {model[:40]!r} of the summary"
    return None


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("model"), str)
        and _is_metric(row.get("metric"))
        and "mean" in row
        and (row["mean"] is None or _fits(row["mean"], row["metric"]))
    )


def _are_ids(users: Any) -> bool:
    if not isinstance(users, list):
        return False
    kinds = {type(user) for user in users}
    return kinds in ({int}, {str}, set()) and len(set(users)) == len(users)


def _are_per_user(values: Any, users: list[Any]) -> bool:
    return isinstance(values, dict) and all(
        _is_metric(metric)
        and isinstance(models, dict)
        and all(_are_numbers(column, users, metric) for column in models.values())
        for metric, models in values.items()
    )


def _are_numbers(
    values: Any, users: list[Any], metric: str | None = None, missing: bool = True
) -> bool:
    return (
        isinstance(values, list)
        and len(values) == len(users)
        and all((missing and one is None) or _fits(one, metric) for one in values)
    )


def _fits(value: Any, metric: str | None) -> bool:
    # Of a metric with roots, and of counts, nothing is below 0.
    signed = metric is not None and METRICS[metric.partition("@")[0]].power == 1
    return _is_number(value) and abs(value) < _LARGEST and (signed or value >= 0)


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, float) and math.isfinite(value)


def _is_metric(name: Any) -> bool:
    return isinstance(name, str) and name.partition("@")[0] in METRICS


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
