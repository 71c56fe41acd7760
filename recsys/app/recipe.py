"""Recipes: everything a training run needs, in one TOML file or from command-line options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from recsys.app.source import SOURCE_KINDS, Source, read_toml
from recsys.errors import ArgumentError, ModelFileError
from recsys.models.registry import make_spec
from recsys.models.spec import Spec
from recsys.ratings.feedback import Feedback
from recsys.store.model_file import read_about


@dataclass(frozen=True)
class Recipe(Source):
    """A training run. The fields are the keys of a recipe file."""

    model: str = "implicit-als"
    """Name of the model."""
    out: str = "model.safetensors"
    """Where the model file goes."""
    feedback: str = "values"
    """How ratings enter the training: values, ones or at-least=NUMBER."""
    test: float = 0.0
    """Share of the ratings to hold out first, for an accuracy line; 0 for none."""
    seed: int = 0
    """Of the model's random start and of the held-out ratings."""
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    """Hyperparameters of the model; the others keep their defaults."""

    def spec(self) -> Spec:
        """The model with its hyperparameters and the seed.

        Raises:
            ValueError: a name or value is not one.
        """
        if self.seed < 0:
            raise ArgumentError(f"seed must be a whole number of at least 0, not {self.seed}")
        settings = dict(self.hyperparameters)
        spec = make_spec(self.model, settings)
        if "seed" in {f.name for f in fields(spec)} and "seed" not in settings:
            spec = make_spec(self.model, settings | {"seed": self.seed})
        return spec

    def checked_out(self) -> Path:
        """Where the model file goes.

        Raises:
            ValueError: that is no file name, or the name of something that is no model file.
            ModelFileError: the folder is missing or cannot be written to.
        """
        out = Path(self.out).expanduser()
        if not self.out or out.is_dir():
            raise ArgumentError(f"out must be a file name, not {self.out!r}")
        if not out.parent.is_dir():
            raise ModelFileError(f"{out}: the folder {out.parent} does not exist; make it first")
        if not os.access(out.parent, os.W_OK):
            raise ModelFileError(f"{out}: the folder {out.parent} cannot be written to")
        if out.exists() and out.stat().st_size:
            try:
                read_about(out)
            except ModelFileError:
                raise ArgumentError(
                    f"out would replace {out}, which is no model file; choose another name"
                ) from None
        return out

    def checked_test(self) -> float:
        """The share to hold out.

        Raises:
            ValueError: it is no share.
        """
        if not 0 <= self.test < 1:
            raise ArgumentError(f"test must be at least 0 and below 1, not {self.test!r}")
        return self.test

    def checked_feedback(self) -> Feedback:
        """The feedback, parsed."""
        return Feedback.parse(self.feedback)


def read_recipe(path: Path) -> dict[str, Any]:
    """The entries of a recipe file.

    Raises:
        ValueError: the file is missing, no TOML, or has a key that no recipe has.
    """
    return read_toml(path, _KINDS)


_KINDS = SOURCE_KINDS | {
    "model": str, "out": str, "feedback": str, "test": (int, float), "seed": int,
    "hyperparameters": dict,
}  # fmt: skip
