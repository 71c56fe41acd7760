"""EASE and item-kNN, by their old address."""

from recsys.models.ease import EASE
from recsys.models.item_knn import ItemKNN
from recsys.models.item_weights import ItemWeights

YARDSTICKS = {EASE.name: EASE, ItemKNN.name: ItemKNN}

__all__ = ["EASE", "YARDSTICKS", "ItemKNN", "ItemWeights"]
