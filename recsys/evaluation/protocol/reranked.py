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
class Reranked:
    """Another contender, trained once for each split for all the ways to re-rank its lists."""

    base: Contender
    way: Reranker | None
    """None leaves the lists as they are."""
    _latest: list[tuple[PreparedSplit, Trained]] = field(default_factory=list)
    """Shared by those with the same base."""

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
        return self._described(self.base.to_dict())

    def with_seed(self, seed: int) -> Reranked | None:
        """The same with another seed, trained for itself; None where nothing is drawn."""
        seeded = with_seed(self.base.model, seed) if isinstance(self.base, Fresh) else None
        return None if seeded is None else Reranked(Fresh(seeded), self.way)

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
        if not self._latest or self._latest[0][0] is not prepared:
            self._latest[:] = [(prepared, self.base.train(prepared, on_epoch, on_search))]
        trained = self._latest[0][1]
        if self.way is None:
            return trained
        ranker = trained.ranker
        if not isinstance(ranker, FittedRanker):
            raise ArgumentError(f"the lists of {self.name} cannot be re-ranked")
        items = ItemTable.of(prepared.split.train.item_table)
        counts = prepared.counts if ranker.counts is None else ranker.counts.items
        catalog = Catalog(ranker.fitted, items, lambda: counts)
        ranker = replace(ranker, reranking=Reranking(self.way, catalog))
        return Trained(ranker, self._described(trained.spec), trained.log)

    def _described(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        return dict(spec) | ({} if self.way is None else {"rerank": str(self.way)})


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
        plain = Reranked(model if isinstance(model, Contender) else Fresh(model), None)
        each = {name: plain} | {f"{name} {way}": replace(plain, way=way) for way in ways}
        if len(each) <= len(ways) or found.keys() & each.keys():
            raise ArgumentError(f"rerank sets {name} twice")
        found |= each if ways else {name: model}
    return found
