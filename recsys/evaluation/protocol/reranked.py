"""A model whose lists are re-ranked, as one more model of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from recsys.errors import ArgumentError
from recsys.evaluation.protocol.contenders import Contender, Fresh, Model, Trained, with_seed
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.models.common import OnEpoch
from recsys.recommend.chosen import OnSearch
from recsys.recommend.items import ItemTable
from recsys.recommend.ranking import FittedRanker
from recsys.recommend.rerank.catalog import Catalog
from recsys.recommend.rerank.reranker import Reranker
from recsys.recommend.rerank.reranking import Reranking


@dataclass(frozen=True, eq=False)
class Once:
    """A contender that is trained once for each split, however often it is asked."""

    contender: Contender
    _latest: list[tuple[PreparedSplit, Trained]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.contender.name

    @property
    def predicts_ratings(self) -> bool:
        """Whether a score is a predicted rating."""
        return self.contender.predicts_ratings

    def to_dict(self) -> Mapping[str, Any]:
        """Name and hyperparameters."""
        return self.contender.to_dict()

    def with_seed(self, seed: int) -> Once | None:
        """The same with another seed; None where nothing is drawn."""
        model = self.contender.model if isinstance(self.contender, Fresh) else None
        seeded = with_seed(model, seed)
        return None if seeded is None else Once(Fresh(seeded))

    def train(
        self,
        prepared: PreparedSplit,
        on_epoch: OnEpoch | None = None,
        on_search: OnSearch | None = None,
    ) -> Trained:
        """What the first call for this split gave."""
        if not self._latest or self._latest[0][0] is not prepared:
            self._latest[:] = [(prepared, self.contender.train(prepared, on_epoch, on_search))]
        return self._latest[0][1]


@dataclass(frozen=True, eq=False)
class Reranked:
    """Another contender, whose lists are chosen from longer ones."""

    base: Once
    way: Reranker

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.base.name

    @property
    def predicts_ratings(self) -> bool:
        """Whether a score is a predicted rating."""
        return self.base.predicts_ratings

    def to_dict(self) -> Mapping[str, Any]:
        """Name and hyperparameters of the model, and the way."""
        return dict(self.base.to_dict()) | {"rerank": str(self.way)}

    def with_seed(self, seed: int) -> Reranked | None:
        """The same with another seed; None where nothing is drawn."""
        base = self.base.with_seed(seed)
        return None if base is None else Reranked(base, self.way)

    def train(
        self,
        prepared: PreparedSplit,
        on_epoch: OnEpoch | None = None,
        on_search: OnSearch | None = None,
    ) -> Trained:
        """The base, trained or taken from memory, with its lists re-ranked.

        Raises:
            ArgumentError: the base ranks in a way of its own.
        """
        trained = self.base.train(prepared, on_epoch, on_search)
        ranker = trained.ranker
        if not isinstance(ranker, FittedRanker):
            raise ArgumentError(f"the lists of {self.name} cannot be re-ranked")
        counts = None if ranker.counts is None else ranker.counts.items
        catalog = Catalog(ranker.fitted, ItemTable.of(prepared.split.train.item_table), counts)
        ranker = replace(ranker, reranking=Reranking(self.way, catalog))
        return Trained(ranker, dict(trained.spec) | {"rerank": str(self.way)}, trained.log)


def with_rerankings(
    models: Mapping[str, Model | Contender], ways: Sequence[Reranker]
) -> dict[str, Model | Contender]:
    """The models, each followed by itself under each way, as "name way=strength".

    A model is trained once for each split, unless the evaluation gives it seeds.

    Raises:
        ArgumentError: a name would be there twice.
    """
    found: dict[str, Model | Contender] = {}
    for name, model in models.items():
        base = Once(model if isinstance(model, Contender) else Fresh(model))
        each = {name: base} | {f"{name} {way}": Reranked(base, way) for way in ways}
        if len(each) <= len(ways) or found.keys() & each.keys():
            raise ArgumentError(f"rerank names a way of {name} twice")
        found |= each if ways else {name: model}
    return found
