"""The contest after a retraining: what neither model has seen, in the order in which it came."""

from dataclasses import replace

import nightly
import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.evaluation.gate.contest import Contest, seen_by
from recsys.evaluation.gate.gate import Terms
from recsys.evaluation.gate.margin import Margin
from recsys.evaluation.gate.renewal import as_in_service, period, renewal, without_contest
from recsys.evaluation.gate.world import Found
from recsys.evaluation.protocol.served import Served
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings

ALL = Feedback()


def as_ratings(frame: pd.DataFrame) -> Ratings:
    return Ratings.from_frame(frame, "user", "item", "rating", "timestamp")


@pytest.fixture(scope="module")
def days() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the model in service was trained on, and what came since."""
    frame = nightly.ratings()
    cut = int(0.8 * len(frame))
    return frame[:cut], frame[cut:]


@pytest.fixture(scope="module")
def model(days: tuple[pd.DataFrame, pd.DataFrame]) -> recsys.Recommender:
    return recsys.train(recsys.PureSVD(8), as_ratings(days[0]))


def held(model: recsys.Recommender, frame: pd.DataFrame) -> Contest:
    found = renewal(model, as_ratings(frame), ALL)
    assert isinstance(found, Contest)
    return found


def pairs(ratings: Ratings) -> set[tuple[int, int]]:
    frame = ratings.to_frame()
    return set(zip(frame["user"], frame["item"], strict=True))


def test_the_newest_half_of_what_is_new_is_the_test(
    days: tuple[pd.DataFrame, pd.DataFrame], model: recsys.Recommender
) -> None:
    old, new = days
    found = held(model, pd.concat([new, old]))  # in any order
    (split,) = found.splits
    newest = new.sort_values("timestamp")[len(new) - round(len(new) / 2) :]
    assert pairs(split.test) == set(zip(newest["user"], newest["item"], strict=True))
    assert split.train.n_ratings + split.test.n_ratings == len(old) + len(new)
    assert split.train.timestamps is not None
    assert split.test.timestamps is not None
    assert split.train.timestamps.max() < split.test.timestamps.min()
    assert not seen_by(model, split.test).any()
    assert f"of the {len(new):,} ratings that the model in service has not seen" in split.how
    assert (found.as_asked, found.same_training, found.cannot) == (True, False, "")
    assert period(split).startswith("of ratings since 2020-09-")


def test_the_model_in_service_knows_what_it_would_have_known(
    days: tuple[pd.DataFrame, pd.DataFrame], model: recsys.Recommender
) -> None:
    old, new = days
    late = new.assign(item=np.where(np.arange(len(new)) % 7 == 0, 999, new["item"]))
    late = late.drop_duplicates(["user", "item"])
    found = held(model, pd.concat([old, late]))
    assert isinstance(found.current, Served)
    grown, train = found.current.model, found.splits[0].train
    assert 999 in grown.fitted.items.ids.tolist()
    assert seen_by(grown, train).all()
    assert not seen_by(grown, found.splits[0].test).any()
    # The items of the training are as they were: nothing was trained.
    rows = grown.fitted.items.rows(model.fitted.items.ids)
    assert np.array_equal(grown.factors.item_factors[rows], model.factors.item_factors)
    assert as_in_service(model, as_ratings(old)) is model


def test_ratings_without_times_are_drawn_at_random(
    days: tuple[pd.DataFrame, pd.DataFrame], model: recsys.Recommender
) -> None:
    both = pd.concat(days)
    without = Ratings.from_frame(both.drop(columns="timestamp"), "user", "item", "rating")
    found = renewal(model, without, ALL, seed=3)
    assert isinstance(found, Contest)
    (split,) = found.splits
    assert split.test.n_ratings == round(len(days[1]) / 2)
    assert "a random half of them, seed 3" in split.how
    assert period(split) == "of unseen ratings"
    other = renewal(model, without, ALL, seed=4)
    assert isinstance(other, Contest)
    assert pairs(other.splits[0].test) != pairs(split.test)
    at_once = held(model, both.assign(timestamp=1.0))
    assert "a random half of them" in at_once.splits[0].how


def test_where_nothing_is_new_it_says_so(
    days: tuple[pd.DataFrame, pd.DataFrame], model: recsys.Recommender
) -> None:
    old, new = days
    nothing = "the model in service has seen every rating"
    assert renewal(model, as_ratings(old), ALL) == nothing
    again = old.assign(rating=1.0)  # other values of the same pairs are nothing new to ask for
    assert renewal(model, as_ratings(again), ALL) == nothing
    one = renewal(model, as_ratings(pd.concat([old, new[:1]])), ALL)
    assert one == "the model in service has not seen 1 rating, too few to tell"
    late = new[-2:].assign(item=[1, 777])
    later = renewal(model, as_ratings(pd.concat([old, late])), ALL)
    assert later == "the newest 1 ratings are all of items that no user had rated before"


def test_a_model_without_history_cannot_be_compared(
    days: tuple[pd.DataFrame, pd.DataFrame], model: recsys.Recommender
) -> None:
    why = renewal(replace(model, history=None), as_ratings(pd.concat(days)), ALL)
    assert why == "the file of the model in service has no history, so what it has seen is unknown"


def test_without_a_contest_only_another_world_decides() -> None:
    terms = Terms("ndcg@10", Margin.parse("5%"))
    whole = [Found("ratings", 95, 100)]
    assert without_contest("nothing is new", whole, terms, None).decision == "undecided"
    lost = without_contest("nothing is new", [Found("ratings", 80, 100)], terms, None)
    assert lost.decision == "closed"
    assert "data mismatch" in lost.sentence
    unknown = without_contest("no history", [], terms, None)
    assert unknown.sentence == "gate undecided: no history"
