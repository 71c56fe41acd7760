"""The data sets that `fetch` knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def listed() -> list[Mapping[str, Any]]:
    """A row per data set: name, ratings (in words) and licence."""
    from recsys.ratings.datasets import DATASETS, SHORT_LICENCE

    return [
        {"name": one.name, "ratings": one.ratings, "licence": SHORT_LICENCE}
        for one in DATASETS.values()
    ]
