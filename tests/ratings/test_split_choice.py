"""A chosen split is settings that make the split of the same name."""

from pathlib import Path

import pytest

import recsys
from recsys.errors import ArgumentError
from recsys.ratings import readers, splits
from recsys.ratings.source import Source
from recsys.ratings.split_choice import SplitChoice


def test_each_choice_makes_its_split(sample: recsys.Ratings) -> None:
    source = Source("unused")
    expected = {
        SplitChoice(): [splits.random(sample, 0.1, 0)],
        SplitChoice(test=0.3, seed=4): [splits.random(sample, 0.3, 4)],
        SplitChoice(folds=3, seed=1): splits.kfold(sample, 3, 1),
        SplitChoice(how="leave-last", last=2): [splits.leave_last(sample, 2)],
        SplitChoice(how="by-time", test=0.2): [splits.by_time(sample, 0.2)],
        SplitChoice(how="held-out-items", test=0.2): [splits.held_out_items(sample, 0.2)],
        SplitChoice(how="held-out-users", users=30): [splits.held_out_users(sample, 30, 0.2)],
    }
    for choice, made in expected.items():
        for one, other in zip(choice.make(sample, source), made, strict=True):
            assert one.how == other.how
            assert one.test.fingerprint == other.test.fingerprint


def test_a_held_out_file_is_read_like_the_ratings(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("who;what\n1;2\n3;4\n")
    (tmp_path / "test.txt").write_text("who;what\n1;4\n")
    columns = {"user": "who", "item": "what"}
    source = Source(str(tmp_path / "train.txt"), columns, separator=";")
    choice = SplitChoice(how="given", held_out=str(tmp_path / "test.txt"))
    train = recsys.read_ratings(source.ratings, user="who", item="what")
    (split,) = choice.make(train, source)
    assert split.train.matrix.toarray().tolist() == [[1, 0], [0, 1]]
    assert split.test.matrix.toarray().tolist() == [[0, 1], [0, 0]]


def test_what_was_decided_about_the_training_ratings_holds_for_the_test_ratings(
    tmp_path: Path,
) -> None:
    head = "user,item,rating\n"
    stars = [f"{u},{i},{(u + i) % 5 + 1}" for u in range(20) for i in range(20)]
    events = [f"{u},{i},{c}" for u in range(9) for i, c in enumerate((1, 1, 2, 90))]
    lines = {
        "stars": [*stars[:-20], "1,30,-1"],  # -1 apart from a scale: not rated
        "few_stars": ["19,3,-1", "19,4,3"],  # too few to show a scale
        "dislikes": ["1,1,-1", "1,2,1", "2,1,1", "2,2,-1"],
        "few_dislikes": ["3,1,-1", "3,2,2", "3,3,3"],
        "plays": events,
        "few_plays": ["10,2,2", "10,2,3"],
    }
    for name, text in lines.items():
        (tmp_path / f"{name}.csv").write_text(head + "\n".join(text) + "\n")

    def test_values(name: str, **how: str) -> list[float]:
        source = Source(str(tmp_path / f"{name}.csv"), **how)  # type: ignore[arg-type]
        choice = SplitChoice(how="given", held_out=str(tmp_path / f"few_{name}.csv"))
        (split,) = choice.make(readers.read(source), source)
        values: list[float] = split.test.matrix.data.tolist()
        return values

    assert recsys.read_ratings(tmp_path / "few_stars.csv").matrix.data.tolist() == [-1, 3]
    assert test_values("stars") == [3]
    assert sorted(test_values("dislikes")) == [-1, 2, 3]
    assert recsys.read_ratings(tmp_path / "few_plays.csv").matrix.data.tolist() == [3]
    assert test_values("plays", duplicates="sum") == [5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"how": "fair"}, "split must be one of random, leave-last, by-time"),
        ({"how": "radnom"}, "did you mean 'random'"),
        ({"how": "by-time", "folds": 3}, "folds must be 1 for the split by-time"),
        ({"how": "given"}, "held_out and the split given need each other"),
        ({"held_out": "test.csv"}, "held_out and the split given need each other"),
        ({"folds": 0}, "folds must be a whole number of at least 1"),
        ({"test": 0}, "test must be a number above 0"),
        ({"test": 1.5}, "test must be a number above 0 and at most 1"),
        ({"users": 0}, "users must be a number above 0"),
        ({"last": 0.5}, "last must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        SplitChoice(**settings)  # type: ignore[arg-type]
