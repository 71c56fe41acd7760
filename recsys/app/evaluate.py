"""Evaluation: from a study to tables, reports and the gate."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.app.engine import LOCAL, engine_of
from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.app.recipe import feature_names, interval
from recsys.app.study import CURRENT, Study
from recsys.errors import ModelError, RecsysError
from recsys.evaluation.protocol.failures import no_model
from recsys.files import expanded, write_text
from recsys.models.kept import NOTHING, Kept

if TYPE_CHECKING:
    from recsys.evaluation.evaluation import Evaluation
    from recsys.evaluation.gate.gate import Gate
    from recsys.evaluation.protocol.contenders import Contender, Model
    from recsys.evaluation.protocol.evaluate import Evaluable
    from recsys.evaluation.protocol.jobs import OnModel
    from recsys.evaluation.protocol.parallel import Elsewhere
    from recsys.ratings.ratings import Ratings
    from recsys.ratings.split_choice import SplitChoice
    from recsys.ratings.splits import Split
    from recsys.recommend.chosen import OnSearch
    from recsys.recommend.recommender import Recommender
    from recsys.store.checkpoint import Host

_MEASURED = "seeds", "k", "feedback", "features", "per_user", "per_item", "sampled_negatives"
"""Settings of a study that its measurements depend on, besides models and splits."""


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of one split, and what was made of it."""

    result: Evaluation
    report: Path | None
    """The file that was written."""
    gate: Gate | None
    current: str
    """How the model in service was compared, in words; "" without one."""
    asked: tuple[str, ...]
    """The models that were asked for, without the baselines."""

    @property
    def failure(self) -> RecsysError | MemoryError | None:
        """The error to raise if every model that was asked for failed; None if one did not."""
        failures = self.result.failures
        if not set(self.asked) <= set(failures):
            return None
        reasons = {name: failures[name] for name in self.asked}
        said = "; ".join(f"{name} failed: {why}" for name, why in reasons.items())
        return no_model(said, reasons.values(), ModelError)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        found = self.result.to_dict()
        return found if self.gate is None else found | {"gate": self.gate.to_dict()}


def run(
    study: Study,
    on_model: OnModel = lambda model, split: None,
    on_stage: Callable[[str], None] = lambda what: None,
    on_account: OnAccount = no_account,
    command: str = "",
    on_search: OnSearch | None = None,
    host: Host | None = None,
) -> dict[str, Evaluated]:
    """Reads, splits, fits, measures, and writes the reports; one evaluation for each split.

    Args:
        study: what to evaluate.
        on_model: called before each fit.
        on_stage: called when a stage begins.
        on_account: called with what was understood of the ratings.
        command: the command that asked for it, for the reports.
        on_search: called after each trial of a model that searches.
        host: who may ask an evaluation with a checkpoint to stop.

    Raises:
        ArgumentError: the study has a bad value, or the checkpoint is of another evaluation.
        DataError: the ratings cannot be read.
        FitError: there is a gate, and one of its models failed.
    """
    from recsys.store.model_file import load

    models, choices = study.named_models(), study.named_splits()
    study.parsed_feedback()
    reports = study.report_files(choices)
    every = interval(study.checkpoint, study.every)
    current = load(study.against) if study.against is not None else None
    on_stage("reading" if study.engine == LOCAL else f"starting {study.engine} and reading")
    done: dict[str, Evaluated] = {}
    with ExitStack() as stack:
        engine = stack.enter_context(engine_of(study.engine, study.master, study.ratings))
        ratings = whole = read_and_account(study, on_account, engine.read)
        if study.per_user or study.per_item:
            ratings = ratings.at_least_active(study.per_user, study.per_item)
        kept = stack.enter_context(_kept(study, models, ratings, every, host))
        for i, (name, choice) in enumerate(choices.items()):
            watching = _Watching(on_model, on_search, kept.part(f"split-{i}"), engine.elsewhere)
            on_stage("splitting")
            parts = list(choice.make(ratings, study))
            if choice.held_out is not None and parts[0].test.account is not None:
                on_account(parts[0].test.account)
            if current is not None and study.gate is not None:
                one = _gated(study, models, _Day(whole, parts, choice), current, watching)
            else:
                one = _compared(study, models, parts, current, watching)
            if command:
                about = {**one.result.about, "command": command}
                one = replace(one, result=replace(one.result, about=about))
            on_stage("writing")
            if (path := reports.get(name)) is not None:
                _write(one, path)
            done[name] = replace(one, report=path)
    return done


def _kept(
    study: Study,
    models: Mapping[str, Model | Contender],
    ratings: Ratings,
    every: float,
    host: Host | None,
) -> AbstractContextManager[Kept]:
    if study.checkpoint is None:
        return nullcontext(NOTHING)
    from recsys.store.checkpoint import ALONE, Checkpoint, about_ratings

    about: dict[str, Any] = {
        "of": "evaluate",
        "models": {name: model.to_dict() for name, model in models.items()},
        "splits": {name: choice.values() for name, choice in study.named_splits().items()},
        **about_ratings(ratings),
    }
    about |= {name: getattr(study, name) for name in _MEASURED}
    if study.against is not None:
        with open(expanded(study.against), "rb") as stream:
            about["against"] = hashlib.file_digest(stream, "sha256").hexdigest()
    return Checkpoint(study.checkpoint, about, every, host or ALONE)


class _Watching(NamedTuple):
    # Who is called while models are fitted.
    on_model: OnModel
    on_search: OnSearch | None
    kept: Kept
    """What a checkpoint has of the split."""
    elsewhere: Elsewhere | None
    """What fits and measures, where that is not for this process."""


class _Day(NamedTuple):
    # What there is to evaluate on.
    ratings: Ratings
    """As they were read, before any were left out."""
    parts: list[Split]
    choice: SplitChoice

    @property
    def data(self) -> list[Ratings]:
        """All ratings, with the test ratings of another file."""
        other = self.choice.held_out is not None
        return [self.ratings, *(part.test for part in self.parts if other)]


def _compared(
    study: Study,
    models: dict[str, Model | Contender],
    parts: list[Split],
    current: Recommender | None,
    watching: _Watching,
) -> Evaluated:
    from recsys.evaluation.protocol.served import held_against

    how = ""
    asked: dict[str, Evaluable] = {**models}
    if current is not None:
        asked[CURRENT], how = held_against(current, parts)
    return Evaluated(_measured(study, asked, parts, watching), None, None, how, tuple(models))


def _gated(
    study: Study,
    models: dict[str, Model | Contender],
    day: _Day,
    current: Recommender,
    watching: _Watching,
) -> Evaluated:
    # Candidate and served model, measured on what the served model has not seen.
    from recsys.evaluation.gate.contest import contest
    from recsys.evaluation.gate.gate import decide
    from recsys.evaluation.gate.world import history_in
    from recsys.store.model_file import read_about

    assert study.against is not None
    found = () if current.history is None else history_in(current, day.data)
    held = contest(current, day.parts, study.parsed_feedback(), day.choice.seed)
    result = _measured(study, {**models, CURRENT: held.current}, held.splits, watching)
    candidate = next(iter(models))
    for needed in (candidate, CURRENT):
        if needed in result.failures:
            why = result.failures[needed]
            raise no_model(f"gate: {needed} failed: {why}", [why])
    terms = study.terms()
    assert terms is not None
    measured = read_about(study.against).get("measured")
    gate = decide(result, candidate, CURRENT, terms, held, found, measured, day.choice.how)
    notes = [*result.about["notes"], gate.sentence, *gate.remarks]
    result = replace(result, about={**result.about, "notes": notes})
    return Evaluated(result, None, gate, held.how, tuple(models))


def _measured(
    study: Study, asked: dict[str, Evaluable], parts: Sequence[Split], watching: _Watching
) -> Evaluation:
    from recsys.evaluation.protocol.evaluate import evaluate

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of sampled metrics; R008 says it
        return evaluate(
            asked, parts, study.k, feedback=study.parsed_feedback(),
            features=feature_names(study.features), seeds=study.seeds,
            sampled_negatives=study.sampled_negatives, processes=study.processes,
            **watching._asdict(),
        )  # fmt: skip


def _write(one: Evaluated, path: Path) -> None:
    if path.suffix == ".json":
        write_text(path, json.dumps(one.to_dict(), separators=(",", ":")) + "\n")
    elif path.suffix == ".md":
        one.result.to_markdown(path)
    else:
        one.result.to_html(path)
