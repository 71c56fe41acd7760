"""Checks: what makes the numbers of an evaluation mean less than they seem to, each with a code.

| code | what it finds |
|---|---|
| R001 | a leak: the same rating in training and test, or a trained model that has seen the test |
| R002 | a model that is no better than its baseline |
| R003 | a best model whose lead over the next is within noise |
| R004 | hyperparameters chosen on the test set |
| R005 | too few test users for a narrow interval |
| R006 | recommendations concentrated on the most rated items |
| R007 | time travel: training on ratings later than those tested |
| R008 | metrics against sampled items |
| R009 | newcomers: test users without known ratings that count |
| R010 | training whose loss was still falling |
| R011 | a single split or seed |
| R012 | models that failed |
| R013 | models without scores, so without metrics that need them |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from recsys.diagnosis import signs
from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics import label_of, metric_of
from recsys.evaluation.metrics.inputs import SampledRanks, Scores
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.statistics import SIGNIFICANT
from recsys.evaluation.result.wording import fixed, p_in_words, plural, signed, within
from recsys.findings import Finding, by_level
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split, shared_pairs

_WIDE = 0.1  # half an interval / the mean, above which the mean says little


class Described(Protocol):
    """What the checks ask about a model."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def predicts_ratings(self) -> bool:
        """Whether a score is a predicted rating."""

    def to_dict(self) -> Mapping[str, Any]:
        """What was asked for; `served` where it was not trained again."""


@runtime_checkable
class Remembers(Protocol):
    """A model that was trained before."""

    def n_seen(self, test: Ratings) -> int:
        """Test ratings that it was trained on."""


Models = Mapping[str, Described]


def find_faults(result: Results, splits: Sequence[Split], models: Models) -> list[Finding]:
    """Everything the checks find, errors first; R007 comes next, because it is about every number.

    Then warnings, then notes.
    """
    found = by_level(finding for check in _CHECKS for finding in check(result, splits, models))
    return sorted(found, key=lambda finding: (finding.level != "error", finding.code != "R007"))


def leak(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R001."""
    ratings = result.words.many
    parts: dict[str, list[Ratings | None]] = {
        "training": [split.train for split in splits],
        f"the known {ratings} of the test users": [split.known for split in splits],
    }
    for where, of_splits in parts.items():
        shared = [
            0 if part is None else len(shared_pairs(part, split.test))
            for split, part in zip(splits, of_splits, strict=True)
        ]
        at = [split for split, n in zip(splits, shared, strict=True) if n]
        if at:
            total = sum(split.test.n_ratings for split in at)
            yield Finding(
                "R001",
                "error",
                f"{sum(shared):,} of the {total:,} test {ratings} are also in {where} "
                f"({result.words.said(_named(at, splits))})",
                "remove them from one set: a model that memorizes them looks too good",
            )
    n_test = sum(split.test.n_ratings for split in splits)
    for name, model in models.items():
        known = sum(model.n_seen(split.test) for split in splits if isinstance(model, Remembers))
        if known:
            yield Finding(
                "R001",
                "error",
                f"{name!r} was trained on {known:,} of the {n_test:,} test {ratings}",
                "evaluate its spec, or a model trained only on the training set",
            )


def no_better_than_baseline(
    result: Results, splits: Sequence[Split], models: Models
) -> Iterator[Finding]:
    """R002."""
    pairs = [
        (metric, model) for metric in (result.ranking, "rmse") for model in result.order(metric)
    ]
    for metric, model in pairs:
        row = result.of(model, metric)
        p, difference = row["p"], row["difference"]
        if model in BASELINES or not np.isfinite(p):
            continue
        lower_is_better = metric_of(metric).higher_is_better is False
        better = (-difference if lower_is_better else difference) > 0
        if better and p < SIGNIFICANT:
            continue
        baseline = metric_of(metric).baseline
        places = within(row["difference_low"], row["difference_high"])
        how = "not significantly better" if better or p >= SIGNIFICANT else "worse"
        text = (
            f"{model} is {how} than {baseline}: {label_of(metric)} "
            f"{fixed(row['mean'], result.decimals(metric))}, "
            f"{signed(difference, places)} ({p_in_words(p)})"
        )
        if models[model].predicts_ratings and metric != "rmse":
            made = f"it is designed to predict {plural(result.noun)}"
            remedy = f"{made}; rank with a model designed for ranking"
            yield Finding("R002", "note", text, remedy)
        else:
            remedy = (
                f"serve {baseline}, or let hyperparameters be chosen for the data: recsys.auto(), "
                "or --models auto on the command line"
            )
            yield Finding("R002", "warning", text, remedy)


def within_noise(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R003."""
    for metric in (result.ranking, "rmse"):
        order = result.order(metric)
        if len(order) < 2 or set(order[:2]) <= set(BASELINES):
            continue
        row = result.comparison(metric, order[0], order[1])
        lead = fixed(abs(row["difference"]), within(row["low"], row["high"]))
        if row["p"] >= SIGNIFICANT:
            yield Finding(
                "R003",
                "warning",
                f"{order[0]} leads {order[1]} in {label_of(metric)} by {lead}, which is within "
                f"noise ({p_in_words(row['p'])}, {row['n']:,} users)",
                "treat them as tied, or test with more users or folds",
            )


def chosen_on_test(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R004."""
    kinds: dict[str, list[str]] = {}
    for label, model in models.items():
        if not model.to_dict().get("served"):
            kinds.setdefault(model.name, []).append(label)
    for name, labels in kinds.items():
        if len(labels) > 1:
            yield Finding(
                "R004",
                "warning",
                f"{', '.join(labels)} are all {name}: the best is chosen on the same test "
                f"{result.words.many} that it is reported on",
                "use a grid, which chooses hyperparameters on a part of the training set",
            )


def too_few_users(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R005."""
    order = result.order(result.ranking)
    best = result.of(order[0], result.ranking) if order else None
    if best is None or not best["mean"] > 0:
        return
    half, places = (best["high"] - best["low"]) / 2, within(best["low"], best["high"])
    if half > _WIDE * best["mean"]:
        yield Finding(
            "R005",
            "warning",
            f"{best['n']:,} test users give {label_of(result.ranking)} "
            f"{fixed(best['mean'], places)} ± {fixed(half, places)}: an interval of "
            f"{half / best['mean']:.0%} of the value either way",
            f"test with more users, folds or {result.words.many}",
        )


def concentrated(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R006."""
    column = f"head_share@{result.k}"
    shares = result.runs.groupby("model", sort=False)[column].mean()
    for model, share in zip(shares.index, shares.to_numpy(np.float64), strict=True):
        if model not in BASELINES and signs.concentrated(share):
            yield Finding(
                "R006",
                "warning",
                f"{share:.0%} of what {model} recommends is among the most {result.words.did} "
                "hundredth of the items",
                f"{_more_of(models[model])}or present it as a popularity list",
            )


def _more_of(model: Described) -> str:
    # What makes the lists of a model differ more; nothing where that is not known.
    known = dict(model.to_dict())
    known |= known.get("hyperparameters", {})
    if "n_factors" in known:
        return "raise the number of factors or lower the regularization, "
    return "lower the regularization, " if "regularization" in known else ""


def time_travel(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R007."""
    later = total = 0
    by_time = False
    for split in splits:
        if split.train.timestamps is None or split.test.timestamps is None:
            return
        by_time |= split.how.startswith("by time")
        later += int((split.test.timestamps <= split.train.timestamps.max()).sum())
        total += split.test.n_ratings
    if not later:
        return
    tested = f"{later / total:.0%} of the test {result.words.many}"
    share = f"{tested} are not later than the last training {result.words.one}"
    if by_time:
        yield Finding("R007", "error", f"{share}, although the split is by time", "split again")
    else:
        remedy = "split by time to measure how a recommender will do in service"
        text = f"{share}: models see the future of what they predict"
        yield Finding("R007", "note", text, remedy)


def sampled(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R008."""
    if any(metric.startswith("sampled") for metric in result.summary["metric"]):
        yield Finding(
            "R008",
            "warning",
            "the sampled metrics rank each item among a few random ones, and may rank models "
            "differently from the whole catalogue",
            "use them only to compare with papers that report them; decide by full ranking",
        )


def newcomers(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R009."""
    sizes = result.newcomers
    if sizes is not None:
        yield Finding(
            "R009",
            "note",
            f"{sizes[0]:,} of the {sum(sizes):,} test users "
            f"{'is a newcomer' if sizes[0] == 1 else 'are newcomers'}: none of their known "
            f"{result.words.many} counts",
            "they get the most popular items from every trained model; compare the models by the "
            "known users, in the table of segments",
        )


def unfinished(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R010."""
    for model, rows in result.training.groupby("model", sort=False):
        run = rows[(rows["fold"] == rows["fold"].min()) & (rows["seed"] == rows["seed"].min())]
        loss = run["loss"].to_numpy(np.float64)
        if signs.still_falling(loss):
            fall = signs.last_fall(loss)
            yield Finding(
                "R010",
                "note",
                f"the loss of {model} still fell by {fall:.1%} in the last of {len(loss)} epochs",
                "raise n_epochs",
            )


def single_run(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R011."""
    if len(splits) == 1 and result.runs.groupby("model").size().max() == 1:
        yield Finding(
            "R011",
            "note",
            "one split and one seed: the intervals cover the choice of users, not of the split "
            "or the random start",
            "use folds or several seeds",
        )


def failed(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R012."""
    for model, why in result.failures.items():
        yield Finding("R012", "error", f"{model} failed: {why}", "it is not in the tables")


def without_scores(result: Results, splits: Sequence[Split], models: Models) -> Iterator[Finding]:
    """R013."""
    names = dict.fromkeys(result.summary["metric"])
    scored = [name for name in names if metric_of(name).inputs in (Scores, SampledRanks)]
    for model in result.models:
        lacking = [label_of(name) for name in scored if model not in result.order(name)]
        if lacking:
            yield Finding(
                "R013",
                "note",
                f"{model} ranks without scores, so it has no {', '.join(lacking)}",
                "compare it by the metrics of its lists",
            )


_Check = Callable[[Results, Sequence[Split], Models], Iterator[Finding]]
_CHECKS: tuple[_Check, ...] = (
    leak, no_better_than_baseline, within_noise, chosen_on_test, too_few_users, concentrated,
    time_travel, sampled, newcomers, unfinished, single_run, failed, without_scores,
)  # fmt: skip


def _named(some: Sequence[Split], splits: Sequence[Split]) -> str:
    # Splits in a few words: folds can be many.
    if len(some) == 1:
        return some[0].how
    every = "both splits" if len(splits) == 2 else f"all {len(splits)} splits"
    return every if len(some) == len(splits) else f"{len(some)} of {len(splits)} splits"
