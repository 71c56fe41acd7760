"""The splits of published protocols: by hand, by slow twins, and by their own code."""

import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from protocols import files, lightgcn, movielens, ncf, strong, tables, tasks
from sklearn.model_selection import train_test_split

import recsys
from recsys.errors import DataError, UnknownIdError


def world(n_users: int = 30, n_items: int = 25, seed: int = 0) -> pd.DataFrame:
    """Ratings in random order, with a time each."""
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((n_users, n_items)) < 0.5)
    rows = pd.DataFrame({"user": users + 1, "item": items + 1})
    rows["rating"] = rng.integers(1, 6, len(rows))
    rows["timestamp"] = rng.integers(0, 50, len(rows))
    return rows.sample(frac=1, random_state=seed).reset_index(drop=True)


def write(rows: pd.DataFrame, folder: Path, name: str) -> Path:
    """The rows as one of the MovieLens files."""
    folder.mkdir(exist_ok=True)
    if name == "ratings.parquet":
        columns = {"user": "user_id", "item": "item_id"}
        rows.rename(columns=columns).to_parquet(folder / name)
    else:
        separator, header = {"u.data": ("\t", False), "ratings.csv": (",", True)}.get(
            name, ("::", False)
        )
        lines = rows.astype(str).agg(separator.join, axis=1).tolist()
        head = ["userId,movieId,rating,timestamp"] if header else []
        (folder / name).write_text("\n".join([*head, *lines]) + "\n")
    return folder


def test_examples_in_docstrings() -> None:
    for module in (movielens, tables, tasks):
        found = doctest.testmod(module)
        assert found.attempted
        assert not found.failed


def test_folds_are_those_of_surprise() -> None:
    # What KFold(3, random_state=0) of Surprise 1.1.5 makes of seven ratings.
    folds = [fold.tolist() for fold in movielens.surprise_folds(7, 3)]
    assert folds == [[6, 2, 1], [3, 0], [5, 4]]


@pytest.mark.parametrize("n", [10, 1003, 12_345])
def test_a_fifth_is_that_of_scikit_learn(n: int) -> None:
    test = train_test_split(np.arange(n), test_size=0.2, random_state=1)[1]
    assert np.flatnonzero(movielens.sklearn_fifth(n)).tolist() == sorted(test)


@pytest.mark.parametrize("name", ["u.data", "ratings.dat", "ratings.csv", "ratings.parquet"])
def test_rows_come_in_the_order_of_the_file(name: str, tmp_path: Path) -> None:
    rows = world()
    folder = write(rows, tmp_path / "set", name)
    for place in (folder, folder / name):
        read = files.movielens_rows(place)
        assert read.astype(np.int64).equals(rows)


def test_a_folder_without_ratings_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must be, or hold, one of ratings\.parquet, u\.data"):
        files.movielens_rows(tmp_path)


def test_test_ratings_are_those_of_the_masked_rows(tmp_path: Path) -> None:
    rows = world()
    load = movielens.one_split(movielens.random_tenth, known_only=False)
    material = load(write(rows, tmp_path / "set", "u.data"))
    held_out = rows[np.random.default_rng(0).random(len(rows)) < 0.1]
    test = material.parts[0].prepared.split.test.to_frame()
    expected = held_out.sort_values(["user", "item"])[["user", "item", "rating"]]
    assert test[["user", "item", "rating"]].to_numpy().tolist() == expected.to_numpy().tolist()
    assert material.counts["test ratings"] == len(held_out)


def test_repeated_pairs_are_refused() -> None:
    rows = pd.concat([world(), world().head(2)])
    with pytest.raises(DataError, match="2 ratings are of a pair that was rated before"):
        files.ratings_and_order(rows)


def test_only_known_users_and_items_are_tested(tmp_path: Path) -> None:
    rows = world()
    is_test = movielens.sklearn_fifth(len(rows))
    # Somebody, and something, that only the test part has.
    rows.loc[np.flatnonzero(is_test)[0], "user"] = 99
    rows.loc[np.flatnonzero(is_test)[1], "item"] = 99
    folder = write(rows, tmp_path / "set", "ratings.dat")
    everything, known = (
        movielens.one_split(movielens.sklearn_fifth, known_only=only)(folder)
        for only in (False, True)
    )
    assert everything.counts["test ratings"] - known.counts["test ratings"] == 2
    assert everything.counts["users"] - known.counts["users"] == 1
    assert everything.counts["items"] - known.counts["items"] == 1


def test_folds_partition_the_ratings(tmp_path: Path) -> None:
    rows = world()
    material = movielens.cross_validation(write(rows, tmp_path / "set", "u.data"))
    tests = [part.prepared.split.test.matrix for part in material.parts]
    together = sum(test.toarray() for test in tests)
    expected = recsys.Ratings.from_frame(rows, "user", "item").matrix.toarray()
    assert np.array_equal(together, expected)
    assert material.counts["test ratings"] == len(rows)


def test_official_folds_are_read_as_given(tmp_path: Path) -> None:
    rows = world()
    for number in range(1, 6):
        is_test = np.arange(len(rows)) % 5 == number - 1
        for part, name in ((rows[~is_test], "base"), (rows[is_test], "test")):
            text = part.to_csv(sep="\t", header=False, index=False)
            (tmp_path / f"u{number}.{name}").write_text(text)
    material = movielens.official_folds(tmp_path)
    assert [part.name for part in material.parts] == ["u1", "u2", "u3", "u4", "u5"]
    third = material.parts[2].prepared.split.test
    pairs = set(third.to_frame()[["user", "item"]].itertuples(index=False, name=None))
    assert pairs == set(rows[2::5][["user", "item"]].itertuples(index=False, name=None))
    (tmp_path / "u4.test").unlink()
    with pytest.raises(DataError, match=r"u4\.test is not there"):
        movielens.official_folds(tmp_path)


def test_the_last_of_each_user_is_the_last_by_time_then_by_line() -> None:
    rows = pd.DataFrame({"user": [2, 1, 2, 1, 2], "timestamp": [5, 9, 5, 3, 1]})
    assert ncf.last_of_each(rows).tolist() == [False, True, True, False, False]


def test_without_times_one_random_rating_of_each_user_is_left_out(tmp_path: Path) -> None:
    rows = world(30, 300).drop(columns="timestamp")
    material = ncf.load(write(rows, tmp_path / "set", "ratings.parquet"))
    prepared = material.parts[0].prepared
    assert np.diff(prepared.split.test.matrix.indptr).tolist() == [1] * 30
    assert any("no times" in remark for remark in material.remarks)
    assert not np.array_equal(ncf.one_of_each(rows, 0), ncf.one_of_each(rows, 1))


def test_negatives_are_different_items_that_the_user_never_rated(tmp_path: Path) -> None:
    part = ncf.load(write(world(40, 300), tmp_path / "set", "u.data")).parts[0]
    split = part.prepared.split
    rated = (split.train.matrix + split.test.matrix).toarray()
    assert part.negatives is not None
    assert part.negatives.shape == (40, 99)
    for user, drawn in zip(part.prepared.users, part.negatives, strict=True):
        assert len(set(drawn)) == len(drawn)
        assert not rated[user, drawn].any()
    with pytest.raises(DataError, match="user 1 has 1[0-9] unrated items, and 99 are needed"):
        ncf.load(write(world(), tmp_path / "small", "u.data"))


@pytest.fixture
def ncf_files(tmp_path: Path) -> Path:
    """Three users and five items; the users are not in order in the test files."""
    names = dict(zip(("train", "test", "negative"), ncf.THE_FILES, strict=True))
    (tmp_path / names["train"]).write_text("0\t0\t5\t1\n1\t1\t4\t1\n2\t2\t3\t1\n2\t4\t3\t1\n")
    (tmp_path / names["test"]).write_text("2\t3\t5\t9\n0\t1\t4\t9\n1\t2\t3\t9\n")
    negatives = "(2,3)\t0\t1\n(0,1)\t2\t4\n(1,2)\t3\t0\n"
    (tmp_path / names["negative"]).write_text(negatives)
    return tmp_path


def test_published_negatives_belong_to_their_user(ncf_files: Path) -> None:
    material = ncf.load(ncf_files)
    part = material.parts[0]
    assert part.negatives is not None
    assert part.negatives.tolist() == [[2, 4], [3, 0], [0, 1]]
    assert part.prepared.split.test.matrix.indices.tolist() == [1, 2, 3]
    assert material.counts == {
        "users": 3, "items": 5, "training ratings": 4, "test ratings": 3,
    }  # fmt: skip
    assert not material.remarks


def test_a_negative_that_is_no_item_is_named(ncf_files: Path) -> None:
    (ncf_files / ncf.THE_FILES[2]).write_text("(2,3)\t0\t7\n(0,1)\t2\t4\n(1,2)\t3\t0\n")
    with pytest.raises(UnknownIdError, match="7"):
        ncf.load(ncf_files)


def liang(rows: pd.DataFrame, held_out: strong.HeldOut) -> dict[str, set[tuple[int, int]]]:
    """The parts as the published code makes them, group by group."""
    ids = np.array(sorted(rows["user"].unique()))
    ids = ids[np.random.RandomState(strong.SEED).permutation(len(ids))]
    first = len(ids) - 2 * held_out.users
    train = rows[rows["user"].isin(ids[:first])]
    items = set(train["item"])
    theirs = rows[rows["user"].isin(ids[first + held_out.users :]) & rows["item"].isin(items)]
    rng, known, test = np.random.RandomState(strong.SEED), [], []
    for _, group in theirs.groupby("user"):
        chosen = np.zeros(len(group), bool)
        if len(group) >= 5:
            chosen[rng.choice(len(group), size=int(0.2 * len(group)), replace=False)] = True
        known.append(group[~chosen])
        test.append(group[chosen])
    parts = {"train": train, "known": pd.concat(known), "test": pd.concat(test)}
    return {name: set(zip(part["user"], part["item"], strict=True)) for name, part in parts.items()}


def test_held_out_users_are_those_of_the_published_code(tmp_path: Path) -> None:
    rows = world(60, 40)
    held_out = strong.HeldOut(10, 5, 0)
    folder = write(rows, tmp_path / "set", "ratings.csv")
    material = strong.loader(held_out, strong.at_least_four_stars)(folder)
    liked = rows[rows["rating"] >= 4]
    liked = liked[liked.groupby("user")["item"].transform("size") >= 5]
    split = material.parts[0].prepared.split
    assert split.known is not None
    expected = liang(liked, held_out)
    for name, part in (("train", split.train), ("known", split.known), ("test", split.test)):
        frame = part.to_frame()
        assert set(zip(frame["user"], frame["item"], strict=True)) == expected[name], name
    assert material.counts["events"] == len(liked)


def test_rare_items_go_before_users_are_counted(tmp_path: Path) -> None:
    lines = ["a x 1", "a y 1", "b x 1", "b y 9", "c x 1", "c z 1"]
    file = tmp_path / "train_triplets.txt"
    file.write_text("\n".join(lines).replace(" ", "\t") + "\n")
    # z has one user; without it, c has one item.
    kept = strong.HeldOut(1, per_user=2, per_item=2).kept(strong.play_counts(tmp_path))
    assert list(zip(kept["user"], kept["item"], strict=True)) == [
        ("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"),
    ]  # fmt: skip
    with pytest.raises(DataError, match="2 users are too few to hold out twice 1"):
        strong.HeldOut(1, 2, 2).labels(kept)
    file.unlink()
    with pytest.raises(DataError, match=r"train_triplets\.txt is not there"):
        strong.play_counts(tmp_path)


def test_lines_of_a_user_and_their_items(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("0 1 2\n1 0\n2 3 0 0\n3\n")
    (tmp_path / "test.txt").write_text("0 3\n1 \n2 1\n")
    material = lightgcn.load(tmp_path)
    split = material.parts[0].prepared.split
    assert split.train.to_frame()[["user", "item"]].to_numpy().tolist() == [
        [0, 1], [0, 2], [1, 0], [2, 0], [2, 3],
    ]  # fmt: skip
    assert split.test.to_frame()[["user", "item"]].to_numpy().tolist() == [[0, 3], [2, 1]]
    assert material.counts["test users"] == 2
    assert material.remarks == ("Pairs that are in the files again, and were dropped: 1.",)
    (tmp_path / "train.txt").write_text("0 1 2\n1 x\n")
    with pytest.raises(DataError, match=r"train\.txt, line 2: must be whole numbers, not '1 x'"):
        lightgcn.load(tmp_path)
