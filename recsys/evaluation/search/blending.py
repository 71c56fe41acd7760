"""`blend`: the weights of a `Blend`, chosen on ratings held out of the training part."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from recsys.evaluation.search.record import recipe
from recsys.evaluation.search.validation import K, Part, Values, carve
from recsys.models.baselines import Popularity
from recsys.models.blend import Blend
from recsys.models.common import OnEpoch
from recsys.models.factors import Factorization, Factors
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import Chooser, Chosen, OnSearch, Searching

STEPS = 0.25, 0.1, 0.05
"""Of the weights, which sum to 1: how much is moved from one member to another."""

MOST_TRIALS = 200
"""Weights that are tried at most."""

Weights = tuple[float, ...]


@dataclass(frozen=True)
class Blending:
    """Chooses the weights of a `Blend` for the data at hand.

    A tenth of the ratings is held out. Each member is fitted once to the others; weights that sum
    to 1 are then tried, from each member alone and all alike onwards, by moving a quarter, a tenth
    and a twentieth from one member to another while that raises the NDCG@10 on what was held out.
    A member without weight is left out, and where only one is left, it is chosen alone. Members may
    be choosers themselves, such as `recsys.auto()`.
    """

    name: ClassVar[str] = "blend"
    predicts_ratings: ClassVar[bool] = False

    members: Sequence[Any] = ()
    """Specs, names of models, tables of hyperparameters, or choosers."""
    seed: int = 0
    """Of the held-out ratings, and of members without one."""
    _given: tuple[Any, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        # Checked by the blend itself, with something that suits in the place of each chooser.
        choosers = [isinstance(one, Chooser) for one in self.members]
        checked = Blend(
            of=[Popularity() if c else m for c, m in zip(choosers, self.members, strict=True)],
            seed=self.seed,
        )
        found = zip(choosers, self.members, checked.of, strict=True)
        object.__setattr__(self, "_given", tuple(m if c else spec for c, m, spec in found))

    def to_dict(self) -> dict[str, Any]:
        """Name, members and seed, ready for JSON."""
        return {"model": self.name, "of": [m.to_dict() for m in self._given], "seed": self.seed}

    def choose(
        self,
        ratings: Ratings,
        feedback: Feedback | None = None,
        on_search: OnSearch | None = None,
    ) -> Chosen:
        """The blend for these ratings; see `recsys.recommend.chosen.Chooser`.

        Where the feedback is not given, a member that is a chooser chooses it, for all of them.
        """
        specs: list[Factorization] = []
        for one in self._given:
            if isinstance(one, Chooser):
                chosen = one.choose(ratings, feedback, on_search)
                feedback, one = chosen.feedback, chosen.spec
            specs.append(one)
        feedback = feedback or Feedback()
        blend = Blend(of=specs, seed=self.seed)
        trials = _Trials(blend, ratings, feedback, on_search)
        weights = trials.best_weights()
        spec = _without_zeros(blend, weights)
        return Chosen(spec, feedback, _record(self.to_dict(), spec, feedback, trials))

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Fitted:
        """The chosen blend, fitted to the ratings as they are."""
        return self.choose(ratings, Feedback()).spec.fit(ratings, on_epoch)

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that the search and the final fit allocate at most."""
        sizes = n_users, n_items, n_ratings
        copies = 2 * 16 * n_ratings  # the ratings without the held-out ones, and as confidences
        return copies + self.widest(n_users, n_items).training_memory(*sizes)

    def widest(self, n_users: int, n_items: int) -> Blend:
        """The largest blend that may be chosen."""
        widest = [
            one.widest(n_users, n_items) if hasattr(one, "widest") else one for one in self._given
        ]
        return Blend(of=widest, seed=self.seed)

    def with_seed(self, seed: int) -> Blending:
        """The same with another seed, for every member that draws."""
        own = [replace(one, seed=seed) if hasattr(one, "seed") else one for one in self._given]
        return Blending(own, seed)


def blend(*members: Any, seed: int = 0) -> Blending:
    """A blend that chooses its weights for the data; `train` and `evaluate` take it.

    >>> blend("implicit-als", "normalized-svd").to_dict()["of"][1]["model"]
    'normalized-svd'

    Args:
        members: at least two: specs, names of models, tables with `model` and hyperparameters, or
            `recsys.auto()`.
        seed: of the held-out ratings, and of members without one.
    """
    return Blending(members, seed)


class _Trials:
    # Members fitted to a validation part, and the NDCG of blends of them.

    def __init__(
        self, spec: Blend, ratings: Ratings, feedback: Feedback, on_search: OnSearch | None
    ) -> None:
        self.spec, self._on_search = spec, on_search
        self.values: dict[Weights, Values] = {}
        liked = (ratings.matrix.data > 0) & feedback.counts(ratings.matrix)
        self._part = carve(ratings, liked, (spec.seed, 0))
        self._fitted: list[Factors] = []
        self.popularity: float | None = None
        if self._part is not None:
            trained_on = self._part.trained_on(feedback)
            self._fitted = [one.fit(trained_on) for one in spec.of]
            self.popularity = float(self._part.ndcg(Popularity().fit(trained_on)).mean())

    def best_weights(self) -> Weights:
        n = len(self.spec.of)
        alike: Weights = (1 / n,) * n
        if self._part is None:
            return alike
        alone = [tuple(float(i == j) for j in range(n)) for i in range(n)]
        best = max([*alone, alike], key=self.ndcg)  # the first of equals: one is less than several
        for step in STEPS:
            better = True
            while better and len(self.values) < MOST_TRIALS:
                found = max([best, *_moved(best, step)], key=self.ndcg)
                better, best = found != best, found
        return best

    def ndcg(self, weights: Weights) -> float:
        """Mean NDCG@10 of a blend, computed once."""
        if weights not in self.values and self._part is not None:
            self.values[weights] = self._part.ndcg(self._blended(self._part, weights))
            if self._on_search is not None:
                best = max(float(values.mean()) for values in self.values.values())
                share = len(self.values) / (len(self.values) + 4 * len(weights))
                self._on_search(Searching(share, len(self.values), best))
        return float(self.values[weights].mean())

    def _blended(self, part: Part, weights: Weights) -> Factors:
        if max(weights) == 1.0:
            return self._fitted[weights.index(1.0)]
        kept = [fitted for fitted, w in zip(self._fitted, weights, strict=True) if w]
        spec = _without_zeros(self.spec, weights)
        assert isinstance(spec, Blend)
        return spec.joined(part.train, kept)


def _moved(weights: Weights, step: float) -> list[Weights]:
    # As much of the step as there is, from each member to each other.
    found = []
    for giver, taker in itertools.permutations(range(len(weights)), 2):
        moved = list(weights)
        given = min(step, moved[giver])
        moved[giver] = round(moved[giver] - given, 6)
        moved[taker] = round(moved[taker] + given, 6)
        if given:
            found.append(tuple(moved))
    return found


def _without_zeros(spec: Blend, weights: Weights) -> Factorization:
    kept = [(one, w) for one, w in zip(spec.of, weights, strict=True) if w]
    if len(kept) == 1:
        member: Factorization = kept[0][0]
        return member
    return replace(spec, of=[one for one, _ in kept], weights=[w for _, w in kept])


def _record(
    settings: Mapping[str, Any], spec: Factorization, feedback: Feedback, trials: _Trials
) -> dict[str, Any]:
    best = max(trials.values.values(), key=np.mean, default=None)
    remarks = []
    if best is None:
        remarks.append("too few ratings to hold any out: all members have the same weight")
    elif not isinstance(spec, Blend):
        remarks.append(f"no blend ranks better than {spec.name} alone")
    return {
        "searched": dict(settings),
        "spec": spec.to_dict(),
        "feedback": str(feedback),
        "recipe": recipe(spec, feedback),
        "metric": f"ndcg@{K}",
        "validation": None if best is None else float(best.mean()),
        "popularity": trials.popularity,
        "users": 0 if best is None else len(best),
        "remarks": remarks,
        "trials": [
            {"weights": list(weights), "users": len(values), "ndcg": float(values.mean())}
            for weights, values in trials.values.items()
        ],
    }
