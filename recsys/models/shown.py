"""What a fit is, in pairs of a heading and a sentence, for notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recsys.models.spec import Fitted


def lines(fitted: Fitted) -> Iterator[tuple[str, str]]:
    """Model with its settings, sizes, and how the training went."""
    yield "model", _said(fitted.spec.to_dict())
    yield "sizes", f"{len(fitted.users):,} users, {len(fitted.items):,} items{_width(fitted)}"
    losses = [one.loss for one in fitted.log if one.loss == one.loss]
    if losses:
        yield "loss", f"{losses[0]:,.6g} after epoch 1, {losses[-1]:,.6g} after {len(losses)}"


def _width(fitted: Fitted) -> str:
    if fitted.item_vectors is None:
        return ""
    return f", {fitted.n_factors:,} factors" if fitted.n_factors else ", no factors"


def _said(spec: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in spec.items() if name not in ("model", "of")}
    parts = [_said(one) for one in spec.get("of", ())]
    parts += [f"{name}={value}" for name, value in rest.items() if value is not None]
    return f"{spec['model']} ({', '.join(parts)})" if parts else str(spec["model"])
