"""Metrics, one record each: adding one means adding one file to this folder.

A module that defines a `Metric` is found by itself. Tables, report, JSON, checks, gate and command
line read `METRICS`; there is no second list.
"""

from __future__ import annotations

import importlib
import pkgutil

from recsys.evaluation.metrics.record import GROUPS, Metric


def _discovered() -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for module in pkgutil.iter_modules(__path__):
        names = vars(importlib.import_module(f"{__name__}.{module.name}"))
        found |= {one.name: one for one in names.values() if isinstance(one, Metric)}
    ordered = sorted(found.values(), key=lambda m: (GROUPS.index(m.group), m.place, m.name))
    return {metric.name: metric for metric in ordered}


METRICS: dict[str, Metric] = _discovered()
"""Every metric by name, in the order of tables: by group, then by place."""


def metric_of(column: str) -> Metric:
    """The metric behind a column name such as `ndcg@10`."""
    return METRICS[column.partition("@")[0]]


def label_of(column: str) -> str:
    """The column name for readers.

    >>> label_of("ndcg@10"), label_of("rmse")
    ('NDCG@10', 'RMSE')
    """
    _, at, k = column.partition("@")
    return metric_of(column).label + at + k


def metrics_from(inputs: type) -> list[Metric]:
    """The metrics that are computed from one class of `recsys.evaluation.metrics.inputs`."""
    return [metric for metric in METRICS.values() if metric.inputs is inputs]
