import json
from typing import Any

import numpy as np
import pytest

import recsys
from recsys.evaluation.metrics import METRICS
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings

KEYS = (
    "schema_version headline verdict summary comparisons runs curves segments by_rating training "
    "findings failures specs splits k feedback seeds fingerprint about account held_out_account "
    "users per_user test_ratings_per_user"
)


def test_json_has_what_compare_and_a_reader_need(sample: Ratings) -> None:
    models = {
        "explicit-als": recsys.ExplicitALS(4),
        "svd": recsys.PureSVD(4),
        "bad": recsys.PureSVD(4000),
    }
    result = recsys.evaluate(models, splits.kfold(sample, 3, seed=0), k=5)
    found = json.loads(result.to_json())
    assert found["verdict"] == result.verdict
    assert len(found["users"]) == len(found["per_user"]["ndcg@5"]["svd"])
    one = next(m for m in result.user_means if m.metric == "rmse")
    values = np.array(found["per_user"]["rmse"]["explicit-als"], float)
    weights = np.array(found["test_ratings_per_user"])
    pooled = np.sqrt((values**2 * weights).sum() / weights.sum())
    assert pooled == pytest.approx(result.of("explicit-als", "rmse")["mean"], rel=1e-4)
    assert values == pytest.approx(one.values[:, one.models.index("explicit-als")], abs=1e-5)
    assert {f["code"] for f in found["findings"]} >= {"R012"}
    assert found["about"]["versions"]["numpy"] == np.__version__


def test_a_document_is_plain_data_with_the_keys_of_schema_1(sample: Ratings) -> None:
    result = recsys.evaluate({"svd": recsys.PureSVD(4)}, splits.random(sample, 0.2), k=5)
    found = result.to_dict()
    assert list(found) == KEYS.split()

    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(type(key) is str and plain(one) for key, one in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (str, int, float, bool)

    assert plain(found)
    assert json.loads(result.to_json()) == found
    compared = [metric.column(5) for metric in METRICS.values() if metric.compared]
    assert list(found["per_user"]) == [name for name in compared if name in found["per_user"]]
    assert set(compared) == {"ndcg@5", "recall@5", "map@5", "mrr@5", "hit_rate@5", "rmse", "mae"}


def test_json_keeps_the_digits_that_tables_leave_out(sample: Ratings) -> None:
    result = recsys.evaluate({"svd": recsys.PureSVD(4)}, splits.random(sample, 0.2), k=5)
    for row in result.to_dict()["summary"]:
        exact = result.of(row["model"], row["metric"])
        assert row["mean"] == pytest.approx(exact["mean"], abs=1e-9)
        assert row["low"] == pytest.approx(exact["low"], abs=1e-9)


def test_large_user_ids_are_text(sample: Ratings) -> None:
    frame = sample.to_frame()
    frame["user"] += 2**60
    ratings = Ratings.from_frame(frame, "user", "item")
    result = recsys.evaluate({"svd": recsys.PureSVD(2)}, splits.random(ratings, 0.2), k=5)
    assert result.to_dict()["users"] == [str(one) for one in result.user_ids.tolist()]
