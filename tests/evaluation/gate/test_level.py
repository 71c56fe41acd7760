import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys.evaluation.gate.level import Level, Measured, check, to_header

BY_TIME = Measured("by-time", "values")


def header(mean: float, error: float, metric: str = "ndcg@10", **other: Any) -> dict[str, Any]:
    level = Level(mean, mean - 2 * error, mean + 2 * error, error, 100, 500)
    return {**asdict(BY_TIME), "metrics": {metric: asdict(level)}, **other}


NOW = Level(0.20, 0.18, 0.22, 0.01, 80, 420)


def test_levels_are_means_with_their_standard_errors() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(400)
    errors = rng.random(400)
    n = rng.integers(1, 9, 400).astype(float)
    table = pd.DataFrame({"user": np.arange(400), "ndcg@10": values, "rmse": errors})
    table.loc[:99, "ndcg@10"] = np.nan  # nothing of theirs counts as liked
    found = to_header(table.assign(n_ratings=n), BY_TIME, split="words", k=10)
    assert (found["how"], found["feedback"], found["split"]) == ("by-time", "values", "words")
    ndcg = found["metrics"]["ndcg@10"]
    assert ndcg["mean"] == pytest.approx(values[100:].mean())
    assert ndcg["standard_error"] == pytest.approx(values[100:].std() / math.sqrt(300), rel=0.1)
    assert ndcg["low"] < ndcg["mean"] < ndcg["high"]
    assert (ndcg["n_users"], ndcg["n_ratings"]) == (300, n[100:].sum())
    assert found["metrics"]["rmse"]["mean"] == pytest.approx(
        math.sqrt((n * errors**2).sum() / n.sum())
    )


@pytest.mark.parametrize(
    ("stored", "is_below"),
    # The standard error of the difference is √(0.01² + 0.01²) = 0.0141, 1.96 of them are 0.0277.
    [(0.2270, False), (0.2285, True), (0.1, False)],
)
def test_below_is_beyond_both_errors(stored: float, is_below: bool) -> None:
    found = check(header(stored, 0.01), "ndcg@10", NOW, BY_TIME)
    assert found.is_below is is_below
    assert f"NDCG@10 of current is 0.2000 ± 0.0196, {'' if is_below else 'not '}significantly" in (
        found.sentence
    )


def test_a_higher_error_is_worse() -> None:
    now = replace(NOW, mean=0.95)
    assert check(header(0.90, 0.01, "rmse"), "rmse", now, BY_TIME).is_below is True
    assert check(header(0.99, 0.01, "rmse"), "rmse", now, BY_TIME).is_below is False


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (header(0.9, 0.01, how="random"), "it is for the split random, but this split is by-time"),
        (header(0.9, 0.01, feedback="ones"), "it counts ones as liked, but this evaluation values"),
    ],
)
def test_another_measurement_is_not_compared(stored: dict[str, Any], said: str) -> None:
    found = check(stored, "ndcg@10", NOW, BY_TIME)
    assert found.is_below is None
    assert found.sentence.startswith("the level in its file, NDCG@10 0.9000, was not compared: ")
    assert said in found.sentence


def test_neither_is_one_of_many_more_ratings_per_user() -> None:
    few = replace(NOW, n_ratings=80)
    found = check(header(0.9, 0.01), "ndcg@10", few, BY_TIME)
    assert found.is_below is None
    assert "5.0 test ratings per user, and here there are 1.0" in found.sentence
    assert check(header(0.9, 0.01), "ndcg@10", None, BY_TIME).is_below is None


@pytest.mark.parametrize(
    "stored",
    [
        None, {}, {"metric": "ndcg@10", "mean": 0.31}, {"metrics": 3},
        {"metrics": {"ndcg@10": 0.3}},
        header(0.3, 0.01, "recall@10"), header(math.nan, 0.01), header(0.3, 0.01, metrics={
            "ndcg@10": asdict(replace(NOW, n_users=0))}),
        header(0.3, 0.01, metrics={"ndcg@10": asdict(NOW) | {"mean": "high"}}),
    ],
)  # fmt: skip
def test_a_file_without_a_level_says_so(stored: dict[str, Any] | None) -> None:
    found = check(stored, "ndcg@10", NOW, BY_TIME)
    assert found.stored is None
    assert found.is_below is None
    assert "its file has no level of NDCG@10, so this was not compared" in found.sentence
    assert found.to_dict()["now"]["mean"] == 0.2
