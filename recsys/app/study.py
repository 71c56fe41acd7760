"""Studies: everything an evaluation needs, in one TOML file or from command-line options."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from recsys.app.source import SOURCE_KINDS, Source, check_keys, read_toml
from recsys.errors import ArgumentError
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.protocol.contenders import Model
from recsys.evaluation.protocol.grid import Grid
from recsys.models.registry import SPECS, make_spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.split_choice import SplitChoice as SplitChoice

REPORTS = (".html", ".md", ".json")
CURRENT = "current"
"""Name of the served model in the tables."""

_MODELS = SPECS


@dataclass(frozen=True)
class Study(Source):
    """An evaluation. The fields are the keys of a recipe file."""

    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name in the tables → `model` (the name itself if not given), hyperparameters, and `grid`:
    hyperparameter → values to choose from on a part of the training ratings."""
    split: Mapping[str, Any] = field(default_factory=dict)
    """The keys of `SplitChoice`."""
    splits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Several splits by name, instead of one: each is an evaluation of its own."""
    k: int = 10
    """Length of the lists."""
    feedback: str = "values"
    """What counts as liked: values, ones or at-least=NUMBER."""
    seeds: Sequence[int] = ()
    """Every model that draws at random is trained once for each."""
    per_user: int = 0
    """Users with fewer ratings are left out, and with them, in turn, ..."""
    per_item: int = 0
    """... items with fewer ratings, until none falls short."""
    sampled_negatives: int = 0
    """Also measure against so many random items."""
    against: str | None = None
    """Model file of the model in service."""
    gate: str | None = None
    """Metric, such as ndcg@10, by which the candidate must not be significantly worse."""
    report: str | None = None
    """File for the report: .html, .md or .json."""

    def checked_models(self) -> dict[str, Model]:
        """The models by name.

        Raises:
            ValueError: a name, hyperparameter or value is not one.
        """
        if not self.models:
            raise ArgumentError(f"models must name at least one of {', '.join(_MODELS)}")
        if self.gate is not None and (self.against is None or len(self.models) != 1):
            raise ArgumentError("gate needs one model and, with against, the model file of another")
        if self.gate is not None:
            self._check_gate(self.gate)
        if CURRENT in self.models and self.against is not None:
            raise ArgumentError(
                f"models must not be called {CURRENT!r}: that is the model in service"
            )
        own_seed = self.split.get("seed", 0)
        return {name: _model(name, dict(given), own_seed) for name, given in self.models.items()}

    def _check_gate(self, metric: str) -> None:
        # Before the work, not after it; that the models have the metric is seen then.
        name, _, length = metric.partition("@")
        known = METRICS.get(name)
        if known is None or length != (str(self.k) if known.at_k else ""):
            example = f"ndcg@{self.k}, recall@{self.k}, map@{self.k} or rmse"
            raise ArgumentError(f"gate must be a metric such as {example}, not {metric!r}")

    def checked_splits(self) -> dict[str, SplitChoice]:
        """The splits by name; one without a name is called by how it parts."""
        if self.split and self.splits:
            raise ArgumentError("split and splits exclude each other: put the one into the others")
        known = [f.name for f in fields(SplitChoice)]
        chosen = self.splits or {str(self.split.get("how", "random")): self.split}
        for name, given in chosen.items():
            if not isinstance(given, Mapping):
                raise ArgumentError(f"splits: {name} must be a table with how, folds, ...")
            check_keys(f"split {name}", given, known)
        if len(chosen) > 1 and self.gate is not None:
            raise ArgumentError("gate needs one split, not several")
        return {name: SplitChoice(**given) for name, given in chosen.items()}

    def checked_feedback(self) -> Feedback:
        """The feedback, parsed."""
        return Feedback.parse(self.feedback)

    def reports(self, names: Iterable[str]) -> dict[str, Path]:
        """Where the report of each split goes; nothing without a report.

        Raises:
            ValueError: the ending is none, or the folder does not exist.
        """
        if self.report is None:
            return {}
        path = Path(self.report).expanduser()
        if path.suffix not in REPORTS:
            raise ArgumentError(f"report must end in {', '.join(REPORTS)}, not {self.report!r}")
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise ArgumentError(
                f"report must lie in a folder one can write to, not {self.report!r}"
            )
        names = list(names)
        if len(names) == 1:
            return {names[0]: path}
        return {name: path.with_stem(f"{path.stem}-{name}") for name in names}


def read_study(path: Path) -> dict[str, Any]:
    """The entries of a recipe file for an evaluation.

    Raises:
        ValueError: the file is missing, no TOML, or has a key that no study has.
    """
    return read_toml(path, _KINDS)


_KINDS = SOURCE_KINDS | {
    "models": dict, "split": dict, "splits": dict, "k": int, "feedback": str, "seeds": list,
    "per_user": int, "per_item": int, "sampled_negatives": int, "against": str, "gate": str,
    "report": str,
}  # fmt: skip


def _model(name: str, settings: dict[str, Any], seed: int) -> Model:
    kind = str(settings.pop("model", name))
    grid = settings.pop("grid", {})
    if kind in _MODELS and "seed" in {f.name for f in fields(_MODELS[kind])}:
        settings.setdefault("seed", seed)
    one: Any = make_spec(kind, settings)
    if not grid:
        return one  # type: ignore[no-any-return]
    for hyperparameter, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ArgumentError(f"grid of {name}: {hyperparameter} must be a list of values")
    return Grid.over(lambda **each: make_spec(kind, settings | each), grid, seed=seed)
