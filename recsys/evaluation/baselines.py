"""The models that every evaluation includes, so that all others can be compared with them."""

from __future__ import annotations

from collections.abc import Mapping

from recsys.models.baselines import Biases, Popularity
from recsys.models.spec import Spec

BASELINES: Mapping[str, Spec] = {"popularity": Popularity(), "biases": Biases()}
"""Name in the tables → spec; a metric names the one that it is compared with."""
