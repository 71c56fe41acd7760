"""Which ratings decide: those that the served model has not seen."""

from dataclasses import replace

import nightly
import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import DataError
from recsys.evaluation.gate import contest as contests
from recsys.evaluation.gate.contest import LEAST_USERS, contest
from recsys.evaluation.protocol.served import Served
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split

ALL = Feedback()


def as_ratings(frame: pd.DataFrame) -> Ratings:
    return Ratings.from_frame(frame, "user", "item", "rating", "timestamp")


def pairs(ratings: Ratings) -> set[tuple[int, int]]:
    frame = ratings.to_frame()
    return set(zip(frame["user"], frame["item"], strict=True))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return nightly.ratings()


@pytest.fixture(scope="module")
def data(frame: pd.DataFrame) -> Ratings:
    return as_ratings(frame)


def served(frame: pd.DataFrame) -> recsys.Recommender:
    return recsys.train(recsys.Popularity(), as_ratings(frame))


def test_ratings_that_the_model_has_seen_are_training(frame: pd.DataFrame, data: Ratings) -> None:
    model = served(frame.iloc[:7000])
    split = recsys.splits.by_time(data, 0.2)
    held = contest(model, [split], ALL)
    (part,) = held.splits
    seen = pairs(as_ratings(frame.iloc[:7000]))
    assert pairs(part.test) == pairs(split.test) - seen
    assert pairs(part.train) == pairs(split.train) | (pairs(split.test) & seen)
    assert (np.diff(part.train.matrix.indptr) >= np.diff(split.train.matrix.indptr)).all()
    assert part.train.timestamps is not None
    order = part.train.to_frame().merge(frame, on=["user", "item"], suffixes=("", "_true"))
    assert (order["timestamp"] == order["timestamp_true"]).all()
    n = len(pairs(split.test) & seen)
    assert f"{n:,} test ratings that it has seen are training ratings" in part.how
    assert isinstance(held.current, Served)
    assert held.as_asked
    assert not held.cannot


def test_a_split_of_which_nothing_was_seen_stays_as_it_is(
    frame: pd.DataFrame, data: Ratings
) -> None:
    split = recsys.splits.by_time(data, 0.1)
    held = contest(served(frame.iloc[:6000]), [split], ALL)
    assert held.splits == (split,)
    assert not held.same_training
    assert contest(recsys.train(recsys.Popularity(), split.train), [split], ALL).same_training


def test_users_who_are_held_out_keep_what_the_model_has_seen_of_them(
    frame: pd.DataFrame, data: Ratings
) -> None:
    split = recsys.splits.held_out_users(data, users=100, test=0.5)
    assert split.known is not None
    held = contest(served(frame.iloc[:7000]), [split], ALL)
    (part,) = held.splits
    assert part.known is not None
    assert pairs(part.train) == pairs(split.train)
    assert pairs(part.known) | pairs(part.test) == pairs(split.known) | pairs(split.test)
    assert not pairs(part.test) & pairs(as_ratings(frame.iloc[:7000]))


def test_folds_without_unseen_ratings_are_left_out(frame: pd.DataFrame, data: Ratings) -> None:
    folds = list(recsys.splits.kfold(data, 3))
    first = pairs(folds[0].test)
    rest = [row for row in frame.itertuples() if (row.user, row.item) not in first]
    model = served(pd.DataFrame(rest))
    held = contest(model, folds, ALL)
    assert len(held.splits) == 1
    assert pairs(held.splits[0].test) == first


def few_at_the_end(frame: pd.DataFrame) -> pd.DataFrame:
    # The last tenth of the ratings is of twenty users.
    last = frame["user"] < 20
    ordered = pd.concat([frame[~last], frame[last]], ignore_index=True)
    return ordered.assign(timestamp=1_600_000_000 + 60 * np.arange(len(ordered)))


def test_too_few_people_at_the_end_and_a_random_part_decides(frame: pd.DataFrame) -> None:
    ordered = few_at_the_end(frame)
    data, past = as_ratings(ordered), ordered.iloc[: int(0.7 * len(ordered))]
    split = recsys.splits.by_time(data, 0.05)
    assert len(np.unique(split.test.to_frame()["user"])) < LEAST_USERS
    held = contest(served(past), [split], ALL, seed=3)
    (part,) = held.splits
    assert not held.as_asked
    assert len(np.unique(part.test.to_frame()["user"])) >= LEAST_USERS
    seen = pairs(as_ratings(past))
    assert not pairs(part.test) & seen
    assert seen <= pairs(part.train)
    assert part.how.startswith("random, 0.5 of the ")
    again, other = (contest(served(past), [split], ALL, seed=seed).splits[0] for seed in (3, 4))
    assert pairs(again.test) == pairs(part.test)
    assert pairs(other.test) != pairs(part.test)


def test_where_no_part_has_enough_people_the_split_stays(frame: pd.DataFrame) -> None:
    ordered = few_at_the_end(frame)
    n = int((ordered["user"] >= 20).sum())
    data = as_ratings(ordered)
    held = contest(served(ordered.iloc[:n]), [recsys.splits.by_time(data, 0.05)], ALL)
    assert held.as_asked
    assert not held.cannot


def test_only_ratings_that_count_as_liked_make_people(frame: pd.DataFrame) -> None:
    mixed = frame.assign(rating=np.where(frame["user"] < 20, 5.0, 2.0))
    held = contest(
        served(mixed.iloc[:6000]), [recsys.splits.by_time(as_ratings(mixed), 0.1)],
        Feedback.parse("at-least=4"),
    )  # fmt: skip
    assert held.as_asked  # no other part has more than the twenty
    dull = mixed.assign(rating=np.where(mixed.index < 6000, 5.0, 2.0))
    none = contest(
        served(dull.iloc[:6000]), [recsys.splits.by_time(as_ratings(dull), 0.1)],
        Feedback.parse("at-least=4"),
    )  # fmt: skip
    assert "counts as liked" in none.cannot


def test_a_model_that_has_seen_everything_decides_nothing(
    frame: pd.DataFrame, data: Ratings
) -> None:
    split = recsys.splits.by_time(data, 0.1)
    held = contest(served(frame), [split], ALL)
    assert held.splits == (split,)
    n = split.test.n_ratings
    assert held.cannot.startswith(f"the model in service was trained on all of the {n:,} test")
    assert held.same_training
    lost = contest(replace(served(frame.iloc[:6000]), history=None), [split], ALL)
    assert "no history" in lost.cannot
    assert "save it with its history" in lost.cannot


def test_the_type_of_the_ids_decides_nothing(frame: pd.DataFrame, data: Ratings) -> None:
    past = frame.iloc[:7000]
    split = recsys.splits.by_time(data, 0.2)
    texts = served(past.astype({"user": str, "item": str}))
    parts = [contest(model, [split], ALL).splits[0] for model in (texts, served(past))]
    assert pairs(parts[0].test) == pairs(parts[1].test)
    coded = served(past.assign(item="m" + past["item"].astype(str)))
    with pytest.raises(DataError, match="item ids are text"):
        contest(coded, [split], ALL)


def test_a_random_part_of_new_items_only_is_none(frame: pd.DataFrame) -> None:
    new = frame.iloc[:60].assign(item=lambda f: 10_000 + np.arange(len(f)))
    data = as_ratings(pd.concat([frame, new], ignore_index=True))
    model = served(frame)
    split = Split(data.select(np.ones(data.n_ratings, bool)), data.select(
        np.zeros(data.n_ratings, bool)), "everything")  # fmt: skip
    assert contests._random_part(model, split, 0) is None


def test_users_of_whom_nothing_is_known_do_not_count(frame: pd.DataFrame) -> None:
    others = 10_000 + frame["user"].sample(frac=1, random_state=0).to_numpy()
    new = frame.assign(user=others).drop_duplicates(["user", "item"])
    split = recsys.splits.given(as_ratings(frame), as_ratings(new))
    held = contest(served(frame), [split], ALL)
    assert not held.as_asked  # half of what they rated is known
    assert len(held.users) >= LEAST_USERS
    (part,) = held.splits
    known, asked = pairs(part.train), pairs(part.test)
    with_both = {user for user, _ in known} & {user for user, _ in asked}
    assert set(held.users.tolist()) == with_both
    once = new.drop_duplicates("user")  # a half of one rating is known of nobody
    split = recsys.splits.given(as_ratings(frame), as_ratings(once))
    assert "or are copies of others" in contest(served(frame), [split], ALL).cannot


def test_known_ratings_that_do_not_count_as_liked_make_nobody_known(frame: pd.DataFrame) -> None:
    low = frame["user"] < 100
    rated = frame.assign(rating=np.where(low, 1.0, 5.0))
    feedback = Feedback.parse("at-least=4")
    known, asked = rated.iloc[:5000], rated.iloc[5000:].assign(rating=5.0)
    split = recsys.splits.given(as_ratings(known), as_ratings(asked))
    users = contest(served(known), [split], feedback).users
    assert len(users)
    assert set(users.tolist()) <= set(known["user"][known["user"] >= 100])


def test_copies_of_people_do_not_count(frame: pd.DataFrame) -> None:
    # A model that remembers the originals knows what their copies like.
    copied = frame.assign(user=frame["user"] + 10_000, timestamp=frame["timestamp"] + 10**9)
    split = recsys.splits.by_time(as_ratings(pd.concat([frame, copied])), 0.2)
    held = contest(served(frame), [split], ALL)
    assert len(held.users) < 10  # few that the search for copies did not find
    some = copied[copied["user"] < 10_100]
    fresh = 20_000 + frame["user"].sample(frac=1, random_state=0).to_numpy()
    fresh_rows = frame.assign(user=fresh, timestamp=frame["timestamp"] + 10**9)
    rows = pd.concat([frame, some, fresh_rows.drop_duplicates(["user", "item"])])
    split = recsys.splits.random(as_ratings(rows), 0.2)
    users = contest(served(frame), [split], ALL).users
    counts = rows.groupby("user").size()
    many = counts.index[counts >= 5]
    assert len(set(users.tolist()) & {u for u in many if 10_000 <= u < 20_000}) < 3
    assert len(set(users.tolist()) & {u for u in many if u >= 20_000}) > 100
