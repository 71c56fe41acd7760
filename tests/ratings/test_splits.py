import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import DataError
from recsys.ratings import splits


def pairs(ratings):
    return set(map(tuple, ratings.to_frame()[["user", "item"]].to_numpy().tolist()))


def test_random_parts_partition_the_ratings(sample):
    split = splits.random(sample, test=0.2, seed=3)
    assert pairs(split.train) | pairs(split.test) == pairs(sample)
    assert not pairs(split.train) & pairs(split.test)
    draws = np.random.default_rng(3).random(sample.n_ratings)
    assert split.test.n_ratings == (draws < 0.2).sum()
    assert split.train.users is split.test.users is sample.users
    assert pairs(splits.random(sample, test=0.2, seed=3).test) == pairs(split.test)
    assert pairs(splits.random(sample, test=0.2, seed=4).test) != pairs(split.test)


def test_folds_partition_the_ratings(sample):
    folds = list(splits.kfold(sample, 4, seed=0))
    tests = [pairs(split.test) for split in folds]
    assert set.union(*tests) == pairs(sample)
    assert sum(map(len, tests)) == sample.n_ratings
    sizes = [split.test.n_ratings for split in folds]
    assert max(sizes) - min(sizes) <= 1


def test_given_parts_share_the_union_of_their_ids():
    def read(rows, titles):
        frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
        items = pd.DataFrame(titles, columns=["item_id", "title"])
        return recsys.Ratings.from_frame(frame, items=items)

    train = read([(1, 10, 4.0), (3, 30, 2.0)], [(10, "ten"), (30, "thirty")])
    test = read([(1, 20, 5.0), (2, 30, 1.0)], [(20, "twenty"), (30, "other")])
    split = splits.given(train, test)
    assert split.train.users.ids.tolist() == [1, 2, 3]
    assert split.train.items.ids.tolist() == [10, 20, 30]
    assert split.train.matrix.toarray().tolist() == [[4, 0, 0], [0, 0, 0], [0, 0, 2]]
    assert split.test.matrix.toarray().tolist() == [[0, 5, 0], [0, 0, 1], [0, 0, 0]]
    assert split.train.item_table["title"].tolist() == ["ten", "twenty", "thirty"]
    with pytest.raises(DataError, match=r"1 ratings are in both parts, first user 1, item 10"):
        splits.given(train, train.select(np.array([True, False])))


def test_bad_arguments_are_named(sample):
    for test in (0, 1, -0.5, 2):
        with pytest.raises(ValueError, match="test must lie strictly between 0 and 1"):
            splits.random(sample, test=test)
    with pytest.raises(ValueError, match="folds must lie between 2"):
        next(splits.kfold(sample, 1))
    one = sample.select(np.arange(sample.n_ratings) == 0)
    with pytest.raises(DataError, match="leaves no"):
        splits.random(one, test=0.5)
