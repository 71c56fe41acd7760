"""Comparing two JSON reports."""

from __future__ import annotations

import pytest

import recsys
from recsys.app.compare import CompareRequest, compare
from recsys.errors import ArgumentError, DataError


@pytest.fixture(scope="module")
def reports(sample: recsys.Ratings, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder, split = tmp_path_factory.mktemp("reports"), recsys.splits.random(sample, 0.2)
    for name, width in (("a", 2), ("b", 20)):
        recsys.evaluate({"svd": recsys.PureSVD(width)}, split).to_json(folder / f"{name}.json")
    return str(folder / "a.json"), str(folder / "b.json")


def test_only_the_metrics_asked_for_are_compared(reports: tuple[str, str]) -> None:
    def metrics(**settings: object) -> set[object]:
        found = compare(CompareRequest(first=reports[0], second=reports[1], **settings))  # type: ignore[arg-type]
        assert found.is_tested
        assert any("n_factors 2 → 20" in remark for remark in found.remarks)
        return {row["metric"] for row in found.to_dict()["rows"]}

    assert metrics() == {"ndcg@10"}  # and rmse, where there is one
    assert metrics(metric=["recall@10", "mrr@10"]) == {"recall@10", "mrr@10"}


def test_reports_that_cannot_be_compared_are_named(reports: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError, match="metric must be one of ndcg@10, .* not 'fun'"):
        compare(CompareRequest(first=reports[0], second=reports[1], metric=["fun"]))
    with pytest.raises(DataError, match=r"none\.json"):
        compare(CompareRequest(first=reports[0], second="none.json"))
