"""Evaluation: from a study to tables, reports and the gate."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.app.study import CURRENT, Study
from recsys.errors import FitError

if TYPE_CHECKING:
    from recsys.evaluation.evaluation import Evaluation
    from recsys.evaluation.protocol.contenders import Model
    from recsys.evaluation.protocol.evaluate import Evaluable, OnModel
    from recsys.evaluation.protocol.gate import Gate
    from recsys.ratings.splits import Split
    from recsys.recommend.recommender import Recommender


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of one split, and what was made of it."""

    result: Evaluation
    report: Path | None
    """The file that was written."""
    gate: Gate | None
    current: str
    """How the model in service was compared, in words; "" without one."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return self.result.to_dict()


def run(
    study: Study,
    on_model: OnModel = lambda model, split: None,
    on_stage: Callable[[str], None] = lambda what: None,
    on_account: OnAccount = no_account,
    command: str = "",
) -> dict[str, Evaluated]:
    """Reads, splits, fits, measures, and writes the reports; one evaluation for each split.

    Args:
        study: what to evaluate.
        on_model: called before each fit.
        on_stage: called when a stage begins.
        on_account: called with what was understood of the ratings.
        command: the command that asked for it, for the reports.

    Raises:
        ArgumentError: the study has a bad value.
        DataError: the ratings cannot be read.
        FitError: there is a gate, and one of its models failed.
    """
    from recsys.store.model_file import load

    models, choices = study.named_models(), study.named_splits()
    study.parsed_feedback()
    reports = study.report_files(choices)
    current = load(study.against) if study.against is not None else None
    on_stage("reading")
    ratings = read_and_account(study, on_account)
    if study.per_user or study.per_item:
        ratings = ratings.at_least_active(study.per_user, study.per_item)
    done: dict[str, Evaluated] = {}
    for name, choice in choices.items():
        on_stage("splitting")
        parts = list(choice.make(ratings, study))
        if choice.held_out is not None and parts[0].test.account is not None:
            on_account(parts[0].test.account)
        result, how = _measured(study, models, parts, current, on_model)
        if command:
            result = replace(result, about={**result.about, "command": command})
        verdict = _verdict(study.gate, result, next(iter(models)))
        on_stage("writing")
        if (path := reports.get(name)) is not None:
            _write(result, path)
        done[name] = Evaluated(result, path, verdict, how)
    return done


def _measured(
    study: Study,
    models: dict[str, Model],
    parts: list[Split],
    current: Recommender | None,
    on_model: OnModel,
) -> tuple[Evaluation, str]:
    from recsys.evaluation.protocol.evaluate import evaluate
    from recsys.evaluation.protocol.served import held_against

    how = ""
    asked: dict[str, Evaluable] = {**models}
    if current is not None:
        asked[CURRENT], how = held_against(current, parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of sampled metrics; R008 says it
        result = evaluate(
            asked, parts, study.k, feedback=study.parsed_feedback(), seeds=study.seeds,
            sampled_negatives=study.sampled_negatives, on_model=on_model,
        )  # fmt: skip
    return result, how


def _verdict(metric: str | None, result: Evaluation, candidate: str) -> Gate | None:
    from recsys.evaluation.protocol.gate import gate

    if metric is None:
        return None
    for needed in (candidate, CURRENT):
        if needed in result.failures:
            raise FitError(f"gate: {needed} failed: {result.failures[needed]}")
    return gate(result, candidate, CURRENT, metric)


def _write(result: Evaluation, path: Path) -> None:
    writers = {".html": result.to_html, ".md": result.to_markdown, ".json": result.to_json}
    writers[path.suffix](path)
