"""The tables of the report, as HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from recsys.evaluation.names import METRICS, label_of, metric_of, p_in_words, signed, stars

if TYPE_CHECKING:
    from recsys.evaluation.result import Evaluation


def metric_table(
    result: Evaluation,
    title: str,
    explanation: str,
    metrics: Sequence[str],
    of_runs: Sequence[str] = (),
) -> str:
    """A row per model, a column per metric: mean, interval, marks."""
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


def segment_table(result: Evaluation) -> str:
    """Every segment of every model."""
    heads = "".join(f"<th>{html.escape(model)}</th>" for model in result.models)
    rows = []
    groups = result.segments.groupby(["kind", "segment"], sort=False)
    for (kind, segment), group in groups:
        of_models = group.set_index("model").reindex(result.models)
        metric, n = str(group["metric"].iloc[0]), int(group["n"].iloc[0])
        values = "".join(
            f"<td><b>{_number(mean)}</b><small>{_number(low)} – {_number(high)}</small></td>"
            for mean, low, high in of_models[["mean", "low", "high"]].to_numpy(float).tolist()
        )
        rows.append(
            f"<tr><th>{html.escape(str(segment))}</th><td>{html.escape(str(kind))}</td>"
            f"<td>{html.escape(label_of(metric))}</td><td>{n:,}</td>{values}</tr>"
        )
    return (
        '<div class="scroll"><table><thead><tr><th>segment</th><th>kind</th><th>metric</th>'
        f"<th>n</th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="hint">n: users, or relevant held-out pairs of the segment.</p>'
    )


def pair_table(result: Evaluation) -> str:
    """Every model against every other, in NDCG@k."""
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


def run_table(result: Evaluation) -> str:
    """Means and spread over folds and seeds, and seconds."""
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
        f"</table></div>{details('Every run', _frame(table))}\n"
    )


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


def details(summary: str, content: str) -> str:
    """Content that opens on a click."""
    return f"<details><summary>{summary}</summary>{content}</details>"


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


def _sorted(result: Evaluation) -> list[str]:
    order = result.order(result.ranking)
    return order + [model for model in result.models if model not in order]
