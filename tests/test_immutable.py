"""Values stay read-only when they are copied or sent to another process."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recsys
from recsys import Ratings
from recsys.csr import frozen
from recsys.immutable import Immutable

COPIES: list[Callable[[Any], Any]] = [
    lambda value: pickle.loads(pickle.dumps(value)),
    copy.deepcopy,
    copy.copy,
]


def writable(value: Any, seen: set[int], where: str = "") -> list[str]:
    """Where a value has an array that can be written to."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return [where] if value.flags.writeable else []
    if isinstance(value, Immutable) or type(value).__name__ == "csr_matrix":
        value = vars(value)
    if isinstance(value, dict):
        return [x for k, v in value.items() for x in writable(v, seen, f"{where}.{k}")]
    if isinstance(value, tuple):
        return [x for i, v in enumerate(value) for x in writable(v, seen, f"{where}[{i}]")]
    return []


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("spec", [recsys.NormalizedSVD(4), recsys.ItemKNN(5), recsys.Biases()])
def test_copies_of_models_are_read_only_and_answer_alike(
    spec: Any, copied: Callable[[Any], Any], sample: Ratings, tmp_path: Path
) -> None:
    model = recsys.train(spec, sample)
    for one in (model, recsys.load(recsys.save(model, tmp_path / "m"))):
        wanted = one.recommend(5)
        again = copied(one)
        assert writable(again, set()) == []
        assert again.recommend(5).equals(wanted)


@pytest.mark.parametrize("copied", COPIES)
def test_copies_of_ratings_are_read_only_and_have_their_own_fingerprint(
    copied: Callable[[Any], Any], sample: Ratings
) -> None:
    _ = sample.fingerprint
    again = copied(sample)
    assert writable(again, set()) == []
    assert "fingerprint" not in vars(again)
    assert again.fingerprint == sample.fingerprint


def test_what_is_cached_stays_behind(sample: Ratings) -> None:
    """Such as the packed vectors, which are laid out for the instruction set of this machine."""
    model = recsys.train(recsys.ImplicitALS(4, n_epochs=1), sample)
    model.recommend_many(n=3)
    kind = type(model)
    cached = {k for k in vars(model) if isinstance(getattr(kind, k, None), cached_property)}
    assert cached
    again = pickle.loads(pickle.dumps(model))
    assert set(vars(model)) - set(vars(again)) == cached


def test_nested_arrays_are_frozen() -> None:
    class Value(Immutable):
        def __init__(self) -> None:
            self.parts = {"a": (frozen(np.zeros(2)),)}

    value = Value()
    again = Value.__new__(Value)
    again.__setstate__(copy.deepcopy(value.__getstate__()))
    with pytest.raises(ValueError, match="read-only"):
        again.parts["a"][0][0] = 1
