"""`ModelParts`: what a recommender consists of, and what is derived from it once and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt

from recsys.csr import CsrArrays
from recsys.errors import ModelError
from recsys.immutable import Immutable
from recsys.lazy import sp
from recsys.models.common import Side
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.ratings.values import distinct, is_scale, spans
from recsys.recommend.choice import LIKE, Allowed, Choice
from recsys.recommend.drift import Drift
from recsys.recommend.index import Index, index_of
from recsys.recommend.items import ItemTable
from recsys.recommend.ranking import Counts, FittedRanker
from recsys.recommend.risk import AtRisk
from recsys.recommend.similarity import Similarity
from recsys.recommend.titles import TitleIndex, as_rows

if TYPE_CHECKING:
    import pandas as pd

    from recsys.models.from_features import FeatureWeights
    from recsys.recommend.approximate import About, ApproximateIndex, Purpose
    from recsys.recommend.filters.columns import ItemColumns
    from recsys.recommend.rerank.catalog import Catalog
    from recsys.recommend.rerank.reranking import Reranking

_KEPT = 64  # conditions whose items are remembered


class _Frame:
    """A field that takes a DataFrame or an `ItemTable`, keeps the table and gives the DataFrame."""

    def __init__(self, kept_as: str, optional: bool = False) -> None:
        self._kept_as, self._optional = kept_as, optional

    def __set__(self, model: ModelParts, table: Any) -> None:
        if table is None:
            table = ItemTable.without_columns(len(model.fitted.users))
        object.__setattr__(model, self._kept_as, ItemTable.of(table))

    def __get__(self, model: ModelParts | None, owner: type) -> pd.DataFrame:
        if model is not None:
            table: ItemTable = getattr(model, self._kept_as)
            return table.frame
        if self._optional:  # the default of the field
            return None  # type: ignore[return-value]
        raise AttributeError("item_table has no default")


class _History:
    """A field that takes a matrix or its arrays, and gives the matrix when it is asked for."""

    def __set__(self, model: ModelParts, history: sp.csr_matrix | CsrArrays | None) -> None:
        object.__setattr__(model, "_history", history)

    def __get__(self, model: ModelParts | None, owner: type) -> sp.csr_matrix | None:
        if model is None:  # the default of the field
            return None
        if isinstance(model._history, CsrArrays):
            object.__setattr__(model, "_history", model._history.matrix())
        history: sp.csr_matrix | None = model._history
        return history


@dataclass(frozen=True, eq=False)
class ModelParts(Immutable):
    """A fit, the history of its users and the table of its items."""

    factors: Any
    """`Factors` or `ItemWeights`: what the fit returned."""
    item_table: _Frame = _Frame("items")
    """What is known of each item, in the order of `factors.items`: a DataFrame, made when it is
    first asked for. `items` is the same without pandas."""
    if TYPE_CHECKING:
        history: sp.csr_matrix | None = None
    else:
        history: _History = _History()
    """(n_users, n_items) ratings of the training users: what counts as seen. None if left out."""
    feedback: Feedback = field(default_factory=Feedback)
    """How ratings entered the training, and enter fold-in."""
    fingerprint: str = ""
    """SHA-256 of the ratings the model was trained on."""
    account: Mapping[str, Any] | None = None
    """What was understood of their source, as `Account.to_dict` gives it; None where unknown."""
    saved_counts: Counts | None = None
    """`counts` as a model file has them; None where they are to be counted in the history."""
    search: Mapping[str, Any] | None = None
    """How its hyperparameters were chosen, `Chosen.record`; None where they were given."""
    user_table: _Frame = _Frame("people", optional=True)
    """What is known of each user, in the order of `factors.users`; likewise a DataFrame, and
    `people` without pandas."""
    features: Mapping[Side, FeatureWeights] = field(default_factory=dict)
    """What features of the items and of the users are worth; a side that was trained without
    features is not there."""

    late_items: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Increasing rows of the items whose first counted rating came after the training."""
    updated: Drift | None = None
    """What updates have added since the training; None without any."""

    if TYPE_CHECKING:  # set through history, item_table and user_table
        _history: ClassVar[Any]
        items: ClassVar[ItemTable]
        people: ClassVar[ItemTable]

    @property
    def drift(self) -> Drift:
        """How far updates have taken the model from its training."""
        if self.updated is not None:
            return self.updated
        if self.history is not None:
            return Drift(int(self.history.nnz))
        return Drift(0 if self.counts is None else int(self.counts.users.sum()))

    @property
    def fitted(self) -> Fitted:
        """`factors`, as what every fit has in common."""
        fitted: Fitted = self.factors
        return fitted

    def ranker(self, choice: Choice | None = None, *, folds_in: bool = False) -> FittedRanker:
        """A ranker that is this model under a choice; evaluation sets the length of the lists."""
        if choice is None:
            return self._plain_rankers[folds_in]
        return self._ranker(choice, folds_in)

    @cached_property
    def _plain_rankers(self) -> tuple[FittedRanker, FittedRanker]:
        # Without a choice, of training users and of people who fold in.
        return self._ranker(None, False), self._ranker(None, True)

    def _ranker(self, choice: Choice | None, folds_in: bool) -> FittedRanker:
        candidates, exclude_seen, reranking = None, True, None
        fitted, index = self.fitted, self.index
        if choice is not None:
            candidates, exclude_seen = self.candidates(choice), choice.exclude_seen
            reranking = self.reranking(choice)
            if choice.risk is not None:
                fitted = self.at_risk(choice.risk, choice.seed)
                index = index_of(fitted)
        return FittedRanker(
            fitted, folds_in, candidates, exclude_seen, index, self.counts,
            reranking=reranking, described="users" in self.features,
        )  # fmt: skip

    def at_risk(self, risk: str, seed: int) -> AtRisk:
        """The fit, scoring under a risk.

        Raises:
            ArgumentError: the model knows no standard deviations.
        """
        if "posterior" not in self.derived:
            self.derived["posterior"] = self.fitted.spec.posterior(self.fitted)
        return AtRisk(self.fitted, self.derived["posterior"], risk, seed)

    def from_features(self, side: Side) -> npt.NDArray[np.bool_]:
        """(n,) which items or users have no counted ratings, and are described by features."""
        if side not in self.features or self.counts is None:
            return np.zeros(len(getattr(self.fitted, side)), bool)
        return np.asarray(getattr(self.counts, side) == 0)

    def reranking(self, choice: Choice) -> Reranking | None:
        """How lists are re-ranked under a choice; None where they are not."""
        if choice.rerank is None:
            return None
        from recsys.recommend.rerank.reranking import Reranking
        from recsys.recommend.rerank.ways import parse

        return Reranking(parse(choice.rerank), self.catalog)

    @cached_property
    def derived(self) -> dict[str, Any]:
        """What questions have computed from the model and keep for the next one, by name."""
        return {}

    @cached_property
    def catalog(self) -> Catalog:
        """What re-rankers know of the items."""
        from recsys.recommend.rerank.catalog import Catalog

        return Catalog(self.fitted, self.items, lambda: self.popularity)

    def candidates(self, choice: Allowed) -> npt.NDArray[np.int64] | None:
        """Increasing rows of the items that a choice allows to everybody; None for all.

        Raises:
            ArgumentError: a condition cannot be read.
            UnknownIdError: an item is not there.
            ModelError: the model does not know how often its items were rated.
        """
        key = choice.key
        if key is None:
            return None
        found = self._candidates.get(key)
        if found is None:
            found = self._candidates[key] = np.flatnonzero(self._allowed(choice))
            while len(self._candidates) > _KEPT:  # another thread may have removed one already
                self._candidates.pop(next(iter(self._candidates)), None)
        return found

    @cached_property
    def _candidates(self) -> dict[object, npt.NDArray[np.int64]]:
        # The latest answers of `candidates`.
        return {}

    def _allowed(self, choice: Allowed) -> npt.NDArray[np.bool_]:
        allowed = np.zeros(len(self.fitted.items), bool)
        allowed[slice(None) if choice.among is None else self.item_rows(choice.among)] = True
        if choice.where is not None:
            from recsys.recommend.filters.masks import mask

            allowed &= mask(choice.where, self.item_columns)
        if choice.min_ratings:
            allowed &= self.popularity >= choice.min_ratings
        allowed[self.item_rows(choice.exclude)] = False
        for row in self.item_rows(choice.exclude_similar_to):
            allowed[row] = False
            allowed &= ~self.alike(int(row))
        return allowed

    def alike(self, row: int) -> npt.NDArray[np.bool_]:
        """(n_items,) which items are like one: a cosine of at least `LIKE`.

        Of an item–item model, those whose weight is at least that share of its largest.
        """
        weights = self.fitted.similarities(row)
        if weights is not None:
            most = float(weights.max(initial=0))
            return np.asarray((weights > 0) & (weights >= LIKE * most))
        return np.asarray(self.item_similarity.of(row) >= LIKE)

    @property
    def popularity(self) -> npt.NDArray[np.int64]:
        """(n_items,) how many ratings of each item counted.

        Raises:
            ModelError: the model file has neither history nor counts.
        """
        return self.require_counts().items

    def require_counts(self) -> Counts:
        """`counts`, where they are needed.

        Raises:
            ModelError: the model file has neither history nor counts.
        """
        if self.counts is None:
            raise ModelError(
                "the most popular items of this model are unknown: its file has neither history "
                "nor counts; save it again with this version"
            )
        return self.counts

    @cached_property
    def item_columns(self) -> ItemColumns:
        """The columns of the items, `id` and `n_ratings`, ready for conditions."""
        from recsys.recommend.filters.columns import ItemColumns

        more: dict[str, npt.NDArray[Any]] = {"id": self.fitted.items.ids}
        if self.counts is not None:
            more["n_ratings"] = self.counts.items
        return ItemColumns(self.items, **more)

    def item_rows(self, items: Any) -> npt.NDArray[np.int64]:
        """Row numbers of items given by id or title.

        Raises:
            UnknownIdError: one is neither; suggests what is.
        """
        return as_rows(self.fitted.items, self, list(items))

    def item_row(self, item: object) -> int:
        """Row number of an item given by id or title."""
        return int(self.item_rows([item])[0])

    def seen(self) -> sp.csr_matrix:
        """The history.

        Raises:
            ModelError: the model was saved without it.
        """
        self._require_history()
        return cast("sp.csr_matrix", self.history)

    def seen_by(self, row: int) -> npt.NDArray[np.int32]:
        """Increasing rows of the items that a user has rated; see `seen`.

        Raises:
            ModelError: the model was saved without its history.
        """
        self._require_history()
        known = self._history  # a matrix or its arrays: nothing else is needed of it
        return np.asarray(known.indices[known.indptr[row] : known.indptr[row + 1]])

    def ratings_of(self, row: int) -> npt.NDArray[np.float32]:
        """What a user rated the items of `seen_by`."""
        self._require_history()
        known = self._history
        return np.asarray(known.data[known.indptr[row] : known.indptr[row + 1]])

    @property
    def has_history(self) -> bool:
        """Whether it is known what the users have rated."""
        return self._history is not None

    def _require_history(self) -> None:
        if self._history is None:
            raise ModelError(
                "this model was saved without its history, so what a user has seen is unknown; "
                "ask with exclude_seen=False or save it with its history"
            )

    @cached_property
    def counts(self) -> Counts | None:
        """How many ratings of each user and item counted in the training.

        None where that is unknown: in a file of version 0.1.0 that was saved without history.
        """
        if self.saved_counts is not None or self.history is None:
            return self.saved_counts
        return Counts.of(self.feedback.of(self.history))

    @cached_property
    def scale(self) -> tuple[float, float] | None:
        """Least and largest rating of the history; None where its values are not ratings."""
        if self.history is None or not self.history.nnz:
            return None
        values = self.history.data
        low, high = float(values.min()), float(values.max())
        known = self.updated is not None  # counts may have been added up beyond what was read
        if self.account is not None and (known or spans(self.account, low, high)):
            is_rating = self.account.get("kind") == "ratings"
        else:  # not the values that were read, or nobody knows: only a scale is surely one
            different = distinct(values)
            is_rating = different is not None and is_scale(different)
        return (low, high) if is_rating and low < high else None

    @cached_property
    def titles(self) -> TitleIndex:
        """Items by title."""
        return TitleIndex(self.fitted.items, self.items.titles)

    @cached_property
    def index(self) -> Index:
        """The items, ready to be searched."""
        return index_of(self.fitted)

    def with_index(
        self, indexes: Mapping[Purpose, ApproximateIndex], report: Mapping[Purpose, About]
    ) -> Self:
        """The same model with these indexes; a model made from it with other factors has none."""
        model = replace(self)
        model.derived["approximate"], model.derived["index_report"] = indexes, report
        if "recommend" in indexes:
            model.__dict__["index"] = indexes["recommend"]
        if "similar" in indexes:
            model.item_similarity.use("cosine", indexes["similar"])
        return model

    @property
    def approximate(self) -> Mapping[Purpose, ApproximateIndex]:
        """The approximate indexes by purpose; empty where every search is exact."""
        found: Mapping[Purpose, ApproximateIndex] = self.derived.get("approximate", {})
        return found

    @property
    def index_report(self) -> Mapping[Purpose, About]:
        """What was measured of each index, and why there is none; empty before `indexed`."""
        found: Mapping[Purpose, About] = self.derived.get("index_report", {})
        return found

    @cached_property
    def item_similarity(self) -> Similarity:
        """The item factors, ready to be compared."""
        return Similarity(self.factors.item_factors)

    @cached_property
    def user_similarity(self) -> Similarity:
        """The user factors, ready to be compared.

        Raises:
            ModelError: the model has none.
        """
        if self.fitted.item_vectors is None:
            raise ModelError("this model has no factors to compare; train a factorization")
        return Similarity(self.factors.user_factors)
