"""Training: from a recipe to a model file, with a measured accuracy if that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.app.engine import LOCAL, engine_of
from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.app.recipe import feature_names, interval
from recsys.models.kept import NOTHING, RESULT, Entry, Kept
from recsys.models.spec import check_suits

if TYPE_CHECKING:
    from recsys.app.recipe import Part, Recipe
    from recsys.evaluation.protocol.measure import Measurement
    from recsys.evaluation.search.auto import Auto
    from recsys.evaluation.search.blending import Blending
    from recsys.findings import Finding
    from recsys.models.common import OnEpoch, Progress
    from recsys.models.spec import Spec
    from recsys.ratings.feedback import Feedback
    from recsys.ratings.ratings import Ratings
    from recsys.recommend.chosen import OnSearch
    from recsys.recommend.recommender import Recommender
    from recsys.store.checkpoint import Host

OnStage = Callable[[str], None]
"""Called with what begins now, in words."""

_K = 10  # length of the lists that are measured


@dataclass(frozen=True)
class Accuracy:
    """A held-out metric of the model, and of its baseline."""

    metric: str
    model: float
    baseline_name: str
    baseline: float | None
    """None where the model is the baseline itself."""
    n: int
    """Users, or ratings, it was measured on."""
    margin: float | None
    """Half the 95 % interval of the mean difference over users (normal approximation); None for
    RMSE, and for fewer than two users."""
    how: str

    def sentence(self) -> str:
        """The result in one honest line."""
        from recsys.evaluation.result.wording import decimals

        what = f"{self.n:,} {'ratings' if self.metric == 'RMSE' else 'users'}"
        places = decimals([self.margin or 0.0])
        line = f"{self.metric} {self.model:.{places}f}"
        if self.baseline is None:
            return f"{line} ({what})"
        line += f", {self.baseline_name} {self.baseline:.{places}f} ({what})"
        if self.margin is None:
            return line
        difference = self.model - self.baseline
        verdict = "" if abs(difference) > self.margin else ", within noise"
        return f"{line}: {difference:+.{places}f} ± {self.margin:.{places}f}{verdict}"


@dataclass(frozen=True)
class Trained:
    """What a training run made."""

    model: Recommender
    path: Path
    data: Mapping[str, Any]
    accuracy: tuple[Accuracy, ...]
    log: tuple[Progress, ...]
    seconds: float
    findings: tuple[Finding, ...] = ()
    """What is wrong with the model."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "path": str(self.path),
            "spec": self.model.factors.spec.to_dict(),
            "feedback": str(self.model.feedback),
            "account": self.model.account,
            "data": dict(self.data) | {"fingerprint": self.model.fingerprint},
            "accuracy": [vars(a) for a in self.accuracy],
            "loss": [p.loss for p in self.log],
            "search": self.model.search,
            "features": {
                side: worth.coding.described() for side, worth in self.model.features.items()
            },
            "findings": [vars(finding) for finding in self.findings],
            "seconds": self.seconds,
        }


def run(
    recipe: Recipe,
    on_epoch: OnEpoch | None = None,
    on_stage: OnStage = lambda what: None,
    on_account: OnAccount = no_account,
    on_search: OnSearch | None = None,
    host: Host | None = None,
) -> Trained:
    """Reads, holds out and measures if asked, trains on everything, saves.

    Args:
        recipe: what to train, on what.
        on_epoch: called with the `Progress` after each epoch.
        on_stage: called when a stage begins.
        on_account: called with what was understood of the ratings.
        on_search: called after each trial of a search.
        host: who may ask a run with a checkpoint to stop.

    Raises:
        ArgumentError: the recipe has a bad value, or the checkpoint is of another run.
        DataError: the ratings cannot be read, or the model predicts ratings and there are none.
        FitError: the model has no finite solution.
    """
    from recsys.app.training import check_features, train
    from recsys.diagnosis.explained import collapse
    from recsys.ratings.ratings import overview
    from recsys.store.model_file import save

    spec, feedback, part = recipe.spec(), recipe.parsed_feedback(), recipe.part()
    out, every = recipe.out_file(), interval(recipe.checkpoint, recipe.every)
    features = feature_names(recipe.features)
    started = time.perf_counter()
    on_stage("reading" if recipe.engine == LOCAL else f"starting {recipe.engine} and reading")
    measured = None
    with ExitStack() as stack:
        engine = stack.enter_context(engine_of(recipe.engine, recipe.master, recipe.ratings))
        ratings = read_and_account(recipe, on_account, engine.read)
        check_suits(spec, ratings)
        spec = engine.running(spec)
        kept = stack.enter_context(_kept(recipe, ratings, every, host))
        if part is not None:
            check_features(ratings, features)
            on_stage(f"measuring {spec.name}")
            calls = on_epoch, on_search
            measured = measure(spec, ratings, feedback, part, *calls, kept.part("measuring"))
        on_stage(f"training {spec.name}")
        model = train(
            spec, ratings, feedback=feedback, features=features,
            on_epoch=on_epoch, on_search=on_search, checkpoint=kept.part("training"),
        )  # fmt: skip
        on_stage("saving")
        path = save(model, out, measured=None if measured is None else measured.header)
    seconds = time.perf_counter() - started
    accuracy = () if measured is None else measured.accuracy
    return Trained(
        model, path, overview(ratings), accuracy, model.factors.log, seconds, collapse(model)
    )


def _kept(
    recipe: Recipe, ratings: Ratings, every: float, host: Host | None
) -> AbstractContextManager[Kept]:
    if recipe.checkpoint is None:
        return nullcontext(NOTHING)
    from recsys.app.training import training_of
    from recsys.store.checkpoint import ALONE, Checkpoint

    features = feature_names(recipe.features)
    about = training_of(recipe.spec(), ratings, recipe.parsed_feedback(), features)
    about["measured on"] = str(recipe.part() or "nothing")
    return Checkpoint(recipe.checkpoint, about, every, host or ALONE)


class Measured(NamedTuple):
    """What was measured before the training on everything."""

    accuracy: tuple[Accuracy, ...]
    header: Mapping[str, Any]
    """Every metric, as the model file keeps it for the gate."""


def measure(
    spec: Spec | Auto | Blending,
    ratings: Ratings,
    feedback: Feedback | None,
    part: Part,
    on_epoch: OnEpoch | None = None,
    on_search: OnSearch | None = None,
    kept: Kept = NOTHING,
) -> Measured:
    """Held-out accuracy of `spec`, and of the baseline that fits its purpose.

    Ranking models are compared with `Popularity` by NDCG@10 over the held-out feedback; models of
    ratings also with `Biases` by RMSE over the held-out ratings.

    Raises:
        DataError: the held-out part has nothing to measure on.
        FitError: the model has no finite solution.
    """

    def made() -> Entry:
        found = _measured(spec, ratings, feedback, part, (on_epoch, on_search), kept)
        lines = [vars(line) for line in found.accuracy]
        return Entry(about={"accuracy": lines, "header": found.header})

    found = kept.remember(RESULT, {}, made).about
    return Measured(tuple(Accuracy(**line) for line in found["accuracy"]), found["header"])


def _measured(
    spec: Spec | Auto | Blending,
    ratings: Ratings,
    feedback: Feedback | None,
    part: Part,
    calls: tuple[OnEpoch | None, OnSearch | None],
    kept: Kept,
) -> Measured:
    from recsys.evaluation.gate import level
    from recsys.evaluation.protocol.measure import measure_all
    from recsys.models.baselines import Biases, Popularity
    from recsys.ratings.feedback import Feedback
    from recsys.recommend.chosen import Chooser, choose

    split, liked = part.split(ratings), feedback or Feedback()
    known, with_errors = liked.apply(split.train), spec.predicts_ratings and liked.keeps_ratings
    one: Any = spec
    trained_on = known
    if isinstance(spec, Chooser):  # without a look at what is held out
        chosen = choose(spec, split.train, feedback, calls[1], kept.part("search"))
        one, trained_on = chosen.spec, chosen.feedback.apply(split.train)
    with kept.fitting("fit", one) as going_on:
        fitted = {spec.name: one.fit(trained_on, calls[0], **going_on)}
    for baseline in (Popularity(), Biases()) if with_errors else (Popularity(),):
        fitted.setdefault(baseline.name, baseline.fit(known))
    others = measure_all(fitted, split, _K, liked)
    ours = others.pop(spec.name)
    lines = [_ranking(ours, others.get(Popularity.name), str(part))]
    if with_errors:
        biases = others[Biases.name].means["rmse"] if Biases.name in others else None
        n = split.test.n_ratings
        lines.insert(0, Accuracy("RMSE", ours.means["rmse"], "Biases", biases, n, None, str(part)))
    made = level.Measured(part.how, str(liked))
    header = level.to_header(
        ours.values, made, split=split.how, test=part.test, seed=part.seed, k=_K
    )
    return Measured(tuple(lines), header)


def _ranking(ours: Measurement, popular: Measurement | None, how: str) -> Accuracy:
    values, margin = ours.values["ndcg@10"].dropna(), None
    if popular is not None and len(values) > 1:
        differences = values - popular.values["ndcg@10"].dropna()
        margin = 1.96 * float(differences.std(ddof=1)) / len(values) ** 0.5
    baseline = None if popular is None else popular.means["ndcg@10"]
    return Accuracy(
        "NDCG@10", float(values.mean()), "Popularity", baseline, len(values), margin, how
    )
