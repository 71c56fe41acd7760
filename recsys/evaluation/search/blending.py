"""`blend`: the weights of a `Blend`, chosen on ratings held out of the training part."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from recsys.evaluation.search.kinds import kinds_of_feedback
from recsys.evaluation.search.rounds import DISLIKES
from recsys.evaluation.search.validation import K, Part, Values, carve
from recsys.models.baselines import Popularity
from recsys.models.blend import Blend
from recsys.models.common import OnEpoch
from recsys.models.factors import Factorization, Factors
from recsys.models.kept import NOTHING, Entry, Kept
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import Chooser, Chosen, OnSearch, Searching, choose, record

STEPS = 0.25, 0.1, 0.05
"""Of the weights, which sum to 1: how much is moved from one member to another."""

MOST_TRIALS = 200
"""Weights after which no more are moved."""

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
        kept: Kept = NOTHING,
    ) -> Chosen:
        """The blend for these ratings; see `recsys.recommend.chosen.Chooser`.

        Where the feedback is not given, a member that is a chooser chooses it, for all of them;
        without one, it is the kind with which equal weights rank best.
        """
        specs: list[Factorization] = []
        for i, one in enumerate(self._given):
            if isinstance(one, Chooser):
                chosen = choose(one, ratings, feedback, on_search, kept.part(f"member-{i}"))
                feedback, one = chosen.feedback, chosen.spec
            specs.append(one)
        blend = Blend(of=specs, seed=self.seed)
        liked = (feedback or Feedback()).likes(ratings)
        part = carve(ratings, liked, self.seed)
        kinds = kinds_of_feedback(ratings) if feedback is None else [feedback]
        if part is None:
            return Chosen(blend, kinds[0], _record(self.to_dict(), blend, kinds[0], None, []))
        log: list[_Trial] = []
        fitted = (_Members(blend, part, kind, log, on_search, kept) for kind in kinds)
        best = max(fitted, key=_worth)
        spec = _without_zeros(blend, best.best_weights())
        found = _record(self.to_dict(), spec, best.feedback, best.popularity, log)
        return Chosen(spec, best.feedback, found)

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


class _Trial(NamedTuple):
    feedback: Feedback
    weights: Weights
    values: Values
    """NDCG@10 of each user."""

    @property
    def ndcg(self) -> float:
        return float(self.values.mean())


class _Members:
    # Members fitted to a validation part, and the NDCG of blends of them.

    def __init__(
        self,
        spec: Blend,
        part: Part,
        feedback: Feedback,
        log: list[_Trial],
        on_search: OnSearch | None,
        kept: Kept,
    ) -> None:
        self.spec, self.feedback = spec, feedback
        self._part, self._log, self._on_search, self._kept = part, log, on_search, kept
        self._train = part.trained_on(feedback)
        self._ndcg: dict[Weights, float] = {}
        self._equal: Weights = (1 / len(spec.of),) * len(spec.of)
        self.alike = self.ndcg(self._equal)

    @cached_property
    def _fitted(self) -> list[Factors]:
        # When they are needed: not where all trials are in a checkpoint.
        return [one.fit(self._train) for one in self.spec.of]

    @property
    def popularity(self) -> float:
        """Mean NDCG@10 of the most popular items."""
        return float(self._part.ndcg(Popularity().fit(self._train)).mean())

    def best_weights(self) -> Weights:
        n = len(self.spec.of)
        alone = [tuple(float(i == j) for j in range(n)) for i in range(n)]
        # The first of equals: one member is less than several.
        best = max([*alone, self._equal], key=self.ndcg)
        for step in STEPS:
            better = True
            while better and len(self._ndcg) < MOST_TRIALS:
                found = max([best, *_moved(best, step)], key=self.ndcg)
                better, best = found != best, found
        return best

    def ndcg(self, weights: Weights) -> float:
        """Mean NDCG@10 of a blend, computed once."""
        if weights not in self._ndcg:
            trial = _Trial(self.feedback, weights, self._values(weights))
            self._ndcg[weights] = trial.ndcg
            self._log.append(trial)
            if self._on_search is not None:
                n, best = len(self._log), max(one.ndcg for one in self._log)
                self._on_search(Searching(n / (n + 4 * len(weights)), n, best))
        return self._ndcg[weights]

    def _values(self, weights: Weights) -> Values:
        key = {"of": self.spec.to_dict(), "feedback": str(self.feedback), "weights": list(weights)}
        found = self._kept.remember(
            f"trial-{len(self._log)}",
            key,
            lambda: Entry({"values": self._part.ndcg(self._blended(weights))}),
        )
        return found.arrays["values"]

    def _blended(self, weights: Weights) -> Factors:
        if max(weights) == 1.0:
            return self._fitted[weights.index(1.0)]
        kept = [fitted for fitted, w in zip(self._fitted, weights, strict=True) if w]
        spec = _without_zeros(self.spec, weights)
        assert isinstance(spec, Blend)
        return spec.joined(self._train, kept)


def _worth(members: _Members) -> float:
    # What is given for knowing dislikes is that of the search of `auto`.
    return members.alike * (1 + DISLIKES * members.feedback.knows_dislikes)


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
    settings: Mapping[str, Any],
    spec: Factorization,
    feedback: Feedback,
    popularity: float | None,
    log: Sequence[_Trial],
) -> dict[str, Any]:
    best = max(log, key=lambda trial: trial.ndcg, default=None)
    remarks = []
    if best is None:
        remarks.append("too few ratings to hold any out: all members have the same weight")
    elif not isinstance(spec, Blend):
        remarks.append(f"no blend ranks better than {spec.name} alone")
    trials = [
        {"feedback": str(trial.feedback), "weights": list(trial.weights)}
        | {"users": len(trial.values), "ndcg": trial.ndcg}
        for trial in log
    ]
    return record(
        settings, spec, feedback, metric=f"ndcg@{K}", popularity=popularity, remarks=remarks,
        validation=None if best is None else best.ndcg,
        users=0 if best is None else len(best.values), trials=trials,
    )  # fmt: skip
