"""Re-ranked models in an evaluation: trained once, and moved by the measure they are for."""

import pytest

import recsys
from recsys.errors import ArgumentError
from recsys.evaluation.protocol.reranked import with_rerankings
from recsys.models.common import OnEpoch
from recsys.ratings.splits import Split
from recsys.recommend.rerank.ways import parse


@pytest.fixture(scope="module")
def split(sample: recsys.Ratings) -> Split:
    return recsys.splits.random(sample, 0.2, seed=0)


class Counting(recsys.ImplicitALS):
    fits = 0

    def fit(self, ratings: recsys.Ratings, on_epoch: OnEpoch | None = None, **how: object):  # type: ignore[no-untyped-def]
        type(self).fits += 1
        return super().fit(ratings, on_epoch)


def test_a_model_is_trained_once_for_all_ways(split: Split) -> None:
    ways = [parse(text) for text in ("mmr=0.5", "calibrated=0.5", "less-popular=0.5", "mmr=0")]
    models = with_rerankings({"als": Counting(8, n_epochs=4)}, ways)
    assert list(models) == [
        "als", "als mmr=0.5", "als calibrated=0.5", "als less-popular=0.5", "als mmr=0"
    ]  # fmt: skip
    result = recsys.evaluate(models, split, feedback="ones")
    assert Counting.fits == 1

    def mean(model: str, metric: str) -> float:
        table = result.summary
        chosen = (table["model"] == model) & (table["metric"] == metric)
        return float(table[chosen]["mean"].iloc[0])

    assert mean("als mmr=0", "ndcg@10") == pytest.approx(mean("als", "ndcg@10"))
    assert mean("als calibrated=0.5", "calibration@10") < mean("als", "calibration@10")
    assert mean("als less-popular=0.5", "popularity@10") < mean("als", "popularity@10")
    assert mean("als mmr=0.5", "diversity@10") > mean("als", "diversity@10")


def test_seeds_train_again(split: Split) -> None:
    models = with_rerankings({"als": recsys.ImplicitALS(4, n_epochs=2)}, [parse("mmr=0.3")])
    seeded = models["als mmr=0.3"].with_seed(3)  # type: ignore[union-attr]
    assert seeded is not None
    assert seeded.to_dict()["seed"] == 3
    assert seeded.to_dict()["rerank"] == "mmr=0.3"


def test_what_cannot_be_reranked_is_named(sample: recsys.Ratings) -> None:
    with pytest.raises(ArgumentError, match="sets als twice"):
        with_rerankings({"als": recsys.ImplicitALS()}, [parse("mmr"), parse("mmr=0.3")])
    models = with_rerankings({"e": recsys.EASE()}, [parse("mmr")])
    assert "rerank" not in models["e"].to_dict()
    assert models["e mmr=0.3"].to_dict()["rerank"] == "mmr=0.3"
