"""Is the candidate not worse? On made-up values per user, whose intervals are known."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.stats import binomtest

import recsys
from recsys.app.study import check_gate_metric
from recsys.errors import ArgumentError
from recsys.evaluation.gate.comparison import Comparison, compare
from recsys.evaluation.gate.contest import LEAST_USERS
from recsys.evaluation.gate.margin import Margin
from recsys.evaluation.result.summary import user_means

FIVE_PERCENT = Margin.parse("5%")


def compared(
    new: npt.ArrayLike,
    current: npt.ArrayLike,
    metric: str = "ndcg@10",
    margin: Margin = FIVE_PERCENT,
    users: npt.NDArray[Any] | None = None,
) -> Comparison:
    tables = [
        pd.DataFrame({"model": model, "fold": 0, "seed": 0, "user": np.arange(len(values)),
                      metric: values, "n_ratings": 2.0})
        for model, values in (("new", np.asarray(new)), ("current", np.asarray(current)))
    ]  # fmt: skip
    values = pd.concat(tables, ignore_index=True)
    result: Any = SimpleNamespace(
        values=values,
        user_means=user_means(values, ["new", "current"]),
        user_ids=np.unique(values["user"]),
    )
    everybody = np.unique(values["user"])
    return compare(result, "new", "current", metric, margin, everybody if users is None else users)


def noise(n: int, spread: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """Of mean zero and this standard deviation."""
    drawn = np.random.default_rng(seed).normal(size=n)
    return np.asarray((drawn - drawn.mean()) / drawn.std() * spread)


@pytest.mark.parametrize(
    ("difference", "spread", "answer"),
    # The margin is 0.01; the interval is the difference ± 1.96 · spread / √400 = ± 0.098 · spread.
    [
        (0.0, 0.05, "yes"),
        (-0.004, 0.05, "yes"),
        (-0.006, 0.05, "undecided"),
        (-0.014, 0.05, "undecided"),
        (-0.016, 0.05, "no"),
        (0.0, 0.12, "undecided"),
        (-0.1, 0.12, "no"),
        (0.1, 0.12, "yes"),
        (-0.001, 0.0, "yes"),  # significantly worse, but by less than the margin
    ],
)
def test_the_interval_against_the_margin(difference: float, spread: float, answer: str) -> None:
    current = 0.2 + noise(400, 0.05, seed=1)
    found = compared(current + difference + noise(400, spread), current)
    assert found.answer == answer
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.low == pytest.approx(difference - 0.098 * spread, abs=0.0012)
    assert found.high == pytest.approx(difference + 0.098 * spread, abs=0.0012)
    assert found.margin == pytest.approx(0.01)
    assert (found.n_users, found.n_ratings) == (400, 800)


@pytest.mark.parametrize(
    ("factor", "answer"), [(0.95, "yes"), (1.0, "yes"), (1.04, "yes"), (1.06, "no")]
)
def test_of_errors_less_is_better(factor: float, answer: str) -> None:
    current = np.linspace(0.8, 1.0, 100)
    found = compared(current * factor, current, "rmse")
    assert found.answer == answer
    assert found.bound == found.margin > 0
    assert found.candidate_mean == pytest.approx(factor * np.sqrt((current**2).mean()))
    assert f"allowed +{found.margin:.4f} (5 % of current)" in found.sentence


def test_a_margin_in_the_unit_of_the_metric() -> None:
    current = np.full(100, 0.2)
    assert compared(current - 0.03, current, margin=Margin.parse("0.031")).answer == "yes"
    assert compared(current - 0.03, current, margin=Margin.parse("0.029")).answer == "no"
    assert compared(current, current, margin=Margin.parse("0")).answer == "undecided"


def test_fewer_users_decide_nothing() -> None:
    for n, answer in ((LEAST_USERS, "no"), (LEAST_USERS - 1, "undecided")):
        found = compared(np.zeros(n), np.full(n, 0.2))
        assert found.answer == answer
    assert "a decision needs 50 users, so wait for more ratings" in found.sentence
    assert found.to_dict()["n_users"] == LEAST_USERS - 1


def test_only_users_with_both_values_count() -> None:
    new, current = np.full(100, 0.2), np.full(100, 0.2)
    new[:30], current[70:] = np.nan, np.nan
    new[70:], current[:30] = 9, 9
    found = compared(new, current)
    assert (found.n_users, found.n_ratings) == (40, 80)
    assert found.candidate_mean == found.current_mean == pytest.approx(0.2)


def test_a_model_that_finds_nothing_is_no_measure() -> None:
    assert compared(np.zeros(100), np.zeros(100)).answer == "undecided"
    assert compared(np.full(100, 0.1), np.zeros(100)).answer == "yes"


def test_a_metric_that_one_of_the_two_lacks_is_named(sample: recsys.Ratings) -> None:
    models = {"new": recsys.PureSVD(4), "current": recsys.PureSVD(5)}
    result = recsys.evaluate(models, recsys.splits.random(sample, 0.2), k=5)
    with pytest.raises(ArgumentError, match="gate must be one of .*ndcg@5.*, not 'rmse'") as found:
        compare(result, "new", "current", "rmse", FIVE_PERCENT, sample.users.ids)
    assert "new and current must both have it" in str(found.value)
    offered = re.findall(r"[a-z_-]+@5|rmse|mae", str(found.value).partition(", not ")[0])
    assert len(offered) > 3
    for metric in offered:  # each of them is then accepted
        check_gate_metric(metric, 5)
        compare(result, "new", "current", metric, FIVE_PERCENT, sample.users.ids)


def test_each_rating_counts_once_over_folds_and_seeds(sample: recsys.Ratings) -> None:
    models = {"new": recsys.PureSVD(4), "current": recsys.PureSVD(5)}
    folds = recsys.splits.kfold(sample, 2)
    twice = recsys.evaluate(models, list(folds), k=5, seeds=[0, 1])
    found = compare(twice, "new", "current", "ndcg@5", FIVE_PERCENT, sample.users.ids)
    assert found.n_ratings == sample.n_ratings  # each rating is a test rating once


def test_newcomers_do_not_make_up_for_what_others_lose() -> None:
    # Nine in ten get the same from both; the others lose a fifth, far more than the margin of 5 %.
    current = np.full(1000, 0.2)
    new = current.copy()
    new[:100] = 0.16
    assert compared(new, current).answer == "yes"
    found = compared(new, current, users=np.arange(100))
    assert found.answer == "no"
    assert (found.n_users, found.n_left_out, found.n_ratings) == (100, 900, 200)
    assert "has not seen, without 900 newcomers or copies" in found.sentence


def test_a_loss_that_may_be_chance_is_not_hidden_by_newcomers() -> None:
    current = np.full(1000, 0.2)
    new = current.copy()
    new[:100] += noise(100, 0.15) - 0.015  # of the mean: 0.015 ± 0.029, where 0.01 is allowed
    assert compared(new, current).answer == "yes"
    assert compared(new, current, users=np.arange(100)).answer == "undecided"


def test_newcomers_count_where_the_others_lose_nothing() -> None:
    current = np.full(1000, 0.2)
    new = current.copy()
    new[:100] += noise(100, 0.05) - 0.003
    found = compared(new, current, users=np.arange(100))
    assert found.answer == "yes"
    assert (found.n_users, found.n_left_out) == (1000, 0)
    new[100:] = 0.1  # a worse list for newcomers is worse, too
    assert compared(new, current, users=np.arange(100)).answer == "no"


def test_newcomers_alone_decide_nothing() -> None:
    current = np.full(1000, 0.2)
    found = compared(current, current, users=np.arange(LEAST_USERS - 1))
    assert found.answer == "undecided"
    assert "without 951 newcomers or copies; a decision needs 50 users" in found.sentence


@pytest.mark.parametrize(("factor", "answer"), [(0.9, "yes"), (1.1, "no")])
def test_errors_of_newcomers_do_not_hide_those_of_others(factor: float, answer: str) -> None:
    current = np.full(1000, 1.0)
    new = current.copy()
    new[:100] = factor
    assert compared(new, current, "rmse").answer == "yes"
    assert compared(new, current, "rmse", users=np.arange(100)).answer == answer


def test_a_few_hits_decide_nothing() -> None:
    # Of 200 users, the served model finds something for 10, and the candidate for 8 of them.
    current = np.zeros(200)
    current[:10] = 0.5
    new = np.where(np.arange(200) < 2, 0, current)
    found = compared(new, current)
    assert found.answer == "undecided"
    bound = binomtest(2, 10, alternative="less").proportion_ci(0.95).high
    assert found.possible_loss == pytest.approx(bound * 0.025)
    assert "only 2 users with different values cannot exclude a loss of 0.0127" in found.sentence
    nothing = np.zeros(400)
    assert compared(nothing, nothing, margin=Margin.parse("0.9")).answer == "undecided"


@pytest.mark.parametrize("n", [50, 400, 2000])
@pytest.mark.parametrize("loss", [0.06, 0.2])
def test_a_loss_among_many_zeros_is_rarely_let_through(n: int, loss: float) -> None:
    # Nine in ten users have 0 from both; of the others, a share lose what they had.
    rng, opened = np.random.default_rng(0), 0
    for _ in range(100):
        current = (rng.random(n) < 0.1) * 0.5
        new = current * (rng.random(n) >= loss)
        opened += compared(new, current).answer == "yes"
    assert opened <= 3


def test_equal_values_of_enough_users_are_not_worse() -> None:
    # The rule of three: of 58 users nobody loses, so at most 5.03 % do; of 59, 4.95 %.
    for n, answer in ((58, "undecided"), (59, "yes")):
        current = np.concatenate([np.full(n, 0.3), np.zeros(100)])
        assert compared(current, current).answer == answer
