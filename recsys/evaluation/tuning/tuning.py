"""`Tuning`: a finished search with its report, its recipe and its best model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.errors import ArgumentError
from recsys.evaluation.metrics import label_of
from recsys.evaluation.tuning.page import page
from recsys.evaluation.tuning.result import Found
from recsys.evaluation.tuning.spaces import FEEDBACK
from recsys.files import output_file, write_text
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import Chosen, OnSearch

BEST, REPORT = "best.toml", "report.html"
"""Names of the recipe and the report in the folder of a search."""


@dataclass(frozen=True)
class Tuning(Found):
    """A finished search, or as much of it as was done. `recsys.train` trains its best model."""

    def _repr_html_(self) -> str:
        from recsys import notebook
        from recsys.evaluation.tuning.page import in_words

        best = self.best_of_models.values()
        name, value = self.baseline
        columns: dict[str, list[Any]] = {
            "model": [one.model for one in best] + [name],
            self.metric: [one.value for one in best] + [value],
            FEEDBACK: [one.feedback for one in best] + [None],
            "settings": [in_words(one, without=FEEDBACK) for one in best] + [None],
        }
        title = f"{self.best.model} is the best of {len(self.trials)} trials"
        return notebook.block(title, notebook.table(columns), notes=self.record["remarks"])

    def choose(
        self,
        ratings: Ratings,
        feedback: Feedback | None = None,
        on_search: OnSearch | None = None,
    ) -> Chosen:
        """The best model, regardless of the ratings: `train` trains it, and stores the record.

        Raises:
            ArgumentError: the feedback differs from that of the best trial.
        """
        if feedback not in (None, self.feedback):
            raise ArgumentError(
                f"the best trial has feedback {self.feedback}, so it cannot be trained with "
                f"{feedback}; tune with {feedback} instead"
            )
        return Chosen(self.spec, self.feedback, self.record)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Writes the report: one page with history, importance, slices and all trials.

        Raises:
            ArgumentError: the path does not end in .html, or cannot be written to.
        """
        file = output_file(path, "path", (".html",))
        write_text(file, page(self))
        return file

    def to_toml(self, path: str | os.PathLike[str], data: Mapping[str, Any] | None = None) -> Path:
        """Writes a recipe that trains the best model: `recsys train --config FILE`.

        Args:
            path: where to write, ending in .toml.
            data: further keys of the recipe, such as `ratings`.

        Raises:
            ArgumentError: the path does not end in .toml, or cannot be written to.
        """
        file = output_file(path, "path", (".toml",))
        write_text(file, self._toml(data or {}))
        return file

    def _toml(self, data: Mapping[str, Any]) -> str:
        hyperparameters = dict(self.best.spec)
        top = {**data, "model": hyperparameters.pop("model"), FEEDBACK: self.best.feedback}
        if "seed" in hyperparameters:
            top["seed"] = hyperparameters.pop("seed")
        members = hyperparameters.pop("of", [])  # of a blend
        tables = {name: value for name, value in top.items() if isinstance(value, Mapping)}
        lines = [
            f"# {label_of(self.metric)} {self.score:.4f} on validation parts, the best of "
            f"{len(self.trials)} trials",
            *_assignments({k: v for k, v in top.items() if k not in tables}),
        ]
        for name, table in {**tables, "hyperparameters": hyperparameters}.items():
            lines += ["", f"[{name}]", *_assignments(table)]
        for member in members:
            lines += ["", "[[hyperparameters.of]]", *_assignments(member)]
        return "\n".join(lines) + "\n"


def _assignments(table: Mapping[str, Any]) -> list[str]:
    # JSON texts, numbers and truth values are TOML; "none" has no value there and is the default.
    return [
        f"{name if name.replace('_', '').isalnum() else json.dumps(name)} = "
        f"{json.dumps(value, ensure_ascii=False)}"
        for name, value in table.items()
        if value is not None
    ]
