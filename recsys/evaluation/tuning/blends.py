"""The blend of a search: the best trial of each factorization, joined, with weights of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recsys.errors import ArgumentError
from recsys.evaluation.tuning.family import COMPLETE, Trial
from recsys.evaluation.tuning.spaces import Dimension, Params, Space
from recsys.models.blend import Blend
from recsys.models.factors import Factorization
from recsys.models.registry import SPECS, spec_from_dict
from recsys.models.spec import Spec
from recsys.ratings.feedback import Feedback

SHARE = 0.2
"""Share of the trials, and of the time, that goes to the weights of the blend."""

LIGHT, HEAVY = 0.03, 3.0
"""What the weight of a member may be, where that of the best member is 1."""

STARTS = 0.3, 1.0, 0.1
"""Weights of all other members to begin with."""


@dataclass(frozen=True)
class BlendSpace(Space):
    """The weights of a blend of given members."""

    members: tuple[Factorization, ...]
    """The best one first: its weight is 1."""
    seed: int

    @classmethod
    def of(cls, members: Sequence[Mapping[str, Any]], feedback: Feedback, seed: int) -> BlendSpace:
        """The space for members given by name and hyperparameters, the best one first."""
        specs = [spec_from_dict(one) for one in members]
        factorizations = tuple(one for one in specs if isinstance(one, Factorization))
        dimensions = tuple(
            Dimension(_weight_of(one), float, LIGHT, HEAVY, log=True) for one in factorizations[1:]
        )
        starts = [dict.fromkeys([one.name for one in dimensions], start) for start in STARTS]
        return cls(Blend.name, {}, dimensions, (feedback,), tuple(starts), factorizations, seed)

    @classmethod
    def parsed(cls, text: str, seed: int) -> BlendSpace:
        """The space of which `text` is the `about`."""
        about = json.loads(text)
        return cls.of(about["members"], Feedback.parse(about["feedback"]), seed)

    @property
    def about(self) -> str:
        """Members and feedback as JSON."""
        members = [one.to_dict() for one in self.members]
        return json.dumps({"members": members, "feedback": str(self.kinds[0])}, sort_keys=True)

    @property
    def study(self) -> str:
        """Name of its study: blends of other members have others."""
        return f"{self.model} {hashlib.sha256(self.about.encode()).hexdigest()[:12]}"

    def spec(self, params: Params) -> Spec:
        """The blend with these weights."""
        weights = [1.0, *(params[_weight_of(one)] for one in self.members[1:])]
        return Blend(of=self.members, weights=weights, seed=self.seed)


def is_blend_of_winners(model: str, given: Mapping[str, Any]) -> bool:
    """Whether a model of a search is the blend of what the other models find."""
    return model == Blend.name and "of" not in given


def check_members(models: Iterable[str]) -> None:
    """Raises an error where a blend of the best of these models cannot be made.

    Raises:
        ArgumentError: fewer than two of them are factorizations.
    """
    there = [name for name in models if _can_be_member(name)]
    if len(there) < 2:
        have = f"only {there[0]}" if there else "none"
        raise ArgumentError(
            f"blend combines at least two other factorizations, but models names {have}; name "
            "more, such as implicit-als,normalized-svd, or set blend.of"
        )


def space_of_best(trials: Iterable[Trial], higher_is_better: bool, seed: int) -> BlendSpace | None:
    """The space for the best trial of each factorization; None where fewer than two have any.

    Ratings enter a blend in one way: as in the best trial of all. Where a model has trials with
    this feedback, its best is one of them.
    """
    sign = -1 if higher_is_better else 1
    complete = [one for one in trials if one.state == COMPLETE and _can_be_member(one.model)]
    ranked = sorted(complete, key=lambda one: (sign * one.value, one.number))
    found: dict[str, Trial] = {}
    for trial in sorted(ranked, key=lambda one: one.feedback != ranked[0].feedback):
        found.setdefault(trial.model, trial)
    if len(found) < 2:
        return None
    feedback = Feedback.parse(ranked[0].feedback)
    return BlendSpace.of([one.spec for one in found.values()], feedback, seed)


def _can_be_member(model: str) -> bool:
    kind = SPECS[model]
    return issubclass(kind, Factorization) and not issubclass(kind, Blend)


def _weight_of(member: Factorization) -> str:
    return f"{member.name}.weight"
