"""The report of a search as one HTML page: history, importance, slices and all trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics import label_of
from recsys.evaluation.report import charts
from recsys.evaluation.report.charts import Axis, Series, number
from recsys.evaluation.report.page import render
from recsys.evaluation.report.pictures import Figure, Section, figure, section
from recsys.evaluation.report.tables import Cell, Head, Row, Table
from recsys.evaluation.tuning.family import COMPLETE, Trial
from recsys.evaluation.tuning.result import Found
from recsys.evaluation.tuning.spaces import FEEDBACK
from recsys.ratings.account import counted
from recsys.recommend.chosen import recipe

_SHOWN = 20  # of the best trials
_STYLES = 8  # of models that are no baselines
_FEW = 5  # complete trials of a model below which its slices show nothing
_SPAN = 2.0  # in slices, the axis ends this many times as far from the best as the median is
_FAR = 10.0  # the same in the history, where the metric is an error
_ROOM = 0.04  # above the best value, as a share of the axis


def page(found: Found) -> str:
    """The page."""
    label, best = label_of(found.metric), found.best
    return render(
        "tuning.html",
        headline=f"{best.model} is best: {label} {best.value:.4f}",
        verdict=_verdict(found),
        metric=label,
        history=_history(found),
        facts=_facts(found),
        recipe=f"recsys train RATINGS {recipe(found.spec, found.feedback)}",
        models=_model_table(found),
        importance=_importance(found),
        slices=list(_slices(found)),
        best=_trial_table(found, found.ranked[:_SHOWN]),
        trials=_trial_table(found, found.trials),
    )


def in_words(trial: Trial, without: str = "") -> str:
    """What was searched of a trial, in one line; without one of the names."""
    there = {name: value for name, value in trial.params.items() if name != without}
    return ", ".join(f"{name} {_short(value)}" for name, value in there.items())


def _verdict(found: Found) -> str:
    name, value = found.baseline
    spent = sum(trial.seconds for trial in found.trials)
    several = f"{len(found.models)} models" if len(found.models) > 1 else found.models[0]
    settings = in_words(found.best) or "nothing to search"
    return (
        f"The best of {len(found.trials)} trials of {several} in {spent:,.0f} s; {name} has "
        f"{value:.4f}. Its settings: {settings}."
    )


def _facts(found: Found) -> list[tuple[str, str]]:
    parts = "part" if found.n_parts == 1 else "parts"
    facts = [
        ("chosen by", f"{label_of(found.metric)}, {_direction(found)} is better"),
        (
            "measured on",
            f"{found.n_parts} validation {parts} of the ratings, {found.n_users:,} users in all",
        ),
        *_asked(found.settings),
    ]
    return facts + [("note", remark) for remark in found.record["remarks"]]


def _asked(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "models", ", ".join(settings["models"])
    limit = "" if settings["budget"] is None else f", {settings['budget']} at most"
    yield "limits", f"{settings['trials']} trials{limit}"
    for name, value in settings["hyperparameters"].items():
        yield name, str(value)
    yield "seed", str(settings["seed"])


def _direction(found: Found) -> str:
    return "higher" if found.higher_is_better else "lower"


def _style(found: Found, model: str) -> int:
    if model in BASELINES:
        return list(BASELINES).index(model)
    others = [name for name in sorted(found.models) if name not in BASELINES]
    return len(BASELINES) + others.index(model) % _STYLES


def _axis(found: Found, span: float) -> Axis:
    # From the best value to `span` times as far off as the median, so that a few bad trials do not
    # press all the others together.
    values = _values(found)
    far = found.best.value + span * (median(values) - found.best.value)
    worst = min(values) if found.higher_is_better else max(values)
    end = max(far, worst) if found.higher_is_better else min(far, worst)
    return _with_room(found, end)


def _whole_axis(found: Found) -> Axis:
    # Over all values, of errors up to a limit: they have no greatest value.
    if not found.higher_is_better:
        return _axis(found, _FAR)
    return _with_room(found, min(_values(found)))


def _with_room(found: Found, end: float) -> Axis:
    room = _ROOM * abs(found.best.value - end) or 0.01 * abs(found.best.value) or 0.01
    low, high = sorted((found.best.value, end))
    return Axis(label_of(found.metric), low - room, high + room)


def _values(found: Found) -> list[float]:
    return [trial.value for trial in found.trials if trial.state == COMPLETE]


def _beyond(axis: Axis, values: Sequence[float]) -> str:
    # What the arrows of a picture say, in words.
    n = sum(axis.side(value) != 0 for value in values)
    return f"arrows: {counted(n, 'trial')} beyond the axis" if n else ""


def _history(found: Found) -> Section:
    axis = _whole_axis(found)
    series = []
    for model in found.models:
        own = _complete(found, model)
        numbers = [float(trial.number + 1) for trial in own]
        series.append(Series(model, _style(found, model), numbers, [trial.value for trial in own]))
    title, last = "Complete trials, and the best so far", float(len(found.trials))
    x = Axis("trial", 0.5, last + 0.5)
    picture = charts.dots(series, x, axis, title, _best_so_far(found))
    names = [(model, _style(found, model)) for model in found.models]
    return section("", names, [figure(title, _beyond(axis, _values(found)), picture)])


def _complete(found: Found, model: str) -> list[Trial]:
    # The others were not measured on all parts.
    return [one for one in found.trials if one.model == model and one.state == COMPLETE]


def _best_so_far(found: Found) -> Series:
    numbers, values = list[float](), list[float]()
    for trial in found.trials:
        if trial.state == COMPLETE:
            best = (max if found.higher_is_better else min)([trial.value, *values[-1:]])
            numbers.append(float(trial.number + 1))
            values.append(best)
    numbers.append(float(len(found.trials)))
    values += values[-1:]
    return Series("best so far", _style(found, found.best.model), numbers, values)


def _importance(found: Found) -> Section | None:
    if not found.importances:
        return None
    title = "What matters"
    figures = []
    for model in found.models:
        if model in found.importances:
            shares = found.importances[model]
            rows = [(name, "") for name in shares]
            series = [Series(model, _style(found, model), list(shares.values()), [])]
            x = Axis("share", 0.0, 1.0)
            picture = charts.bars(rows, series, x, model, charts.bars_height(len(rows), 1))
            figures.append(figure(model, "", picture))
    explanation = (
        "How much each hyperparameter distinguishes the best tenth of the trials from the others "
        "(PED-ANOVA, Watanabe, Bansal, Hutter 2023)."
    )
    return section(title, [], figures, explanation)


def _slices(found: Found) -> Iterator[Section]:
    # For each model, the value of the metric against each hyperparameter.
    for model in found.models:
        own = _complete(found, model)
        figures = [
            _slice(found, model, name, own)
            for name in (own[0].params if len(own) >= _FEW else {})
            if len({one.params[name] for one in own}) > 1
        ]
        if figures:
            yield section(f"{label_of(found.metric)} by hyperparameter: {model}", [], figures)


def _slice(found: Found, model: str, name: str, trials: Sequence[Trial]) -> Figure:
    axis, style = _axis(found, _SPAN), _style(found, model)
    xs, ys = [one.params[name] for one in trials], [one.value for one in trials]
    title, hint = f"{model}: {name}", _beyond(axis, ys)
    if isinstance(xs[0], str | bool):
        rows = [
            Series(str(choice), style, [y for x, y in zip(xs, ys, strict=True) if x == choice], [])
            for choice in dict.fromkeys(xs)
        ]
        return figure(name, hint, charts.strips(rows, axis, title))
    log = (model, name) in found.logarithmic
    x = Axis.over(name, xs, log=log)
    return figure(name, hint, charts.dots([Series(model, style, xs, ys)], x, axis, title))


def _model_table(found: Found) -> Table:
    rows = []
    for model, trial in found.best_of_models.items():
        own = [one for one in found.trials if one.model == model]
        cells = [
            Cell(f"{trial.value:.4f}", bold=True, best=trial is found.best),
            Cell(str(len(own))),
            Cell(f"{sum(one.seconds for one in own):,.0f}"),
            Cell(in_words(trial), words=True),
        ]
        rows.append(Row(model, cells))
    name, value = found.baseline
    if name not in found.best_of_models:
        rows.append(Row(name, [Cell(f"{value:.4f}", bold=True), Cell(), Cell(), Cell()]))
    heads = [Head(text) for text in ("model", label_of(found.metric), "trials", "seconds")]
    return Table([*heads, Head("best settings", words=True)], rows)


def _trial_table(found: Found, trials: Sequence[Trial]) -> Table:
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    rows = []
    for trial in trials:
        value = f"{trial.value:.4f}" if math.isfinite(trial.value) else ""
        cells = [
            Cell(trial.model),
            Cell(value, bold=True, best=trial.number == found.best.number),
            Cell(trial.state, title=trial.why),
            Cell(f"{trial.seconds:,.1f}"),
            Cell(trial.feedback),
            *(Cell(_short(trial.params.get(name, ""))) for name in names if name != FEEDBACK),
        ]
        rows.append(Row(str(trial.number + 1), cells))
    own = [name for name in names if name != FEEDBACK]
    heads = ["trial", "model", label_of(found.metric), "state", "seconds", FEEDBACK, *own]
    return Table([Head(text) for text in heads], rows)


def _short(value: Any) -> str:
    return number(value) if isinstance(value, int | float) and value is not True else str(value)
