"""The result of an evaluation in one or two sentences."""

from __future__ import annotations

from collections.abc import Sequence

from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics import label_of, metric_of
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.wording import p_in_words, signed


def verdict(result: Results) -> str:
    """Which model ranks best and which predicts ratings best, by how much, and how surely."""
    sentences = []
    order = result.order(result.ranking)
    if order:
        sentences.append(_sentence(result, result.ranking, "ranks best", order))
    order = result.order("rmse")
    if set(order) - set(BASELINES):
        sentences.append(_sentence(result, "rmse", "predicts ratings best", order))
    if order := result.order(result.ranking):
        sentences += _newcomers(result, order)
    return " ".join(sentences) or "Nothing could be measured."


def _newcomers(result: Results, order: Sequence[str]) -> list[str]:
    # How many there are, and what is left without them.
    sizes = result.newcomers
    if sizes is None:
        return []
    text = f"{sizes[0]:,} of the {sum(sizes):,} test users are newcomers, who get the most popular "
    text += "items from every trained model"
    table = result.segments[result.segments["segment"] == "known users"].set_index("model")["mean"]
    if not len(table):
        return [f"{text}."]
    best = max(order, key=lambda model: table[model])
    text += f"; among the {sizes[1]:,} known users {best} ranks best, with {table[best]:.4f}"
    baseline = metric_of(result.ranking).baseline
    if best != baseline and baseline in table:
        text += f" against {table[baseline]:.4f} of {baseline}"
    return [f"{text}."]


def _sentence(result: Results, metric: str, does: str, order: Sequence[str]) -> str:
    best, row = order[0], result.of(order[0], metric)
    tied = [model for model in result.tied_with_best(metric) if model != best]
    text = f"{best} {does}: {label_of(metric)} {row['mean']:.4f} "
    text += f"[{row['low']:.4f}, {row['high']:.4f}]"
    baseline = metric_of(metric).baseline
    if best != baseline and baseline in order:
        pair = result.comparison(metric, best, baseline)
        text += f", {signed(pair['difference'])} against {baseline}"
        text += f" ({p_in_words(pair['p'])})"
    if tied:
        verb = "is" if len(tied) == 1 else "are"
        return f"{text}; {_listed(tied)} {verb} not significantly worse."
    rest = [model for model in order[1:] if model not in BASELINES]
    if rest and rest[0] == order[1]:
        pair = result.comparison(metric, best, rest[0])
        ahead = f"{abs(pair['difference']):.4f}, {p_in_words(pair['p'])}"
        text += f"; the next, {rest[0]}, is significantly behind ({ahead})"
    return text + "."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
