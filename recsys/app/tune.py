"""Tuning: from ratings to the best model, its report, its recipe and, if asked for, its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.app.recipe import model_file_to_write
from recsys.evaluation.tuning.limits import (
    budget_field,
    hyperparameters_field,
    metric_field,
    models_field,
    processes_field,
    trials_field,
)
from recsys.files import expanded
from recsys.ratings.source import Source
from recsys.settings import option, settings_of

if TYPE_CHECKING:
    from recsys.app.train import OnStage
    from recsys.evaluation.tuning.tune import Tuner
    from recsys.evaluation.tuning.tuning import Tuning
    from recsys.ratings.feedback import Feedback
    from recsys.recommend.chosen import OnSearch


@dataclass(frozen=True)
class TuneRequest(Source):
    """What to search, by what, and where to keep it."""

    models: Sequence[str] = models_field()
    metric: str = metric_field()
    trials: int = trials_field()
    budget: str | None = budget_field()
    hyperparameters: Mapping[str, Any] = hyperparameters_field()
    feedback: str | None = option(
        None,
        metavar="HOW",
        meaning="What counts as liked, and how ratings become confidence: values, ones, log (of "
        "counts), centered, or at-least=4 to count only ratings of 4 and above.",
        default_text="every rating counts as liked, and the confidence is searched",
    )
    seed: int = option(0, low=0, meaning="Seed for the held-out ratings, the trials and the fits.")
    processes: int = processes_field()
    out: str = option(
        "tuning",
        flags=("--out", "-o"),
        metavar="DIR",
        meaning="Folder for study.db, report.html and best.toml. Running the same search again "
        "resumes it.",
    )
    save: str | None = option(
        None,
        metavar="FILE",
        meaning="Train the best model on all ratings and save it.",
        default_text="no training",
    )

    def tuner(self) -> Tuner:
        """The search.

        Raises:
            ArgumentError: a setting is wrong.
        """
        from recsys.evaluation.tuning.tune import Tuner

        names = [setting.name for setting in settings_of(Tuner)]
        return Tuner(**{name: getattr(self, name) for name in names})

    def parsed_feedback(self) -> Feedback | None:
        """What `feedback` stands for; None where it is not given.

        Raises:
            ArgumentError: it is none of what is allowed.
        """
        from recsys.ratings.feedback import Feedback

        return None if self.feedback is None else Feedback.parse(self.feedback)

    def save_file(self) -> Path | None:
        """The model file to write.

        Raises:
            ArgumentError: it cannot be written, or would replace what is no model file.
        """
        return None if self.save is None else model_file_to_write(self.save, "save")

    def source(self) -> dict[str, Any]:
        """The keys of a recipe that say where the ratings are, as far as they were given."""
        there = {one.name: (one.default, getattr(self, one.name)) for one in settings_of(Source)}
        return {name: value for name, (default, value) in there.items() if value != default}


@dataclass(frozen=True)
class Tuned:
    """What a tuning run made."""

    found: Tuning
    folder: Path
    saved: Path | None = None
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return self.found.to_dict() | {
            "out": str(self.folder),
            "saved": None if self.saved is None else str(self.saved),
            "interrupted": self.interrupted,
        }


def run(
    request: TuneRequest,
    on_search: OnSearch | None = None,
    on_stage: OnStage = lambda what: None,
    on_account: OnAccount = no_account,
) -> Tuned:
    """Reads, searches, writes study, report and recipe; trains and saves the best if asked.

    Where it is interrupted after a complete trial, what is done is written, and nothing trained.

    Raises:
        ArgumentError: the request has a bad value, or the folder has another search.
        DataError: the ratings cannot be read, or do not suit a model.
        FitError: no trial could be completed.
        KeyboardInterrupt: it came before the first complete trial.
    """
    from recsys.app.training import train
    from recsys.evaluation.tuning.tune import write
    from recsys.evaluation.tuning.tuning import Tuning
    from recsys.store.model_file import save

    tuner, feedback, file = request.tuner(), request.parsed_feedback(), request.save_file()
    folder = expanded(request.out)
    on_stage("reading")
    ratings = read_and_account(request, on_account)
    search = tuner.search(ratings, feedback, folder)
    on_stage("searching")
    interrupted = False
    try:
        search.run(on_search)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    found = Tuning.of(search, tuner.to_dict())
    write(found, folder, request.source())
    if file is None or interrupted:
        return Tuned(found, folder, None, interrupted)
    on_stage(f"training {found.spec.name}")
    save(train(found, ratings), file)
    return Tuned(found, folder, file)
