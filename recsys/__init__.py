"""Matrix-factorization recommender: from a ratings file to recommendations you can trust.

    ratings = recsys.read_ratings("ml-1m.zip")
    model = recsys.train(recsys.ImplicitALS(n_factors=64), ratings)
    model.recommend(196, n=10)

Names load on first use, so that importing the package costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from recsys import errors as errors
from recsys.models.registry import CLASSES

__version__ = "0.1.0"

_HOMES = {
    "read_ratings": "recsys.ratings.readers",
    "Ratings": "recsys.ratings.ratings",
    "Feedback": "recsys.ratings.feedback",
    "Factors": "recsys.models.factors",
    "ItemWeights": "recsys.models.item_weights",
    "Progress": "recsys.models.common",
    "State": "recsys.models.alternating",
    "Choice": "recsys.recommend.choice",
    "Recommender": "recsys.recommend.recommender",
    "train": "recsys.app.training",
    "evaluate": "recsys.evaluation.protocol.evaluate",
    "Evaluation": "recsys.evaluation.evaluation",
    "Grid": "recsys.evaluation.protocol.grid",
    "Auto": "recsys.evaluation.search.auto",
    "auto": "recsys.evaluation.search.auto",
    "blend": "recsys.evaluation.search.blending",
    "Tuner": "recsys.evaluation.tuning.tune",
    "Tuning": "recsys.evaluation.tuning.tuning",
    "tune": "recsys.evaluation.tuning.tune",
    "save": "recsys.store.model_file",
    "load": "recsys.store.model_file",
    "save_index": "recsys.store.index_file",
    "load_index": "recsys.store.index_file",
    "RatingsStore": "recsys.store.database.ratings_store",
    "fetch": "recsys.ratings.datasets",
}
"""Name → module, of everything but the models, which the registry knows."""
_MODULES = {
    "splits": "recsys.ratings.splits",
    "feedback": "recsys.ratings.feedback",
    "maps": "recsys.maps",
}

__all__ = [*sorted([*_HOMES, *_MODULES, *CLASSES, "errors"]), "__version__"]

if TYPE_CHECKING:  # the same names, for type checkers
    from recsys import maps as maps
    from recsys.app.training import train as train
    from recsys.evaluation.evaluation import Evaluation as Evaluation
    from recsys.evaluation.protocol.evaluate import evaluate as evaluate
    from recsys.evaluation.protocol.grid import Grid as Grid
    from recsys.evaluation.search.auto import Auto as Auto
    from recsys.evaluation.search.auto import auto as auto
    from recsys.evaluation.search.blending import blend as blend
    from recsys.evaluation.tuning.tune import Tuner as Tuner
    from recsys.evaluation.tuning.tune import tune as tune
    from recsys.evaluation.tuning.tuning import Tuning as Tuning
    from recsys.models.alternating import State as State
    from recsys.models.baselines import Biases as Biases
    from recsys.models.baselines import Popularity as Popularity
    from recsys.models.blend import Blend as Blend
    from recsys.models.common import Progress as Progress
    from recsys.models.ease import EASE as EASE
    from recsys.models.explicit_als import ExplicitALS as ExplicitALS
    from recsys.models.external import External as External
    from recsys.models.factors import Factors as Factors
    from recsys.models.implicit_als import ImplicitALS as ImplicitALS
    from recsys.models.item_knn import ItemKNN as ItemKNN
    from recsys.models.item_weights import ItemWeights as ItemWeights
    from recsys.models.pairwise import BPR as BPR
    from recsys.models.pairwise import LogisticMF as LogisticMF
    from recsys.models.spark_als import SparkExplicitALS as SparkExplicitALS
    from recsys.models.spark_als import SparkImplicitALS as SparkImplicitALS
    from recsys.models.svd import NormalizedSVD as NormalizedSVD
    from recsys.models.svd import PureSVD as PureSVD
    from recsys.ratings import feedback as feedback
    from recsys.ratings import splits as splits
    from recsys.ratings.datasets import fetch as fetch
    from recsys.ratings.feedback import Feedback as Feedback
    from recsys.ratings.ratings import Ratings as Ratings
    from recsys.ratings.readers import read_ratings as read_ratings
    from recsys.recommend.choice import Choice as Choice
    from recsys.recommend.recommender import Recommender as Recommender
    from recsys.store.database.ratings_store import RatingsStore as RatingsStore
    from recsys.store.index_file import load_index as load_index
    from recsys.store.index_file import save_index as save_index
    from recsys.store.model_file import load as load
    from recsys.store.model_file import save as save


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in CLASSES:
        return getattr(importlib.import_module(CLASSES[name].partition(":")[0]), name)
    raise AttributeError(f"module 'recsys' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
