from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import DataError
from recsys.ratings.user_tables import normalized_users, read_users

RATINGS = pd.DataFrame({"user_id": [1, 1, 3], "item_id": [5, 6, 5], "rating": [4, 3, 5]})
USERS = pd.DataFrame({"user_id": [3, 1, 2], "age": [40, 20, 30]})


def test_a_table_of_users_is_aligned_and_the_others_are_kept() -> None:
    ratings = recsys.Ratings.from_frame(RATINGS, users=USERS)
    assert ratings.user_table["age"].tolist() == [20, 40]
    assert ratings.unrated.users is not None
    assert ratings.unrated.users.to_dict("records") == [{"user": 2, "age": 30}]
    whole = ratings.with_unrated()
    assert whole.users.ids.tolist() == [1, 2, 3]
    assert whole.user_table["age"].tolist() == [20, 30, 40]
    assert whole.matrix.toarray().tolist() == [[4, 3], [0, 0], [5, 0]]


def test_the_table_follows_the_users_through_selections_and_splits() -> None:
    ratings = recsys.Ratings.from_frame(RATINGS, users=USERS)
    assert ratings.select(np.array([True, True, True])).user_table["age"].tolist() == [20, 40]
    assert ratings.at_least_active(per_user=2).user_table["age"].tolist() == [20]
    split = recsys.splits.random(ratings, test=0.5, seed=1, unseen_items="keep")
    assert split.train.user_table["age"].tolist() == [20, 40]
    other = recsys.Ratings.from_frame(
        RATINGS.assign(user_id=[7, 7, 3], item_id=[5, 6, 6]), users=USERS.assign(user_id=[3, 7, 9])
    )
    both = recsys.splits.given(ratings, other)
    assert both.train.users.ids.tolist() == [1, 3, 7]
    assert both.test.user_table["age"].tolist() == [20, 40, 20]


def test_without_a_table_nothing_is_known() -> None:
    ratings = recsys.Ratings.from_frame(RATINGS)
    assert ratings.user_table.shape == (2, 0)
    assert ratings.with_unrated() is ratings


FILES = {
    ("u.data", "1\t5\t4\t0\n3\t5\t5\t0\n"): (
        "u.user", "1|24|M|writer|85711\n3|53|F|other|94043\n"
    ),
    ("ratings.dat", "1::5::4::0\n3::5::5::0\n"): (
        "users.dat", "1::M::24::10::48067\n3::F::53::16::70072\n"
    ),
    ("ratings.csv", "userId,movieId,rating\n1,5,4\n3,5,5\n"): (
        "users.csv", "userId,age,gender\n1,24,M\n3,53,F\n"
    ),
    ("a.inter", "user_id:token\titem_id:token\trating:float\n1\t5\t4\n3\t5\t5\n"): (
        "a.user", "user_id:token\tage:float\tgender:token\n1\t24\tM\n3\t53\tF\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("files", FILES.items(), ids=lambda files: files[0][0])
def test_the_file_next_to_the_ratings_is_read(
    files: tuple[tuple[str, str], tuple[str, str]], tmp_path: Path
) -> None:
    for name, text in files:
        (tmp_path / name).write_text(text)
    ratings = recsys.read_ratings(tmp_path)
    assert ratings.user_table["age"].tolist() == [24, 53]
    assert ratings.user_table["gender"].tolist() == ["M", "F"]


@pytest.mark.parametrize("end", ["parquet", "feather", "jsonl"])
def test_tables_are_read_from_any_kind_of_file(end: str, tmp_path: Path) -> None:
    file = tmp_path / f"people.{end}"
    match end:
        case "parquet":
            USERS.to_parquet(file)
        case "feather":
            USERS.to_feather(file)
        case _:
            USERS.to_json(file, orient="records", lines=True)
    (tmp_path / "ratings.csv").write_text(RATINGS.to_csv(index=False))
    ratings = recsys.read_ratings(tmp_path / "ratings.csv", users=file)
    assert ratings.user_table["age"].tolist() == [20, 40]


def test_another_file_of_this_name_is_left_alone_and_said(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(RATINGS.to_csv(index=False))
    for text, why in (
        ("name,age\nAnn,3\n", "no user column"),
        ("user_id,age\n77,3\n", "names none of the users"),
    ):
        (tmp_path / "users.csv").write_text(text)
        ratings = recsys.read_ratings(tmp_path)
        assert ratings.user_table.shape == (2, 0)
        assert ratings.account is not None
        (remark,) = ratings.account.remarks
        assert remark.startswith("users.csv is not used as a table of users")
        assert why in remark


def test_a_named_file_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(RATINGS.to_csv(index=False))
    people = tmp_path / "people.csv"
    people.write_text("user_id,age\n77,3\n")
    with pytest.raises(DataError, match="user table names none of the users who rated"):
        recsys.read_ratings(tmp_path, users=people)
    with pytest.raises(DataError, match="no such file of users"):
        read_users(str(tmp_path / "nobody.csv"))
    people.write_text("")
    with pytest.raises(DataError, match="is empty"):
        read_users(str(people))
    broken = tmp_path / "u.user"
    broken.write_text("1|24|M|writer\n")
    with pytest.raises(DataError, match="u.user, line 1: 4 fields instead of 5"):
        read_users(str(broken))


def test_ids_are_found_by_their_usual_names() -> None:
    assert normalized_users(pd.DataFrame({"userId": ["1"], "age": [3]}))["user"].tolist() == [1]
    assert "user" in normalized_users(pd.DataFrame({"person_id": [1], "age": [3]}))
    with pytest.raises(DataError, match="no user column among 'age'"):
        normalized_users(pd.DataFrame({"age": [3]}))


@pytest.mark.data
def test_movielens_has_users(ml_100k: Path, ml_1m: Path) -> None:
    for folder, n in ((ml_100k, 943), (ml_1m, 6040)):
        table = recsys.read_ratings(folder).user_table
        assert len(table) == n
        assert set(table["gender"]) == {"F", "M"}
        assert table["age"].between(1, 80).all()


def test_a_table_of_users_may_have_columns_of_items_and_a_name_twice(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("user,item,user,age\n1,10,7,30\n2,20,8,40\n")
    table = read_users(str(file))
    assert table["user"].tolist() == [1, 2]
    assert table["age"].tolist() == [30, 40]
    assert table["item"].tolist() == [10, 20]


@pytest.mark.parametrize("name", ["USERS.CSV", "Users.csv", "Users.Csv.gz"])
def test_a_table_of_users_is_found_in_any_case(name: str, tmp_path: Path) -> None:
    (tmp_path / "Ratings.CSV").write_text("user,item,rating\n7,31,2\n8,31,3\n")
    pd.DataFrame({"user": [8, 7], "age": [30, 20]}).to_csv(
        tmp_path / name, index=False, compression="gzip" if name.endswith("gz") else None
    )
    assert recsys.read_ratings(tmp_path).user_table["age"].astype(int).tolist() == [20, 30]
