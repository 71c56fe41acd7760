"""Questions to a saved model, with ids and titles as they come from a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recsys.errors import ArgumentError, UnknownIdError
from recsys.ids import WHOLE_NUMBER
from recsys.models.factors import Factors
from recsys.recommend.recommender import Recommender
from recsys.store.model_file import load, read_about


def user_id(model: Recommender, text: str) -> int | str:
    """The user that `text` stands for, in the type of the model's ids."""
    return model.fitted.users.parse(text)


def item_id(model: Recommender, text: str) -> int | str:
    """The item that `text` stands for: an id where it is one, else a title."""
    items = model.fitted.items
    if items.is_integer and WHOLE_NUMBER.fullmatch(text):
        # A title may be a number ("1984"): an id comes first, then a title.
        if items.find([int(text)])[0] >= 0:
            return int(text)
        try:
            return int(items.ids[model.titles.row(text)])
        except UnknownIdError:
            raise items.unknown(int(text)) from None
    return text


def item_name(model: Recommender, item: object) -> str:
    """What people call an item given by id or title: its title where it has one, else its id."""
    row = model.item_row(item)
    titles = model.items.titles
    title = None if titles is None else titles[row]
    return title if title is not None else str(model.factors.items.ids[row])


def new_person(model: Recommender, texts: list[str]) -> dict[int | str, float]:
    """Ratings of somebody who is not in the data, from texts like "Toy Story=5".

    Raises:
        ValueError: a text has no "=", what follows is no number, or an item comes twice.
    """
    ratings: dict[int | str, float] = {}
    for text in texts:
        title, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            equals = ""
        if not equals or not title.strip():
            raise ArgumentError(f"rate must look like 'Toy Story (1995)=5', not {text!r}")
        item = item_id(model, title.strip())
        if item in ratings:
            raise ArgumentError(f"rate names {title.strip()!r} twice; which rating counts?")
        ratings[item] = value
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


__all__ = ["describe_model", "item_id", "item_name", "load", "new_person", "user_id"]
