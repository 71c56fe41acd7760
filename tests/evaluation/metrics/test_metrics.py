"""The records of the metrics: found automatically, complete, and used by every table."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import recsys
from recsys.errors import ArgumentError
from recsys.evaluation import metrics
from recsys.evaluation.metrics import METRICS, label_of, metric_of
from recsys.evaluation.metrics.inputs import INPUTS, Lists
from recsys.evaluation.metrics.record import GROUPS, Metric
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings


def last_hit(hits: npt.NDArray[np.bool_], n_relevant: npt.NDArray[np.integer]) -> object:
    return np.where(hits.any(axis=1), hits.shape[1] - hits[:, ::-1].argmax(axis=1), 0.0)


LAST_HIT = Metric("last_hit", "Last hit", "rank of the last hit", "further accuracy", last_hit)


def test_every_metric_is_complete_and_in_the_order_of_its_group() -> None:
    places = [(GROUPS.index(metric.group), metric.place) for metric in METRICS.values()]
    assert places == sorted(set(places))  # no two at the same place
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.label
        assert metric.meaning
        assert metric.inputs in INPUTS
        assert metric.baseline in ("popularity", "biases")
        if metric.curve is not None:
            assert metric.inputs is Lists


def test_names_of_columns() -> None:
    assert METRICS["ndcg"].column(7) == "ndcg@7"
    assert METRICS["auc"].column(7) == "auc"
    assert metric_of("recall@20") is METRICS["recall"]
    assert label_of("hit_rate@5") == "Hit rate@5"


def test_a_metric_with_an_unknown_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="odd needs weather, which no inputs provide"):
        Metric("odd", "Odd", "m", "accuracy", lambda weather: weather)
    with pytest.raises(ArgumentError, match="odd: group must be one of accuracy, "):
        Metric("odd", "Odd", "m", "other", last_hit)  # type: ignore[arg-type]


def test_a_module_in_the_folder_is_all_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "share_of_nothing.py").write_text(
        "from recsys.evaluation.metrics.record import Metric\n"
        "def nothing(hits): return hits.sum(axis=1) * 0.0\n"
        "NOTHING = Metric('nothing', 'Nothing', 'zero', 'accuracy', nothing)\n"
    )
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    found = metrics._discovered()
    assert set(found) == {*METRICS, "nothing"}
    assert found["nothing"].needs == ("hits",)


def test_a_new_record_reaches_tables_report_markdown_and_json(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METRICS, "last_hit", LAST_HIT)
    result = recsys.evaluate({"svd": recsys.PureSVD(4)}, splits.random(sample, 0.2), k=5)
    assert result.of("svd", "last_hit@5")["mean"] > 1
    assert "last_hit@5" in result.runs
    assert "| last_hit@5 |" in result.to_markdown()
    assert "Last hit: rank of the last hit" in result.to_html()
    assert {row["metric"] for row in result.to_dict()["summary"]} >= {"last_hit@5"}
