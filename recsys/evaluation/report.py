"""The report: an `Evaluation` as one HTML page that needs nothing but itself."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

import pandas as pd

from recsys.evaluation import charts
from recsys.evaluation.charts import Axis, Series
from recsys.evaluation.checks import BASELINES
from recsys.evaluation.names import METRICS, label_of, metric_of, p_in_words, signed, stars

if TYPE_CHECKING:
    from recsys.evaluation.result import Evaluation

_STYLES = 10
_DASHES = ("4 3", "1.5 3", "", "", "", "", "", "", "", "")
_ACCURACY = ("ndcg", "recall", "map", "mrr", "hit_rate", "precision")
_ALSO_ACCURACY = ("graded_ndcg", "capped_recall", "sampled_ndcg", "sampled_hit_rate")
_BEYOND = ("novelty", "popularity", "diversity", "serendipity", "calibration")
_CATALOGUE = ("coverage", "gini", "head_share")
_MARKS = "Stars: significantly better than, ↓: significantly worse than"
_FEW = 3  # models whose segments are drawn; the table has them all


def page(result: Evaluation) -> str:
    """The page: verdict, tables, pictures, checks, and what is needed to run it again."""
    k = result.k
    body = [
        _heading(result),
        _table(
            result,
            "Accuracy",
            f"Means over users, lists of {k}, with 95 % bootstrap intervals. Shaded: the best, and "
            f"what cannot be told from it. {_MARKS} popularity (paired permutation test, Holm's "
            "correction; * p < 0.05, ** p < 0.01, *** p < 0.001).",
            [*(f"{name}@{k}" for name in _ACCURACY), "auc"],
        ),
        _details(
            "Further accuracy metrics",
            _table(result, "", "", [f"{name}@{k}" for name in _ALSO_ACCURACY]),
        ),
        _table(
            result,
            "Predicted ratings",
            f"Over all test ratings, of models whose scores are ratings; lower is better. {_MARKS} "
            "biases.",
            ["rmse", "mae"],
        ),
        _accuracy_charts(result),
        _table(
            result,
            "Beyond accuracy",
            "What the lists are like. None of these is better high or low by itself, but for "
            "serendipity (high) and miscalibration (low).",
            [f"{name}@{k}" for name in _BEYOND],
            [f"{name}@{k}" for name in _CATALOGUE],
        ),
        _trade_off_charts(result),
        _segments(result),
        _rating_errors(result),
        _training(result),
        _pairs(result),
        _runs(result),
        _findings(result),
        _reproduction(result),
    ]
    css = resources.files("recsys.evaluation").joinpath("report.css").read_text("utf-8")
    css += "".join(
        f".line.s{i},.whisker.s{i}{{stroke:var(--s{i});stroke-dasharray:{dash or 'none'}}}"
        f".whisker.s{i}{{stroke-dasharray:none}}.fill.s{i}{{fill:var(--s{i})}}\n"
        for i, dash in enumerate(_DASHES)
    )
    title = f"Evaluation of {_count(len(set(result.models) - set(BASELINES)), 'model')}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>\n{css}</style></head>\n"
        f"<body><main>\n{''.join(part for part in body if part)}</main></body></html>\n"
    )


def _heading(result: Evaluation) -> str:
    data = result.about["training ratings"]
    counts = _count(len(result.splits), "split")
    if result.seeds:
        counts += f", {_count(len(result.seeds), 'seed')}"
    users, test = data["users"], result.about
    facts = (
        f"{users:,} users and {data['items']:,} items; {data['ratings']:,} ratings to train on, "
        f"{test['test ratings']:,} ratings of {test['test users']:,} users to test (first of "
        f"{counts}). Every item a user had not rated competes for the {result.k} places."
    )
    notes = "".join(f'<p class="facts">{html.escape(note)}.</p>' for note in result.about["notes"])
    # What belongs together is not parted at the end of a line.
    verdict = html.escape(result.verdict)
    verdict = verdict.replace("p &lt; ", "p&nbsp;&lt;&nbsp;").replace("p = ", "p&nbsp;=&nbsp;")
    serious = [finding for finding in result.findings if finding.level != "note"]
    return (
        f"<h1>Offline evaluation, {html.escape(result.about['made'][:10])}</h1>\n"
        f'<p class="verdict" id="verdict">{verdict}</p>\n'
        f'<p class="facts">{facts}</p>{notes}\n' + "".join(_finding(f) for f in serious)
    )


def _table(
    result: Evaluation,
    title: str,
    explanation: str,
    metrics: Sequence[str],
    of_runs: Sequence[str] = (),
) -> str:
    metrics = [metric for metric in metrics if result.order(metric)]
    if not metrics and not of_runs:
        return ""
    models = [m for m in _sorted(result) if of_runs or any(m in result.order(x) for x in metrics)]
    heads = "".join(
        f'<th title="{html.escape(metric_of(name).meaning)}">{html.escape(label_of(name))}</th>'
        for name in (*metrics, *of_runs)
    )
    tied = {metric: result.tied_with_best(metric) for metric in metrics}
    means = result.runs.groupby("model")[list(of_runs)].mean()
    rows = []
    for model in models:
        cells = [_cell(result, model, metric, tied[metric]) for metric in metrics]
        cells += [f"<td>{_number(float(means[name][model]))}</td>" for name in of_runs]
        rows.append(f"<tr><th>{html.escape(model)}</th>{''.join(cells)}</tr>")
    heading = f'<h2>{title}</h2><p class="soft">{explanation}</p>' if title else ""
    meanings = "; ".join(
        f"{html.escape(METRICS[name.split('@')[0]].label)}: "
        f"{html.escape(METRICS[name.split('@')[0]].meaning)}"
        for name in (*metrics, *of_runs)
    )
    return (
        f"{heading}"
        f'<div class="scroll"><table><thead><tr><th>model</th>{heads}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><p class="hint">{meanings}.</p>\n'
    )


def _cell(result: Evaluation, model: str, metric: str, tied: Sequence[str]) -> str:
    if model not in result.order(metric):
        return "<td></td>"
    row = result.of(model, metric)
    judged = metric_of(metric).higher_is_better is not None
    kind = ' class="best"' if judged and model in tied else ""
    mark = _mark(result, model, metric) if judged else ""
    return (
        f'<td{kind}><b>{_number(row["mean"])}</b><span class="mark">{mark}</span>'
        f"<small>{_number(row['low'])} – {_number(row['high'])}</small></td>"
    )


def _mark(result: Evaluation, model: str, metric: str) -> str:
    row = result.of(model, metric)
    worse = (row["difference"] > 0) == (metric_of(metric).higher_is_better is False)
    return "↓" if worse and stars(row["p"]) else stars(row["p"])


def _accuracy_charts(result: Evaluation) -> str:
    metric = result.ranking
    order = result.order(metric)
    rows = [_point(result, model, metric) for model in order]
    ends = [v for one in rows for v in (*one.low, *one.high)]
    axis = Axis.over(f"{label_of(metric)}, mean over users with 95 % interval", ends, zero=True)
    figures = [_figure("Who ranks best", "", charts.intervals(rows, axis, "Who ranks best"))]
    for name in ("ndcg", "recall"):
        table = result.curves[result.curves["metric"] == name]
        series = [
            Series(m, _style(result, m), list(part["length"]), list(part["value"]))
            for m in result.models
            if len(part := table[table["model"] == m])
        ]
        label = METRICS[name].label
        x = Axis("length of the list, k", 0, float(2 * result.k + 0.5))
        y = Axis.over(f"{label}@k", [v for one in series for v in one.y], zero=True)
        title = f"{label} by length of the list"
        figures.append(_figure(title, "", charts.lines(series, x, y, title)))
    return _section("Who ranks best, and at which length", result, result.models, figures)


def _trade_off_charts(result: Evaluation) -> str:
    figures = []
    means = result.runs.groupby("model")
    coverage = means[f"coverage@{result.k}"].mean()
    novelty = {m: result.of(m, f"novelty@{result.k}")["mean"] for m in result.models}
    choices = (
        ("Coverage", {m: 100 * coverage[m] for m in result.models}, "share of the catalogue, %"),
        ("Novelty", novelty, "self-information of the items, bits"),
    )
    for name, values, unit in choices:
        series = []
        for model in result.models:
            point = _point(result, model, result.ranking)
            x = [float(values[model])]
            series.append(Series(model, point.style, x, point.x, point.low, point.high))
        x_axis = Axis.over(f"{name}@{result.k}: {unit}", [one.x[0] for one in series])
        ends = [v for one in series for v in (*one.low, *one.high)]
        y_axis = Axis.over(label_of(result.ranking), ends, zero=True)
        title = f"Accuracy against {name.lower()}"
        figures.append(_figure(title, "", charts.scatter(series, x_axis, y_axis, title)))
    return _section("Accuracy against variety", result, result.models, figures)


def _segments(result: Evaluation) -> str:
    few = _few(result)
    titles = {
        "users": ("Users by activity", "newcomers, then quarters by number of known ratings"),
        "popularity": ("Items by popularity", "tenths, by number of training ratings"),
        "genre": ("Items by genre", "an item counts in each of its genres"),
    }
    figures = []
    for kind, (title, hint) in titles.items():
        kinds = ("newcomers", "activity") if kind == "users" else (kind,)
        table = pd.concat([result.segments[result.segments["kind"] == one] for one in kinds])
        if not len(table):
            continue
        names = list(dict.fromkeys(table["segment"]))
        metric = table["metric"].iloc[0]
        cells = table.set_index(["model", "segment"])
        series = []
        for model in few:
            rows = cells.loc[model].reindex(names)
            low, high = list(rows["low"]), list(rows["high"])
            series.append(Series(model, _style(result, model), list(rows["mean"]), [], low, high))
        ends = [v for one in series for v in one.high]
        if metric == result.ranking:
            counts = cells.loc[few[0]]["n"]
            names = [f"{name} ({counts[name]:,})" for name in names]
            unit = "number of users in brackets"
        else:
            unit = "of all relevant held-out pairs in the segment"
        axis = Axis.over(label_of(metric), ends, zero=True)
        picture = charts.bars(names, series, axis, title)
        figures.append(_figure(title, f"{hint}; {unit}", picture))
    if not figures:
        return ""
    columns = ["kind", "segment", "metric", "mean", "low", "high", "n"]
    full = _details("All models, as a table", _frame(result.segments[["model", *columns]]))
    explanation = "The best two models and popularity; whiskers are 95 % intervals over users."
    return _section("For whom, and with which items", result, few, figures, explanation) + full


def _rating_errors(result: Evaluation) -> str:
    table = result.by_rating
    models = [m for m in result.models if m in set(table["model"])]
    if not models:
        return ""
    figures = []
    for column, title, label in (
        ("mean_error", "Mean error by true rating", "predicted − true, stars"),
        ("rmse", "RMSE by true rating", "RMSE, stars"),
    ):
        series = [
            Series(m, _style(result, m), list(part["rating"]), list(part[column]))
            for m in models
            if len(part := table[table["model"] == m])
        ]
        x = Axis.over("true rating", [v for one in series for v in one.x])
        y = Axis.over(label, [v for one in series for v in one.y], zero=True)
        figures.append(_figure(title, "", charts.lines(series, x, y, title)))
    explanation = (
        "Least squares pulls predictions towards the middle: low ratings are predicted too high, "
        "high ones too low."
    )
    return _section("Where predicted ratings go wrong", result, models, figures, explanation)


def _training(result: Evaluation) -> str:
    table = result.training
    series = []
    for model, rows in table.groupby("model", sort=False):
        first = rows[
            (rows["fold"] == rows["fold"].iloc[0]) & (rows["seed"] == rows["seed"].iloc[0])
        ]
        loss = first["loss"].to_numpy()
        if len(loss) > 1 and loss[0] > 0:
            style = _style(result, str(model))
            epochs = [float(e) for e in first["epoch"]]
            series.append(Series(str(model), style, epochs, [float(v) for v in loss / loss[0]]))
    if not series:
        return ""
    # Models train for 10 epochs and for 100: each has a picture of its own length.
    figures = []
    for one in series:
        x = Axis("epoch", 0.0, max(one.x) * 1.02)
        y = Axis.over("loss / loss after epoch 1", one.y)
        figures.append(
            _figure(one.name, "", charts.lines([one], x, y, f"Training of {one.name}", 190))
        )
    explanation = (
        "Loss on the training part of the first split, as a share of that after the first epoch; "
        "models minimize different losses. A curve that still falls wants more epochs."
    )
    return _section("Training", result, [], figures, explanation)


def _pairs(result: Evaluation) -> str:
    order = result.order(result.ranking)
    heads = "".join(f"<th>{html.escape(other)}</th>" for other in order)
    rows = []
    for model in order:
        cells = []
        for other in order:
            if model == other:
                cells.append("<td></td>")
                continue
            row = result.comparison(result.ranking, model, other)
            p, difference = html.escape(p_in_words(row["p"])), signed(row["difference"])
            cells.append(
                f'<td title="{p}"><b>{difference}</b><span class="mark">{stars(row["p"])}</span>'
                f"<small>d = {row['effect_size']:.2f}</small></td>"
            )
        rows.append(f"<tr><th>{html.escape(model)}</th>{''.join(cells)}</tr>")
    return (
        f"<h2>Every model against every other</h2>"
        f'<p class="soft">Difference of {label_of(result.ranking)}, row minus column, on the same '
        "users. Stars: paired permutation test, Holm's correction over all pairs (p on hovering); "
        "d: mean difference / its standard deviation over users.</p>"
        f'<div class="scroll"><table><thead><tr><th>model</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>\n"
    )


def _runs(result: Evaluation) -> str:
    columns = [result.ranking, *(["rmse"] if "rmse" in result.runs else [])]
    timed = ["fit_seconds", "measure_seconds"]
    rows = []
    for model in _sorted(result):
        runs = result.runs[result.runs["model"] == model]
        cells = []
        for column in columns:
            values = runs[column].dropna()
            if not len(values):
                cells.append("<td></td><td></td>")
                continue
            spread = f"{values.std(ddof=1):.4f}" if len(values) > 1 else ""
            span = f"{values.min():.4f} – {values.max():.4f}" if len(values) > 1 else ""
            mean = f"<b>{values.mean():.4f}</b>"
            cells.append(f"<td>{mean}<small>{span}</small></td><td>{spread}</td>")
        cells += [f"<td>{runs[name].mean():.2f}</td>" for name in timed]
        rows.append(f"<tr><th>{html.escape(model)}</th><td>{len(runs)}</td>{''.join(cells)}</tr>")
    heads = "".join(f"<th>{html.escape(label_of(c))}</th><th>s.d.</th>" for c in columns)
    columns = ["model", "fold", "seed", *columns, *timed]
    table = result.runs[columns].assign(fold=result.runs["fold"] + 1)
    return (
        '<h2>Over folds and seeds</h2><p class="soft">Mean, range and standard deviation over runs '
        "of the means over users, and seconds a run took to fit and to measure.</p>"
        '<div class="scroll"><table><thead><tr><th>model</th><th>runs</th>'
        f"{heads}<th>fit, s</th><th>measure, s</th></tr></thead><tbody>{''.join(rows)}</tbody>"
        f"</table></div>{_details('Every run', _frame(table))}\n"
    )


def _findings(result: Evaluation) -> str:
    found = "".join(_finding(finding) for finding in result.findings)
    return f'<h2 id="checks">Checks</h2>{found or "<p>Nothing was found.</p>"}\n'


def _finding(finding: Any) -> str:
    return (
        f'<p class="finding {finding.level}"><b>{finding.code} {finding.level}</b>'
        f'{html.escape(finding.text)}. <span class="soft">{html.escape(_capital(finding.remedy))}.'
        "</span></p>"
    )


def _reproduction(result: Evaluation) -> str:
    about = result.about
    seeds = ", ".join(map(str, result.seeds)) or "each model's own"
    pairs = {
        "data fingerprint": result.fingerprint,
        "splits": "<br>".join(html.escape(how) for how in result.splits),
        "feedback": result.feedback,
        "seeds": seeds,
        "list length k": str(result.k),
        "statistics": "2,000 bootstrap resamples and 10,000 permutations of users, seed 0",
        "versions": ", ".join(f"{name} {v}" for name, v in about["versions"].items()),
        "machine": ", ".join(f"{name} {v}" for name, v in about["machine"].items()),
        "commit": about["commit"] or "not run from a checkout",
        "made": about["made"],
    }
    listed = "".join(
        f"<dt>{name}</dt><dd>{text if name == 'splits' else html.escape(text)}</dd>"
        for name, text in pairs.items()
    )
    specs = "\n".join(f"{name}: {json.dumps(spec)}" for name, spec in result.specs.items())
    chosen = _chosen(result)
    return (
        f'<h2>To run it again</h2><dl>{listed}</dl><h3>Models</h3><pre id="specs">'
        f"{html.escape(specs)}</pre>{chosen}"
    )


def _chosen(result: Evaluation) -> str:
    # What a grid chose, fold by fold.
    lines = []
    for row in result.runs.itertuples():
        model = str(row.model)
        if "grid" in result.specs[model] and row.spec:
            lines.append(f"{model}, split {int(str(row.fold)) + 1}: {json.dumps(row.spec)}")
    if not lines:
        return ""
    return f"<h3>Chosen from the grids</h3><pre>{html.escape(chr(10).join(lines))}</pre>"


def _section(
    title: str,
    result: Evaluation,
    models: Sequence[str],
    figures: Iterable[str],
    explanation: str = "",
) -> str:
    names = [(model, _style(result, model)) for model in models]
    key = charts.legend(names) if names else ""
    text = f'<p class="soft">{explanation}</p>' if explanation else ""
    return f'<h2>{title}</h2>{text}{key}<div class="charts">{"".join(figures)}</div>\n'


def _figure(title: str, hint: str, picture: str) -> str:
    more = f"<span>{html.escape(hint)}</span>" if hint else ""
    return f"<figure><figcaption>{html.escape(title)}{more}</figcaption>{picture}</figure>"


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"


def _frame(table: pd.DataFrame) -> str:
    def cell(value: Any) -> str:
        return _number(value) if isinstance(value, int | float) else html.escape(str(value))

    names = [html.escape(str(name).replace("_", " ")) for name in table.columns]
    heads = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{cell(row[0])}</th>" + "".join(f"<td>{cell(v)}</td>" for v in row[1:]) + "</tr>"
        for row in table.itertuples(index=False, name=None)
    )
    body = f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="scroll"><table>{body}</table></div>'


def _point(result: Evaluation, model: str, metric: str) -> Series:
    row: Mapping[str, Any] = result.of(model, metric)
    mean = [float(row["mean"])]
    return Series(model, _style(result, model), mean, mean, [row["low"]], [row["high"]])


def _sorted(result: Evaluation) -> list[str]:
    order = result.order(result.ranking)
    return order + [model for model in result.models if model not in order]


def _few(result: Evaluation) -> list[str]:
    best = [model for model in result.order(result.ranking) if model not in BASELINES]
    few = best[: _FEW - 1]
    return [*few, "popularity"] if "popularity" in result.models else few


def _style(result: Evaluation, model: str) -> int:
    if model in BASELINES:
        return BASELINES.index(model)
    others = [name for name in result.models if name not in BASELINES]
    first = len(BASELINES)
    return first + others.index(model) % (_STYLES - first)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return (
        f"{value:.4f}"
        if abs(value) < 1
        else f"{value:,.2f}"
        if abs(value) < 100
        else f"{value:,.0f}"
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
