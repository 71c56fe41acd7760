"""The health of a model, with figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recsys.diagnosis import health as diagnosis
from recsys.maps import plots
from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, eq=False)
class Health(diagnosis.Health):
    """The numerical health of a model, as numbers and figures."""

    def plot(self) -> Any:
        """Spectra, conditions, loss, norms and recommendation counts in one matplotlib figure."""
        return plots.plot_health(self)

    def plot_norms(self) -> Any:
        """Length of the item factors against popularity, as a matplotlib figure."""
        return plots.plot_norms(self.norms, self.norm_correlation)


def health(model: Recommender, k: int = 10) -> Health:
    """Examines a model; see `recsys.diagnosis.health.health`.

    Args:
        model: a trained model with factors. Conditions, gradients, recommendation counts and the
            spectrum of the ratings need its history.
        k: length of the lists in which recommendations are counted.

    Raises:
        ModelError: the model has no factors, or all its items have the same.
        ArgumentError: k is less than 1.
    """
    return Health(**vars(diagnosis.health(model, k)))
