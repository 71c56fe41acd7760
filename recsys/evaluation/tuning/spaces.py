"""What is searched of a model: the ranges of its hyperparameters and how ratings enter it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recsys.errors import ArgumentError
from recsys.evaluation.search.kinds import kinds_of_feedback
from recsys.evaluation.search.rounds import moved
from recsys.evaluation.search.rule import EPOCHS, RULE, WIDTH, Shape, short
from recsys.models.ease import EASE
from recsys.models.implicit_als import ImplicitALS
from recsys.models.registry import SPECS, make_spec
from recsys.models.spec import Spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.settings import Setting, near, settings_of
from recsys.visible import brief

FEEDBACK = "feedback"
"""Name of the dimension that says how ratings enter the training."""

_DECADE = 10.0  # a logarithmic range reaches at least so far around the settings to start with
_AMPLIFIED = 1.5  # of EASE, to start with
_CENTRES = 2  # of the settings to start with: the rule and the defaults
_AROUND = 8  # points around the rule
_SEED = "seed"
_WIDTH = "n_factors"

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Dimension:
    """A hyperparameter that is searched: numbers from `low` to `high`, or some choices."""

    name: str
    kind: type
    """int or float; str or bool for choices."""
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[str | bool, ...] = ()

    @property
    def fixed(self) -> bool:
        """Whether there is only one value."""
        return len(self.choices) == 1 if self.choices else self.low == self.high

    def within(self, value: Any) -> Any:
        """The value, or the end of the range that is closest to it."""
        if self.choices:
            return value if value in self.choices else self.choices[0]
        return self.kind(min(self.high, max(self.low, value)))

    def __str__(self) -> str:
        if self.choices:
            return f"{self.name} {', '.join(map(str, self.choices))}"
        return f"{self.name} {self.low:g}:{self.high:g}{' log' if self.log else ''}"


@dataclass(frozen=True)
class Space:
    """What is searched of one model."""

    model: str
    fixed: Mapping[str, Any]
    """Hyperparameters that were given, and the seed."""
    dimensions: tuple[Dimension, ...]
    kinds: tuple[Feedback, ...]
    """Ways in which ratings may enter the training, the first one to begin with."""
    starts: tuple[Params, ...]
    """Settings to try first: what a rule takes from the data, the published defaults, and points
    around the rule."""

    @property
    def study(self) -> str:
        """Name of its study."""
        return self.model

    def spec(self, params: Params) -> Spec:
        """The model of a point of the space."""
        own = {name: value for name, value in params.items() if name != FEEDBACK}
        return make_spec(self.model, {**self.fixed, **own})

    def feedback(self, params: Params) -> Feedback:
        """How ratings enter the training at a point of the space."""
        named = {str(kind): kind for kind in self.kinds}
        return named[params[FEEDBACK]] if FEEDBACK in params else self.kinds[0]

    def __str__(self) -> str:
        fixed = "".join(f"; {name} = {value}" for name, value in self.fixed.items())
        entering = "" if len(self.kinds) > 1 else f"; feedback {self.kinds[0]}"
        return "; ".join(map(str, self.dimensions)) + fixed + entering


def space_of(
    model: str,
    ratings: Ratings,
    feedback: Feedback | None = None,
    given: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Space:
    """The space of a model for some ratings.

    A hyperparameter is searched over its typical range, widened to the settings to start with and,
    on a logarithmic scale, to a decade around the defaults and the rule. Factors are narrower than
    the smaller side of the data. What has no typical range keeps its default.

    Args:
        model: its name.
        ratings: what will be trained on.
        feedback: how ratings enter; None to search that, too.
        given: hyperparameter → value, or a text LOW:HIGH, the range to search.
        seed: of models that draw at random.

    Raises:
        ArgumentError: a hyperparameter, value or range is wrong.
    """
    kind = SPECS[model]
    settings = {setting.name: setting for setting in settings_of(kind)}
    ranges, fixed = _given(model, settings, given or {})
    if _SEED in settings:
        fixed = {_SEED: seed} | fixed
    kinds = _kinds(kind, ratings, feedback)
    rule, *around = [*_rule(model, ratings, kinds[0], fixed)] or [make_spec(model, fixed)]
    begin = [rule, make_spec(model, fixed), *around]
    widest = max(1, min(ratings.n_users, ratings.n_items) - 1)
    found = []
    for name, setting in settings.items():
        if name in fixed or name == _SEED:
            continue
        own = ranges.get(name) or _searched(setting, [getattr(spec, name) for spec in begin])
        if own is not None and name == _WIDTH and name not in ranges:
            own = Dimension(name, int, min(own.low, widest), min(own.high, widest), own.log)
        if own is not None:
            found.append(own)
    names = tuple(str(one) for one in kinds)
    if len(names) > 1:
        found.append(Dimension(FEEDBACK, str, choices=names))
    starts = [
        {one.name: one.within(names[0] if one.name == FEEDBACK else getattr(spec, one.name))
         for one in found}
        for spec in begin
    ]  # fmt: skip
    unlike = [one for i, one in enumerate(starts) if one not in starts[:i]]
    return Space(model, fixed, tuple(found), kinds, tuple(unlike))


def _kinds(kind: type[Spec], ratings: Ratings, feedback: Feedback | None) -> tuple[Feedback, ...]:
    # A model of ratings is trained on the ratings themselves.
    if kind.predicts_ratings:
        return (Feedback(),)
    if feedback is not None:
        return (feedback,)
    found = kinds_of_feedback(ratings)
    if not kind.ignores_values:
        return tuple(found)
    # What differs in values only is the same to a model that ignores them.
    unlike: dict[tuple[float | None, bool], Feedback] = {}
    for one in found:
        unlike.setdefault((one.threshold, one.centered), one)
    return tuple(unlike.values())


def _rule(
    model: str, ratings: Ratings, feedback: Feedback, fixed: Mapping[str, Any]
) -> Iterator[Spec]:
    # What the rule of `auto` takes from the data, then points around it. Its coordinates mean the
    # same on all data, so that even random points are sensible; those of the model do not.
    if model not in (ImplicitALS.name, EASE.name):
        return
    shape = Shape.of(feedback.apply(ratings))
    if model == EASE.name:
        # Its ridge is on squared singular values.
        own = {"regularization": short(RULE.ridge * shape.noise**2), "amplification": _AMPLIFIED}
        yield make_spec(model, {**own, **fixed})
        return
    # A Latin hypercube: each of the slices of each axis has one point.
    rng = np.random.default_rng(_AROUND)
    slices = np.array([rng.permutation(_AROUND) for _ in range(3)]).T
    offsets = 2 * (slices + rng.random((_AROUND, 3))) / _AROUND - 1
    points = [moved(RULE, *map(float, offset)) for offset in offsets]
    narrower = [(point, WIDTH // (2 + 2 * (i % 2))) for i, point in enumerate(points)]
    for point, width in ((RULE, WIDTH), *narrower):
        yield make_spec(model, {**shape.spec(point, width, EPOCHS).values(), **fixed})


def _searched(setting: Setting, starts: Sequence[Any]) -> Dimension | None:
    # The dimension of a hyperparameter; None for one that keeps its default.
    if setting.optional or not setting.tuned:
        return None
    if setting.kind is bool:
        return Dimension(setting.name, bool, choices=(False, True))
    if setting.allowed:
        return Dimension(setting.name, str, choices=setting.allowed)
    if setting.typical is None:
        return None
    low, high = setting.typical
    log = setting.log and low > 0
    if setting.kind is float:
        there = [start for start in starts if start > 0 or not log]
        decade = _DECADE if log else 1.0
        centres = [start for start in starts[:_CENTRES] if start > 0 or not log]
        low = min([low, *there, *(start / decade for start in centres)])
        high = max([high, *there, *(start * decade for start in centres)])
    low, high = max(low, setting.low), min(high, setting.high)
    return Dimension(setting.name, setting.kind, low, high, log)


def _given(
    model: str, settings: Mapping[str, Setting], given: Mapping[str, Any]
) -> tuple[dict[str, Dimension], dict[str, Any]]:
    # Ranges to search, and values that are fixed.
    ranges, fixed = {}, {}
    for name, value in given.items():
        if name not in settings:
            have = f"it has {', '.join(settings)}" if settings else "it has none"
            raise ArgumentError(
                f"{model} has no hyperparameter {brief(name)}{near(name, settings)}; {have}"
            )
        setting = settings[name]
        if isinstance(value, str) and ":" in value and setting.kind in (int, float):
            ranges[name] = _range(setting, value)
        else:
            fixed[name] = setting.checked(
                setting.parsed(value) if isinstance(value, str) else value
            )
    return ranges, fixed


def _range(setting: Setting, text: str) -> Dimension:
    low, high = (setting.checked(setting.parsed(part)) for part in text.split(":", 1))
    if low > high:
        raise ArgumentError(f"{setting.name} must be a range LOW:HIGH, not {text!r}")
    return Dimension(setting.name, setting.kind, low, high, setting.log and low > 0)
