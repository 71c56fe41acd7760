import numpy as np
import pandas as pd
import pytest

from recsys.evaluation.result.summary import mirrored, run_means, summarise, user_means


@pytest.fixture
def values() -> pd.DataFrame:
    """Two models, two folds, forty users with unequal numbers of ratings."""
    rng = np.random.default_rng(0)
    rows = []
    for model, error in (("biases", 1.0), ("good", 0.7)):
        for fold in (0, 1):
            for user in range(40):
                n = 1 + user % 7
                errors = rng.normal(0, error, n)
                rows.append(
                    {
                        "model": model,
                        "fold": fold,
                        "seed": -1,
                        "user": user,
                        "ndcg@5": rng.random() if user % 5 else np.nan,
                        "rmse": np.sqrt(np.mean(errors**2)),
                        "n_ratings": float(n),
                    }
                )
    return pd.DataFrame(rows)


def test_rmse_is_over_all_ratings_and_ndcg_over_users(values: pd.DataFrame) -> None:
    summary, _ = summarise(user_means(values, ["biases", "good"]))
    for model, part in values.groupby("model"):
        found = summary[summary["model"] == model].set_index("metric")
        pooled = np.sqrt((part["n_ratings"] * part["rmse"] ** 2).sum() / part["n_ratings"].sum())
        assert found["mean"]["rmse"] == pytest.approx(pooled)
        by_user = part.groupby("user")["ndcg@5"].mean().dropna()
        assert found["mean"]["ndcg@5"] == pytest.approx(by_user.mean())
        assert found["n"]["ndcg@5"] == 32
        assert found["n"]["rmse"] == 40


def test_rmse_interval_is_that_of_resampled_users_one_by_one(values: pd.DataFrame) -> None:
    part = values[values["model"] == "good"]
    squares = (part["n_ratings"] * part["rmse"] ** 2).groupby(part["user"]).sum().to_numpy()
    counts = part.groupby("user")["n_ratings"].sum().to_numpy()
    rng = np.random.default_rng(5)
    draws = [rng.integers(0, 40, 40) for _ in range(4000)]
    slow = [np.sqrt(squares[d].sum() / counts[d].sum()) for d in draws]
    summary, _ = summarise(user_means(values, ["biases", "good"]))
    row = summary[(summary["model"] == "good") & (summary["metric"] == "rmse")].iloc[0]
    assert row["low"] == pytest.approx(np.quantile(slow, 0.025), abs=0.01)
    assert row["high"] == pytest.approx(np.quantile(slow, 0.975), abs=0.01)
    assert row["baseline"] == "biases"
    assert row["difference"] < 0
    assert row["better"] > 0.5  # lower is better
    assert row["p"] < 0.05


def test_pairs_are_seen_from_both_sides(values: pd.DataFrame) -> None:
    _, pairs = summarise(user_means(values, ["biases", "good"]))
    other = mirrored(pairs)
    assert (other["model"] == pairs["other"]).all()
    assert (other["low"] == -pairs["high"]).all()
    pd.testing.assert_frame_equal(mirrored(other), pairs)


def test_run_means(values: pd.DataFrame) -> None:
    one = values[(values["model"] == "good") & (values["fold"] == 0)]
    means = run_means(one)
    assert means["ndcg@5"] == pytest.approx(one["ndcg@5"].mean())
    pooled = np.sqrt((one["n_ratings"] * one["rmse"] ** 2).sum() / one["n_ratings"].sum())
    assert means["rmse"] == pytest.approx(pooled)
