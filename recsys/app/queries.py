"""Questions to a saved model, with ids and titles as they come from a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recsys.errors import UnknownIdError
from recsys.models.factors import Factors
from recsys.recommend.recommender import Recommender
from recsys.store.model_file import load, read_about


def user_id(model: Recommender, text: str) -> int | str:
    """The user that `text` stands for, in the type of the model's ids."""
    return model.factors.users.parse(text)


def item_id(model: Recommender, text: str) -> int | str:
    """The item that `text` stands for: an id where it is one, else a title."""
    items = model.factors.items
    if items.is_integer and text.lstrip("-").isdigit():
        number = int(text)
        # A title may be a number ("1984"): an id comes first, then a title.
        if items.find([number])[0] >= 0:
            return number
        try:
            return int(items.ids[model.titles.row(text)])
        except UnknownIdError:
            raise items.unknown(number) from None
    return text


def new_person(model: Recommender, texts: list[str]) -> dict[int | str, float]:
    """Ratings of somebody who is not in the data, from texts like "Toy Story=5".

    Raises:
        ValueError: a text has no "=", or what follows is no number.
    """
    ratings: dict[int | str, float] = {}
    for text in texts:
        title, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            equals = ""
        if not equals or not title.strip():
            raise ValueError(f"rate must look like 'Toy Story (1995)=5', not {text!r}")
        ratings[item_id(model, title.strip())] = value
    return ratings


def describe_model(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """What a model file holds, for `recsys inspect`."""
    model = load(path)
    about = read_about(path)
    factors = model.factors
    history = model.history
    described: dict[str, Any] = {
        "file": str(path),
        "size": Path(path).stat().st_size,
        "spec": factors.spec.to_dict(),
        "feedback": str(model.feedback),
        "users": len(factors.users),
        "items": len(factors.items),
        "ratings": None if history is None else int(history.nnz),
        "mean": factors.mean,
        "item columns": list(model.item_table.columns),
        "epochs": len(factors.log),
        "loss": [p.loss for p in factors.log],
        "created": about["created"],
        "versions": about["versions"],
        "data_fingerprint": about["data_fingerprint"],
    }
    if factors.n_factors:
        described["factor norms"] = _norms(factors)
    return described


def _norms(factors: Factors) -> Mapping[str, float]:
    # Length of the vectors: the median, and the longest, on either side.
    found = {}
    for side in ("user", "item"):
        lengths = np.linalg.norm(getattr(factors, f"{side}_factors"), axis=1)
        found[f"{side}, median"] = float(np.median(lengths))
        found[f"{side}, largest"] = float(lengths.max(initial=0))
    return found


__all__ = ["describe_model", "item_id", "load", "new_person", "user_id"]
