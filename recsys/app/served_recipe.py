"""What a model in service was trained with, so that it can be trained again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from recsys.app.recipe import feature_names
from recsys.models.spec import check_suits

if TYPE_CHECKING:
    from recsys.models.common import OnEpoch
    from recsys.models.spec import Spec
    from recsys.ratings.feedback import Feedback
    from recsys.ratings.ratings import Ratings
    from recsys.recommend.chosen import Chooser, OnSearch
    from recsys.recommend.recommender import Recommender


@dataclass(frozen=True)
class ServedRecipe:
    """A model, how ratings enter it, and the features it uses."""

    spec: Spec | Chooser
    """The model, or what chooses it."""
    feedback: Feedback | None = None
    """None for values, or for what a search chooses."""
    features: Sequence[str] | None = None

    @classmethod
    def of(cls, model: Recommender) -> ServedRecipe:
        """That of a trained model: the search that chose its hyperparameters is not repeated."""
        columns = [one.name for side in model.features.values() for one in side.coding.columns]
        return cls(model.fitted.spec, model.feedback.unfitted, columns or None)

    def train(
        self,
        ratings: Ratings,
        on_epoch: OnEpoch | None = None,
        on_search: OnSearch | None = None,
    ) -> Recommender:
        """The model of these ratings.

        Raises:
            DataError: they do not suit the model.
            FitError: there is no finite solution.
        """
        from recsys.app.training import train

        check_suits(cast("Any", self.spec), ratings)  # a search has a name, too
        return train(
            self.spec, ratings, feedback=self.feedback, features=feature_names(self.features),
            on_epoch=on_epoch, on_search=on_search,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        described: Any = self.spec
        return {
            "spec": described.to_dict(),
            "feedback": None if self.feedback is None else str(self.feedback),
            "features": None if self.features is None else list(self.features),
        }
