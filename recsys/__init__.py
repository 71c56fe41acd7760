"""Matrix-factorization recommender: from a ratings file to recommendations you can trust.

    ratings = recsys.read_ratings("ml-1m.zip")
    model = recsys.train(recsys.ImplicitALS(n_factors=64), ratings)
    model.recommend(196, n=10)

Names load on first use, so that importing the package costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from recsys import errors

__version__ = "0.1.0"

_HOMES = {
    "read_ratings": "recsys.ratings.readers",
    "Ratings": "recsys.ratings.ratings",
    "Feedback": "recsys.ratings.feedback",
    "Factors": "recsys.models.factors",
    "ItemWeights": "recsys.models.item_weights",
    "Progress": "recsys.models.spec",
    "State": "recsys.models.alternating",
    "Choice": "recsys.recommend.choice",
    "Recommender": "recsys.recommend.recommender",
    "train": "recsys.recommend.training",
    "evaluate": "recsys.evaluation.protocol.evaluate",
    "Evaluation": "recsys.evaluation.evaluation",
    "Grid": "recsys.evaluation.protocol.grid",
    "save": "recsys.store.model_file",
    "load": "recsys.store.model_file",
    "fetch": "recsys.ratings.datasets",
}
"""Name → module, of everything but the models, which the registry knows."""
_MODULES = {
    "splits": "recsys.ratings.splits",
    "feedback": "recsys.ratings.feedback",
    "maps": "recsys.maps",
}

__all__ = [
    "BPR",
    "Biases",
    "Choice",
    "EASE",
    "Evaluation",
    "ExplicitALS",
    "Factors",
    "Feedback",
    "Grid",
    "ImplicitALS",
    "ItemKNN",
    "ItemWeights",
    "LogisticMF",
    "NormalizedSVD",
    "Popularity",
    "Progress",
    "PureSVD",
    "Ratings",
    "Recommender",
    "State",
    "__version__",
    "errors",
    "evaluate",
    "feedback",
    "fetch",
    "load",
    "maps",
    "read_ratings",
    "save",
    "splits",
    "train",
]

if TYPE_CHECKING:
    from recsys import maps
    from recsys.evaluation.evaluation import Evaluation
    from recsys.evaluation.protocol.evaluate import evaluate
    from recsys.evaluation.protocol.grid import Grid
    from recsys.models.alternating import State
    from recsys.models.baselines import Biases, Popularity
    from recsys.models.ease import EASE
    from recsys.models.explicit_als import ExplicitALS
    from recsys.models.factors import Factors
    from recsys.models.implicit_als import ImplicitALS
    from recsys.models.item_knn import ItemKNN
    from recsys.models.item_weights import ItemWeights
    from recsys.models.pairwise import BPR, LogisticMF
    from recsys.models.spec import Progress
    from recsys.models.svd import NormalizedSVD, PureSVD
    from recsys.ratings import feedback, splits
    from recsys.ratings.datasets import fetch
    from recsys.ratings.feedback import Feedback
    from recsys.ratings.ratings import Ratings
    from recsys.ratings.readers import read_ratings
    from recsys.recommend.choice import Choice
    from recsys.recommend.recommender import Recommender
    from recsys.recommend.training import train
    from recsys.store.model_file import load, save


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    from recsys.models import registry

    for home in registry.BUILT_IN.values():
        module, _, model = home.partition(":")
        if model == name:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'recsys' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
