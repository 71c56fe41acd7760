"""What the header of a model file says about the model, checked value by value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from recsys.errors import ArgumentError
from recsys.models.common import Progress, Side
from recsys.models.registry import spec_from_dict
from recsys.models.spec import Spec
from recsys.ratings.centered import RatingScale
from recsys.ratings.feedback import Feedback
from recsys.recommend.drift import Drift

if TYPE_CHECKING:
    from recsys.models.from_features import FeatureWeights
    from recsys.ratings.features import Coding


class About(NamedTuple):
    """The part of the header that a model is made of."""

    spec: Spec
    mean: float | None
    """None for item–item models, which have none."""
    feedback: Feedback
    fingerprint: str
    log: tuple[Progress, ...]
    features: Mapping[Side, AboutFeatures]
    """Empty for models that were trained without."""
    drift: Drift | None
    """None for models that were not updated."""


class AboutFeatures(NamedTuple):
    """The features of one side."""

    coding: Coding
    ridge: float
    n: int


def parsed(about: Mapping[str, Any]) -> About:
    """The header's JSON as values of the right types; keys that it does not know are ignored.

    Raises:
        ValueError: a key is missing or its value is of the wrong kind; says which.
    """
    # Written only where they are known.
    for key in ("account", "machine", "measured", "search", "features", "drift"):
        _of(about, key, dict, {})
    _of(about, "created", str)
    if not all(isinstance(version, str) for version in _of(about, "versions", dict).values()):
        raise ValueError("versions must be texts")
    return About(
        spec=_spec(_of(about, "spec", dict)),
        mean=_number("mean", about["mean"], finite=True) if "mean" in about else None,
        feedback=_feedback(_of(about, "feedback", dict)),
        fingerprint=_of(about, "data_fingerprint", str),
        log=tuple(map(progress_of, _of(about, "log", list))),
        features={
            side: _features(_of(about.get("features", {}), side, dict))
            for side in get_args(Side)
            if side in about.get("features", {})
        },
        drift=_drift(about["drift"]) if "drift" in about else None,
    )


def of_drift(drift: Drift) -> dict[str, int]:
    """The counters of a drift as the header holds them."""
    return asdict(drift)


def _drift(saved: Any) -> Drift:
    counters = {one.name: _of(saved, one.name, int) for one in fields(Drift)}
    if min(counters.values()) < 0:
        raise ValueError("the counters of drift must not be negative")
    return Drift(**counters)


def of_features(found: FeatureWeights) -> dict[str, Any]:
    """The features of one side as the header holds them."""
    return found.coding.to_dict() | {"regularization": found.regularization, "n": found.n}


def _features(saved: Mapping[str, Any]) -> AboutFeatures:
    from recsys.ratings.features import Coding

    ridge = _number("regularization", saved.get("regularization"), finite=True)
    return AboutFeatures(Coding.from_dict(saved), ridge, _of(saved, "n", int))


def log_entry(progress: Progress) -> list[Any]:
    """An epoch as the header holds it."""
    p = progress
    return [p.epoch, p.n_epochs, p.loss, p.seconds, dict(p.parts)]


def _of(about: Mapping[str, Any], key: str, kind: type, default: Any = None) -> Any:
    value = about.get(key, default)
    if type(value) is not kind:
        raise ValueError(f"{key} must be a {kind.__name__}, not {_short(value)}")
    return value


def _number(name: str, value: object, *, finite: bool = False) -> float:
    try:
        number = float(value) if type(value) in (int, float) else None  # type: ignore[arg-type]
    except OverflowError:
        number = None
    if number is None or (finite and not math.isfinite(number)):
        raise ValueError(f"{name} must be a number, not {_short(value)}")
    return number


def _spec(saved: Mapping[str, Any]) -> Spec:
    _of(saved, "model", str)
    return spec_from_dict(saved)


def _feedback(saved: Mapping[str, Any]) -> Feedback:
    if "threshold" not in saved:
        raise ValueError("feedback must have a threshold, which may be null")
    # All but the first two are not in files of version 0.1.
    names = ("threshold", "dislikes_below", "half_life")
    numbers = {
        name: _number(name, saved[name], finite=True)
        for name in names
        if saved.get(name) is not None
    }
    ones, log = _of(saved, "ones", bool), _of(saved, "log", bool, False)
    centered, scale = _of(saved, "centered", bool, False), saved.get("scale")
    if centered and scale is None:
        raise ValueError("centered feedback must have its scale")
    try:
        if scale is not None:
            ends = {one: _number(one, scale[one], finite=True) for one in ("mean", "low", "high")}
            scale = RatingScale(**ends)
        return Feedback(ones=ones, log=log, **numbers, centered=centered, scale=scale)
    except (KeyError, TypeError):
        raise ValueError("feedback: a scale must have its mean, low and high") from None
    except ArgumentError as error:
        raise ValueError(f"feedback: {error}") from None


def progress_of(entry: object) -> Progress:
    """The epoch that `log_entry` described.

    Raises:
        ValueError: it is none.
    """
    if type(entry) is not list or len(entry) != 5:
        raise ValueError(f"an entry of log must be a list of 5, not {_short(entry)}")
    epoch, n_epochs, loss, seconds, parts = entry
    if type(epoch) is not int or type(n_epochs) is not int or type(parts) is not dict:
        raise ValueError(f"an entry of log must count epochs, not be {_short(entry)}")
    return Progress(
        epoch,
        n_epochs,
        _number("loss", loss),
        _number("seconds", seconds),
        {name: _number(name, part) for name, part in parts.items()},
    )


def _short(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits
        text = type(value).__name__
    return text if len(text) <= 40 else f"{text[:40]}..."
