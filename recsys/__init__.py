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
    "Progress": "recsys.models.spec",
    "ImplicitALS": "recsys.models.implicit_als",
    "ExplicitALS": "recsys.models.explicit_als",
    "PureSVD": "recsys.models.svd",
    "NormalizedSVD": "recsys.models.svd",
    "BPR": "recsys.models.pairwise",
    "LogisticMF": "recsys.models.pairwise",
    "Popularity": "recsys.models.baselines",
    "Biases": "recsys.models.baselines",
    "Recommender": "recsys.recommend.recommender",
    "train": "recsys.recommend.recommender",
    "evaluate": "recsys.evaluation.protocol",
    "Evaluation": "recsys.evaluation.result",
    "Grid": "recsys.evaluation.grid",
    "EASE": "recsys.evaluation.yardsticks",
    "ItemKNN": "recsys.evaluation.yardsticks",
    "save": "recsys.store.model_file",
    "load": "recsys.store.model_file",
    "fetch": "recsys.ratings.datasets",
}
_MODULES = {
    "splits": "recsys.ratings.splits",
    "feedback": "recsys.ratings.feedback",
    "maps": "recsys.maps",
}

__all__ = [
    "BPR",
    "Evaluation",
    "Biases",
    "EASE",
    "ExplicitALS",
    "Factors",
    "Feedback",
    "Grid",
    "ImplicitALS",
    "ItemKNN",
    "LogisticMF",
    "NormalizedSVD",
    "Popularity",
    "Progress",
    "PureSVD",
    "Ratings",
    "Recommender",
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
    from recsys.evaluation.grid import Grid
    from recsys.evaluation.protocol import evaluate
    from recsys.evaluation.result import Evaluation
    from recsys.evaluation.yardsticks import EASE, ItemKNN
    from recsys.models.baselines import Biases, Popularity
    from recsys.models.explicit_als import ExplicitALS
    from recsys.models.factors import Factors
    from recsys.models.implicit_als import ImplicitALS
    from recsys.models.pairwise import BPR, LogisticMF
    from recsys.models.spec import Progress
    from recsys.models.svd import NormalizedSVD, PureSVD
    from recsys.ratings import feedback, splits
    from recsys.ratings.datasets import fetch
    from recsys.ratings.feedback import Feedback
    from recsys.ratings.ratings import Ratings
    from recsys.ratings.readers import read_ratings
    from recsys.recommend.recommender import Recommender, train
    from recsys.store.model_file import load, save


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'recsys' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
