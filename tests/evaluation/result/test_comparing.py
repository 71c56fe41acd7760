import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import recsys
from recsys.errors import DataError
from recsys.evaluation.result.comparing import compare_reports
from recsys.evaluation.result.reading import read_report
from recsys.models.spec import Spec
from recsys.ratings import splits

Report = tuple[dict[str, Any], recsys.Evaluation]

ALS = recsys.ImplicitALS(8, regularization=0.1)


def report(
    sample: recsys.Ratings, models: dict[str, Spec], folds: int = 2, **options: Any
) -> Report:
    result = recsys.evaluate(models, splits.kfold(sample, folds, seed=0), k=5, **options)
    return json.loads(result.to_json()), result


@pytest.fixture(scope="module")
def old(sample: recsys.Ratings) -> Report:
    return report(sample, {"als": ALS, "stars": recsys.ExplicitALS(2)})


def row_of(table: pd.DataFrame, model: str, metric: str) -> pd.Series:
    return table[(table["model"] == model) & (table["metric"] == metric)].iloc[0]


def test_a_change_of_one_model_is_tested_as_within_one_evaluation(
    sample: recsys.Ratings, old: Report
) -> None:
    changed = replace(ALS, unobserved_weight=0.01)
    new, _ = report(sample, {"als": changed, "stars": recsys.ExplicitALS(6)})
    both = recsys.evaluate(
        {"a": ALS, "b": changed, "c": recsys.ExplicitALS(2), "d": recsys.ExplicitALS(6)},
        splits.kfold(sample, 2, seed=0),
        k=5,
    )
    found = compare_reports(old[0], new)
    for name, metric, first, second in (("als", "ndcg@5", "a", "b"), ("stars", "rmse", "c", "d")):
        row, expected = row_of(found.table, name, metric), both.comparison(metric, second, first)
        for key in ("difference", "low", "high"):
            assert row[key] == pytest.approx(expected[key], abs=2e-5), (metric, key)
        assert row["first"] == pytest.approx(both.of(first, metric)["mean"])
    assert row_of(found.table, "als", "ndcg@5")["p"] < 0.05
    assert any("unobserved_weight 1.0 → 0.01" in remark for remark in found.remarks)
    assert "popularity" not in set(found.table["model"])  # nothing changed there


def test_other_data_gives_no_p_value(sample: recsys.Ratings, old: Report) -> None:
    new, _ = report(sample, {"als": ALS}, folds=3)
    found = compare_reports(old[0], new)
    assert found.table["p"].isna().all()
    assert "the splits differ, so differences cannot be tested" in found.remarks
    assert "only in the first: stars" in found.remarks


def test_best_against_best_where_names_differ(sample: recsys.Ratings, old: Report) -> None:
    new, result = report(sample, {"svd": recsys.PureSVD(2)})
    table = compare_reports(old[0], new).table
    row = table[(table["metric"] == "ndcg@5") & table["model"].str.startswith("best: ")].iloc[0]
    assert row["model"] == f"best: {old[1].order('ndcg@5')[0]} → {result.order('ndcg@5')[0]}"


def test_bad_files_are_named(tmp_path: Path, old: Report) -> None:
    file = tmp_path / "r.json"
    for text, said in (
        (None, "No such file"),
        ("{", "not JSON"),
        ("[]", "not an evaluation"),
        ("{}", "not an evaluation"),
        (json.dumps(old[0] | {"schema_version": 99}), "newer version"),
    ):
        if text is not None:
            file.write_text(text)
        with pytest.raises(DataError, match=f"r.json: .*{said}"):
            read_report(file)
    file.write_text(json.dumps(old[0]))
    assert read_report(file)["k"] == 5
