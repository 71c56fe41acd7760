"""From names to specs: what the command line, recipes and model files use."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from recsys.errors import ArgumentError
from recsys.models.baselines import Biases, Popularity
from recsys.models.explicit_als import ExplicitALS
from recsys.models.implicit_als import ImplicitALS
from recsys.models.pairwise import BPR, LogisticMF
from recsys.models.spec import Settings, Spec
from recsys.models.svd import NormalizedSVD, PureSVD

SPECS: dict[str, type[Spec]] = {
    spec.name: spec
    for spec in (
        ImplicitALS, ExplicitALS, PureSVD, NormalizedSVD, BPR, LogisticMF, Popularity, Biases,
    )
}  # fmt: skip


_Named = TypeVar("_Named", bound=Settings)


def make_spec(model: str, settings: Mapping[str, object] | None = None) -> Spec:
    """The spec called `model` with `settings`; text values become the type of the hyperparameter.

    >>> make_spec("pure-svd", {"n_factors": "20"})
    PureSVD(n_factors=20)

    Raises:
        ValueError: the model, a hyperparameter or a value is not one; says which there are.
    """
    return make_one_of(SPECS, model, settings)


def make_one_of(
    among: Mapping[str, type[_Named]], model: str, settings: Mapping[str, object] | None = None
) -> _Named:
    """Like `make_spec`, of whatever `among` names."""
    if model not in among:
        raise ArgumentError(
            f"model must be one of {', '.join(among)}, not {model!r}{_near(model, among)}"
        )
    kinds = typing.get_type_hints(among[model])
    allowed = [f.name for f in fields(among[model])]
    values: dict[str, Any] = {}
    for name, value in (settings or {}).items():
        if name not in allowed:
            have = f"it has {', '.join(allowed)}" if allowed else "it has none"
            raise ArgumentError(
                f"{model} has no hyperparameter {name!r}{_near(name, allowed)}; {have}"
            )
        values[name] = _converted(name, value, kinds[name])
    return among[model](**values)


def spec_from_dict(saved: Mapping[str, Any]) -> Spec:
    """The spec that `Spec.to_dict` described."""
    settings = dict(saved)
    return make_spec(settings.pop("model"), settings)


def _converted(name: str, value: object, kind: Any) -> object:
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, str):
        if type(None) in options and value.lower() == "none":
            return None
        try:
            return int(value) if int in options else float(value)
        except ValueError:
            wanted = "a whole number" if int in options else "a number"
            raise ArgumentError(f"{name} must be {wanted}, not {value!r}") from None
    return value


def _near(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
