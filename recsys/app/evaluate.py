"""Evaluation: from a study to tables, reports and the gate."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recsys.app.study import CURRENT, Study
from recsys.errors import FitError
from recsys.evaluation.protocol.evaluate import Evaluable, OnModel, evaluate
from recsys.evaluation.protocol.gate import Gate, gate
from recsys.evaluation.protocol.served import held_against
from recsys.evaluation.result.evaluation import Evaluation
from recsys.ratings.readers import read
from recsys.store.model_file import load


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation made, for one split."""

    result: Evaluation
    report: Path | None
    """The file that was written."""
    gate: Gate | None
    current: str
    """In words: how the model in service was compared; "" without one."""


def run(
    study: Study,
    on_model: OnModel = lambda model, split: None,
    on_stage: Callable[[str], None] = lambda what: None,
) -> dict[str, Evaluated]:
    """Reads, splits, fits, measures, and writes the reports; one evaluation for each split.

    Raises:
        ValueError: the study has a bad value. RecsysError: see its tree.
    """
    models, choices, feedback = (
        study.checked_models(), study.checked_splits(), study.checked_feedback(),
    )  # fmt: skip
    reports = study.reports(choices)
    current = load(study.against) if study.against is not None else None
    on_stage("reading")
    ratings = read(study)
    if study.per_user or study.per_item:
        ratings = ratings.at_least_active(study.per_user, study.per_item)
    done: dict[str, Evaluated] = {}
    for name, choice in choices.items():
        on_stage("splitting")
        parts = list(choice.make(ratings, study))
        asked, how = dict[str, Evaluable](models), ""
        if current is not None:
            asked[CURRENT], how = held_against(current, parts)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of sampled metrics; R008 says it
            result = evaluate(
                asked, parts, study.k, feedback=feedback, seeds=study.seeds,
                sampled_negatives=study.sampled_negatives, on_model=on_model,
            )  # fmt: skip
        verdict = None
        if study.gate is not None:
            candidate = next(iter(models))
            for needed in (candidate, CURRENT):
                if needed in result.failures:
                    raise FitError(f"gate: {needed} failed: {result.failures[needed]}")
            verdict = gate(result, candidate, CURRENT, study.gate)
        path = reports.get(name)
        on_stage("writing")
        if path is not None:
            {".html": result.to_html, ".md": result.to_markdown, ".json": result.to_json}[
                path.suffix
            ](path)
        done[name] = Evaluated(result, path, verdict, how)
    return done
