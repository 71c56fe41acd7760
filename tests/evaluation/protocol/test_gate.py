import pytest

import recsys
from recsys.evaluation.protocol.gate import gate
from recsys.ratings import splits

GOOD = recsys.ImplicitALS(8, regularization=0.1)
BAD = recsys.ImplicitALS(8, regularization=0.1, unobserved_weight=0.001)


def test_the_gate(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.2, seed=0)
    models = {"new": BAD, "current": GOOD, "stars": recsys.ExplicitALS(4)}
    result = recsys.evaluate(models, split, k=5)
    closed = gate(result, "new", "current", "ndcg@5")
    assert not closed.passed
    assert "new is significantly worse than current: NDCG@5" in closed.sentence
    assert gate(result, "current", "new", "ndcg@5").passed
    assert gate(result, "current", "current", "ndcg@5").passed
    # Lower is better for errors, so the worse model has the higher number.
    order = result.order("rmse")
    assert result.of(order[0], "rmse")["mean"] < result.of(order[1], "rmse")["mean"]
    assert gate(result, order[0], order[1], "rmse").passed
    assert not gate(result, order[1], order[0], "rmse").passed
    with pytest.raises(ValueError, match="gate must be one of .*ndcg@5.*, not 'rmse'"):
        gate(result, "new", "current", "rmse")
