"""The result of an evaluation in one line, and in a sentence or two with its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics import label_of, metric_of
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.wording import fixed, listed, p_in_words, plural, signed, within
from recsys.models.registry import SPECS

_CLOSE = 0.1  # behind by at most this share of the best
_NAMED = 2  # models that are not significantly worse; more are counted


def headline(result: Results) -> str:
    """Which model is best and what is next to it, in a line without numbers.

    About ranking, unless all models but the baselines predict ratings.
    """
    order, predicting = result.order(result.ranking), result.order("rmse")
    own = set(order) - set(BASELINES)
    if own and own <= set(predicting):
        return _line(result, "rmse", f"predicts {plural(result.noun)}", predicting)
    if order:
        return _line(result, result.ranking, "ranks", order)
    return "Nothing could be measured"


def verdict(result: Results) -> str:
    """Which model ranks best and which predicts ratings best, by how much, and how surely."""
    sentences = []
    order = result.order(result.ranking)
    if order:
        sentences.append(_sentence(result, result.ranking, "ranks best", order))
    order = result.order("rmse")
    if set(order) - set(BASELINES):
        does = f"predicts {plural(result.noun)} best"
        sentences.append(_sentence(result, "rmse", does, order))
    if order := result.order(result.ranking):
        sentences += _newcomers(result, order)
    return " ".join(sentences) or "Nothing could be measured."


def _line(result: Results, metric: str, does: str, order: Sequence[str]) -> str:
    best, own = order[0], [model for model in order if model not in BASELINES]
    if best in BASELINES and own:
        return f"No model {does} better than {best}"
    text, tied = f"{best} {does} best", _tied(result, metric)
    baseline = metric_of(metric).baseline
    if baseline in tied:
        return f"{text}, not significantly better than {baseline}"
    if tied:
        others = listed(tied) if len(tied) <= _NAMED else f"{len(tied)} others"
        return f"{text}, {others} not significantly worse"
    if len(order) == 1:
        return text
    mean, after = (result.of(model, metric)["mean"] for model in order[:2])
    close = abs(mean - after) <= _CLOSE * abs(mean) and order[1] not in BASELINES
    return f"{text}, {order[1]} close behind" if close else f"{text}, ahead of {order[1]}"


def _newcomers(result: Results, order: Sequence[str]) -> list[str]:
    # How many there are, and what is left without them.
    sizes = result.newcomers
    if sizes is None:
        return []
    are = "is a newcomer, who gets" if sizes[0] == 1 else "are newcomers, who get"
    text = f"{sizes[0]:,} of the {sum(sizes):,} test users {are} the most popular items from every "
    text += "trained model"
    known = result.segments[result.segments["segment"] == "known users"].set_index("model")
    if not len(known):
        return [f"{text}."]
    means = known["mean"]
    best = max(order, key=lambda model: means[model])
    places = within(known["low"][best], known["high"][best])
    text += f"; among the {sizes[1]:,} known users {best} ranks best, "
    text += f"with {fixed(means[best], places)}"
    baseline = metric_of(result.ranking).baseline
    if best != baseline and baseline in means:
        text += f" against {fixed(means[baseline], places)} of {baseline}"
    return [f"{text}."]


def _sentence(result: Results, metric: str, does: str, order: Sequence[str]) -> str:
    best, places = order[0], result.decimals(metric)
    row = result.of(best, metric)
    mean, low, high = (fixed(row[name], places) for name in ("mean", "low", "high"))
    text = f"{best} {does}: {label_of(metric)} {mean} [{low}, {high}]"
    baseline = metric_of(metric).baseline
    if best != baseline and baseline in order:
        pair = result.comparison(metric, best, baseline)
        text += (
            f", {signed(pair['difference'], within(pair['low'], pair['high']))} against {baseline}"
        )
        text += f" ({p_in_words(pair['p'])})"
    tied = _tied(result, metric)
    rest = [model for model in order[1:] if model not in BASELINES]
    if tied:
        text += f"; {listed(tied)} {'is' if len(tied) == 1 else 'are'} not significantly worse"
    elif rest and rest[0] == order[1]:
        pair = result.comparison(metric, best, rest[0])
        ahead = fixed(abs(pair["difference"]), within(pair["low"], pair["high"]))
        text += f"; the next, {rest[0]}, is significantly behind ({ahead}, {p_in_words(pair['p'])})"
    return f"{text}.{_to_serve(result, order)}"


def _to_serve(result: Results, order: Sequence[str]) -> str:
    # Of a ranker that no model file can hold: the best model that one can. A grid or a search can:
    # what counts is the model that it chose.
    fitted = result.runs.groupby("model", observed=True)["spec"].first()
    saved = [model for model in order if fitted[model].get("model") in SPECS]
    if not saved or saved[0] == order[0]:
        return ""
    return f" {order[0]} cannot be saved as a model; the best that can is {saved[0]}."


def _tied(result: Results, metric: str) -> list[str]:
    # Not significantly worse than the best.
    return result.tied_with_best(metric)[1:]
