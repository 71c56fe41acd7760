"""Metrics by name: what the tables call them, which way is better, what they mean in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """What a reader of a table must know of a metric."""

    label: str
    higher_is_better: bool | None
    """None where neither is."""
    meaning: str
    baseline: str = "popularity"
    """The model every other is compared with."""
    pooled: bool = False
    """Over all ratings, not a mean over users: users with more ratings weigh more."""
    at_k: bool = True
    """Of the first k items; its name in tables ends in @k."""


METRICS: dict[str, Metric] = {
    "ndcg": Metric("NDCG", True, "hits, weighted by rank / the same for an ideal list"),
    "recall": Metric("Recall", True, "hits / relevant items held out"),
    "capped_recall": Metric("Capped recall", True, "hits / the smaller of k and relevant items"),
    "precision": Metric("Precision", True, "hits / k"),
    "map": Metric("MAP", True, "precision at each hit, summed / relevant items held out"),
    "mrr": Metric("MRR", True, "1 / rank of the first hit"),
    "hit_rate": Metric("Hit rate", True, "users with at least one hit"),
    "graded_ndcg": Metric("Graded NDCG", True, "held-out stars, weighted by rank / the ideal"),
    "novelty": Metric("Novelty", None, "mean self-information of the items, in bits"),
    "popularity": Metric("Popularity", None, "mean training ratings of the items"),
    "serendipity": Metric("Serendipity", True, "hits the popularity list lacks / k"),
    "diversity": Metric("Diversity", None, "1 − mean cosine of the genres within a list"),
    "calibration": Metric(
        "Miscalibration", False, "divergence of the list's genres from the history's, in nats"
    ),
    "auc": Metric("AUC", True, "pairs of relevant and other items in the right order", at_k=False),
    "rmse": Metric(
        "RMSE", False, "root of the mean squared error of the ratings", "biases", True, False
    ),
    "mae": Metric("MAE", False, "mean absolute error of the ratings", "biases", True, False),
    "sampled_ndcg": Metric(
        "Sampled NDCG", True, "of each relevant item among a few random others; not NDCG"
    ),
    "sampled_hit_rate": Metric(
        "Sampled hit rate", True, "relevant items in the first k among a few random others"
    ),
    "coverage": Metric("Coverage", None, "different items recommended / items of the catalogue"),
    "gini": Metric("Gini", None, "inequality of exposure: 0 all items alike, 1 one item only"),
    "head_share": Metric(
        "Head share", None, "recommendations among the most rated hundredth of the items"
    ),
}
"""Every metric by the name it has in tables, without the @k."""


def metric_of(column: str) -> Metric:
    """The metric behind a name in a table, such as `ndcg@10`."""
    return METRICS[column.split("@")[0]]


def p_in_words(p: float) -> str:
    """A p-value as people write it.

    >>> p_in_words(0.00012), p_in_words(0.04231)
    ('p < 0.001', 'p = 0.042')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def stars(p: float) -> str:
    """Marks of significance; nothing for NaN.

    >>> stars(0.004), stars(0.2)
    ('**', '')
    """
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""


def signed(value: float) -> str:
    """A difference with its sign.

    >>> signed(0.0312), signed(-0.5), signed(-1e-9)
    ('+0.0312', '−0.5000', '0.0000')
    """
    text = f"{value:+.4f}".replace("-", "−")
    return text[1:] if float(text[1:]) == 0 else text


def label_of(column: str) -> str:
    """The name for readers.

    >>> label_of("ndcg@10"), label_of("rmse")
    ('NDCG@10', 'RMSE')
    """
    name, at, k = column.partition("@")
    return METRICS[name].label + at + k
