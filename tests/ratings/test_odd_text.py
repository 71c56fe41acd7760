"""Text files with more than rows: comments, names of rows, quotes without an end, thousands."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import DataError


def read(tmp_path: Path, text: str, **options: Any) -> recsys.Ratings:
    file = tmp_path / "r.csv"
    file.write_text(text)
    return recsys.read_ratings(file, **options)


def remarks(ratings: recsys.Ratings) -> tuple[str, ...]:
    assert ratings.account is not None
    return ratings.account.remarks


COMMENTS = {
    "KONECT": ("% bip weighted\n% 4 3 2\n1 1 5 978300760\n1 2 4 978300761\n3 1 3 978300762\n", 2),
    "SNAP": ("# Directed\n#\n# FromNodeId\tToNodeId\n1\t1\n1\t2\n3\t1\n", 3),
    "a header after it": ("# exported today\nuser,item\n1,1\n1,2\n3,1\n", 1),
    "with commas": ("# users, items, and more, of today\nuser,item\n1,1\n1,2\n3,1\n", 1),
    "a header in it": ("# user_id\titem_id\n1\t1\n1\t2\n3\t1\n", 0),
    "after a blank line": ("\n# x\n\nuser,item\n1,1\n1,2\n3,1\n", 1),
}


@pytest.mark.parametrize("case", COMMENTS)
def test_comments_before_the_first_row_are_skipped(case: str, tmp_path: Path) -> None:
    text, n = COMMENTS[case]
    ratings = read(tmp_path, text)
    assert ratings.users.ids.tolist() == [1, 3]
    assert ratings.items.ids.tolist() == [1, 2]
    assert (ratings.matrix.toarray() > 0).tolist() == [[True, True], [True, False]]
    lines = "1 line" if n == 1 else f"{n} lines"
    said = [one for one in remarks(ratings) if "comments" in one]
    assert len(said) == (n > 0)
    if said:
        assert said[0].startswith(f"skipped before the first row: {lines} of comments, such as '")


@pytest.mark.parametrize("first", ["#ann", "%ann"])
def test_an_id_may_begin_like_a_comment(first: str, tmp_path: Path) -> None:
    ratings = read(tmp_path, f"{first},1,3\nbob,2,4\n", header=False)
    assert ratings.users.ids.tolist() == sorted([first, "bob"])


def test_a_bad_row_after_comments_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 4: 'rating' is 'x'"):
        read(tmp_path, "# one\nuser,item,rating\n1,2,3\n1,3,x\n")


def test_numbers_of_rows_as_r_writes_them_are_no_users(tmp_path: Path) -> None:
    rows = ['"1",7,"a",5\n', '"2",7,"b",4\n', '"3",8,"a",3\n']
    ratings = read(tmp_path, '"user","item","rating"\n' + "".join(rows))
    assert ratings.users.ids.tolist() == [7, 8]
    assert ratings.items.ids.tolist() == ["a", "b"]
    assert ratings.matrix.toarray().tolist() == [[5, 4], [3, 0]]
    assert any("numbers the rows" in one for one in remarks(ratings))


def test_a_column_without_a_name_is_not_taken_for_numbers_of_rows(tmp_path: Path) -> None:
    text = "user,item,rating\n1,31,2.5,978300760\n1,32,3,978300761\n2,31,1,978300762\n"
    with pytest.raises(DataError, match="line 2: 4 fields instead of 3"):
        read(tmp_path, text)


def test_rows_may_end_with_a_separator(tmp_path: Path) -> None:
    ratings = read(tmp_path, "user,item,rating\n7,31,2.5,\n7,32,3,\n8,31,1,\n")
    assert ratings.matrix.toarray().tolist() == [[2.5, 3], [1, 0]]
    assert "rows end with a separator" in remarks(ratings)


def test_a_quote_without_an_end_does_not_take_in_rows(tmp_path: Path) -> None:
    text = 'user,item,rating,review\n1,10,5,"nice\n2,10,4,ok\n2,11,3,bad\n3,10,2,great"\n3,11,5,x\n'
    with pytest.raises(DataError, match="line 2: a quoted field takes in what looks like a row"):
        read(tmp_path, text)


def test_lines_within_quotes_are_fine(tmp_path: Path) -> None:
    text = 'user,item,rating,review\n1,10,5,"nice,\nlong, and, dear\n\nindeed"\n2,10,4,ok\n'
    assert read(tmp_path, text).matrix.toarray().tolist() == [[5], [4]]


THOUSANDS = "user,item,plays\n1,10,1.200\n1,11,3\n2,10,12.345\n2,12,7\n"


def test_a_point_between_thousands_is_no_decimal_point(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: 'plays' is '1\.200', and others have no point"):
        read(tmp_path, THOUSANDS)
    ratings = read(tmp_path, THOUSANDS, decimal=".")
    assert ratings.matrix.max() == pytest.approx(12.345)


@pytest.mark.parametrize("values", ["1.250,3.000,2.125", "1.2,3,4", "0.125,3,4", "1.125,3,0.5"])
def test_other_points_are_decimal_points(values: str, tmp_path: Path) -> None:
    rows = "".join(f"{n},10,{value}\n" for n, value in enumerate(values.split(",")))
    ratings = read(tmp_path, "user,item,hours\n" + rows)
    assert sorted(ratings.matrix.data) == sorted(map(float, values.split(",")))


def test_true_and_false_are_1_and_0(tmp_path: Path) -> None:
    table = pd.DataFrame({"user": [1, 1, 2], "item": [5, 6, 5], "liked": [True, False, True]})
    expected = [[1, 0], [1, 0]]
    assert read(tmp_path, table.to_csv(index=False)).matrix.toarray().tolist() == expected
    assert read(tmp_path, "user,item,liked\n1,5,true\n2,6,FALSE\n").matrix.data.tolist() == [1, 0]
    table.to_json(tmp_path / "r.jsonl", orient="records", lines=True)
    table.to_parquet(tmp_path / "r.parquet")
    for source in (table, tmp_path / "r.jsonl", tmp_path / "r.parquet"):
        ratings = recsys.read_ratings(source)
        assert ratings.n_ratings == 3
        assert ratings.matrix.toarray().tolist() == expected


@pytest.mark.parametrize(
    ("value", "remedy"),
    [("85%", "without %"), ("1.234.567", "without what separates thousands"), ("True", "")],
)
def test_what_is_no_number_is_refused_with_a_remedy(
    value: str, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"line 2: 'rating' is '{value}', not a .*{remedy}"):
        read(tmp_path, f"user,item,rating\n1,10,{value}\n1,11,4\n")


QUOTED = {
    "blanks": '"u1" "i20" 5\n"u1" "i21" 4\n"u2" "i20" 3\n',
    "R": '"userId" "movieId" "rating"\n"1" "u1" "i20" 5\n"2" "u1" "i21" 4\n"3" "u2" "i20" 3\n',
    "bars": 'user|item|rating\n"u1"|"i20"|5\nu1|i21|4\n"u2"|i20|3\n',
}


@pytest.mark.parametrize("case", QUOTED)
def test_quotes_around_fields_are_no_part_of_them(case: str, tmp_path: Path) -> None:
    ratings = read(tmp_path, QUOTED[case])
    assert ratings.users.ids.tolist() == ["u1", "u2"]
    assert ratings.items.ids.tolist() == ["i20", "i21"]
    assert ratings.matrix.toarray().tolist() == [[5, 4], [3, 0]]


def test_other_quotes_are_said(tmp_path: Path) -> None:
    ratings = read(tmp_path, "user,item,rating\n'1',20,5\n'2',21,4\n")
    said = "user ids such as '1' are in quotes, which are part of them"
    assert said in remarks(ratings)


def test_a_comment_that_names_user_and_item_is_no_header(tmp_path: Path) -> None:
    ratings = read(tmp_path, "# user and item\n1 20\n1 21\n2 20\n")
    assert ratings.users.ids.tolist() == [1, 2]
    with pytest.raises(DataError, match="no user column among '#user', 'and', 'item'"):
        read(tmp_path, "#user and item\n1 20 5\n1 21 3\n2 20 4\n")


def test_a_row_that_begins_like_a_comment_is_kept_and_said(tmp_path: Path) -> None:
    ratings = read(tmp_path, "##vip\ti1\t5\n##vip\ti2\t4\nu1\ti1\t3\n", header=False)
    assert ratings.n_ratings == 3
    assert any(one.startswith("line 1 begins with # and is read") for one in remarks(ratings))


@pytest.mark.parametrize("value", ["NULL", "NA", "NaN", ""])
def test_absent_times_are_dropped_where_rows_may_be(value: str, tmp_path: Path) -> None:
    text = f"user,item,rating,time\n1,20,5,1100000000\n1,21,4,{value}\n2,20,3,1100000009\n"
    assert read(tmp_path, text, incomplete="drop").n_ratings == 2


@pytest.mark.parametrize("value", ["null", '"NA"', "NaN", '""'])
def test_absent_values_in_json_are_dropped(value: str, tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    row = '{"user": 1, "item": 2, "rating": %s}\n'
    file.write_text(row % "5" + row % value)
    assert recsys.read_ratings(file, incomplete="drop").n_ratings == 1


def test_numbers_and_booleans_in_json_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"user": 1, "item": 2, "rating": 4}\n{"user": 1, "item": 3, "rating": true}\n')
    with pytest.raises(DataError, match="line 2: 'rating' is true or false, and elsewhere a numb"):
        recsys.read_ratings(file)


def test_a_review_of_several_lines_with_commas_is_fine(tmp_path: Path) -> None:
    text = 'user,item,rating,review\n1,20,5,good\n1,21,4,"Ready?\n1, 2, 3, go!"\n'
    text += '2,20,3,"x\nmum, dad, nan, me"\n'
    assert read(tmp_path, text).n_ratings == 3


def test_items_on_the_line_of_a_user_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"4 fields instead of 2.* --layout item-lists reads them"):
        read(tmp_path, "0 20\n1 22\n2 20 21 25\n", separator=" ", header=False)


def test_quotes_after_a_backslash_are_part_of_the_field(tmp_path: Path) -> None:
    # As in the files of Book-Crossing.
    rows = '"1";"a\\"b";"5"\n"1";"c:\\d";"4"\n"2";"a\\"b";"3"\n"2";"say ""x""";"2"\n'
    ratings = read(tmp_path, '"User-ID";"ISBN";"Book-Rating"\n' + rows)
    assert ratings.items.ids.tolist() == ['a"b', "c:\\d", 'say "x"']
    assert ratings.matrix.toarray().tolist() == [[5, 4, 0], [3, 0, 2]]


def test_a_quote_after_a_closed_field_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: ',' expected .*write a quote within a field twi"):
        read(tmp_path, 'user,item,rating\n1,"a",5\n1,"b"c,4\n')


@pytest.mark.parametrize("sign", ["#", "# ", "##", "%"])
def test_other_comments_may_follow_a_header_in_a_comment(sign: str, tmp_path: Path) -> None:
    text = f"# first\n{sign}item_id\tuser_id\trating\n# of 2020\n#\n1\t20\t3\n1\t21\t4\n"
    ratings = read(tmp_path, text)
    assert (ratings.users.ids.tolist(), ratings.items.ids.tolist()) == ([20, 21], [1])
    said = [one for one in remarks(ratings) if "comments" in one]
    assert said == ["skipped before the first row: 3 lines of comments, such as '#'"]


def test_one_field_is_not_called_fields(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: 1 field instead of 3: '1;3;4'"):
        read(tmp_path, "user,item,rating\n1,2,3\n1;3;4\n")


def test_points_in_all_values_may_separate_thousands(tmp_path: Path) -> None:
    def said(name: str, values: list[str]) -> list[str]:
        rows = "".join(f"{n},{n % 2},{value}\n" for n, value in enumerate(values))
        ratings = read(tmp_path, f"user,item,{name}\n{rows}")
        assert sorted(ratings.matrix.data.tolist()) == sorted(np.array(values, np.float32).tolist())
        return [one for one in remarks(ratings) if "thousands" in one]

    (remark,) = said("plays", ["1.200", "3.450", "2.000"])
    assert remark.startswith("all values of 'plays' have a point and three digits after it, such ")
    assert said("value", ["1.200", "13.450"])
    for name, values in (
        ("rating", ["3.500", "4.250"]), ("value", ["1.200", "3.450"]),
        ("hours", ["0.250", "1.500"]),
        ("plays", ["1.20", "3.450"]), ("plays", ["1.000", "2.000"]),
    ):  # fmt: skip
        assert not said(name, values)


PRODUCTS, REVIEWERS = (
    ["B000FA64PK", "0001713353", "039480001X"],
    ["A3478QRKQDOPQ2", "A1BB77SEBQT8VX"],
)


@pytest.mark.parametrize("end", ["", "\r"])
def test_reviews_of_amazon_have_the_item_first_or_second(end: str, tmp_path: Path) -> None:
    pairs = [(item, user) for item in PRODUCTS for user in REVIEWERS]
    first = read(tmp_path, "".join(f"{i},{u},5.0,1362960000{end}\n" for i, u in pairs))
    second = read(tmp_path, "".join(f"{u},{i},5.0,1362960000{end}\n" for i, u in pairs))
    named = {"user": "1", "item": "2"}
    as_named = read(tmp_path, "".join(f"{i},{u},5.0,1362960000{end}\n" for i, u in pairs), **named)
    for ratings in (first, second):
        assert ratings.users.ids.tolist() == sorted(REVIEWERS)
        assert ratings.items.ids.tolist() == sorted(PRODUCTS)
    assert as_named.users.ids.tolist() == sorted(PRODUCTS)
    assert [len([one for one in remarks(r) if "Amazon" in one]) for r in (first, second)] == [1, 0]
    assert not remarks(as_named)


@pytest.mark.parametrize(("yes", "no"), [("yes", "No"), ("Y", "n"), ("t", "f")])
def test_words_of_truth_are_1_and_0(yes: str, no: str, tmp_path: Path) -> None:
    ratings = read(tmp_path, f"user,item,liked\n1,5,{yes}\n1,6,{no}\n2,5,{yes}\n")
    assert ratings.matrix.toarray().tolist() == [[1, 0], [1, 0]]
    assert remarks(ratings) == (f"{yes.lower()!r} is read as 1, and {no.lower()!r} as 0",)
    with pytest.raises(DataError, match="line 2: 'liked' is '.*write a number in place of each"):
        read(tmp_path, f"user,item,liked\n1,5,{yes}\n1,6,maybe\n")


@pytest.mark.parametrize(
    ("value", "hint"),
    [("4/5", "the number alone"), ("4 stars", "the number alone"), ("★★★★", "a number in place"),
     ("up", "a number in place"), ("inf", "")],
)  # fmt: skip
def test_ratings_in_other_words_have_a_hint(value: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"line 2: .*not a finite number( \(write {hint}.*\))?$"):
        read(tmp_path, f"user,item,rating\n1,5,{value}\n1,6,3\n")


def test_blanks_after_a_quote_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1: .*; write no blanks after a quote"):
        read(tmp_path, '"user" ; "item" ; "rating"\n1;2;3\n')


@pytest.mark.parametrize("n", [2, 3, 4])
def test_rows_without_names_may_end_with_a_separator(n: int, tmp_path: Path) -> None:
    rows = [("1", "20", "4", "1100000000"), ("1", "21", "3", "1100000001"), ("2", "20", "5", "9")]
    ratings = read(tmp_path, "".join("\t".join((*row[:n], "\n")) for row in rows))
    whole = read(tmp_path, "".join("\t".join(row[:n]) + "\n" for row in rows))
    assert ratings.matrix.toarray().tolist() == whole.matrix.toarray().tolist()
    assert (ratings.timestamps is None) == (n < 4)
    assert "rows end with a separator" in remarks(ratings)
    with pytest.raises(DataError, match=r"columns without names|'column 2' is missing|two fields"):
        read(tmp_path, "1\t\n2\t\n3\t\n", header=False)


@pytest.mark.parametrize("bits", [16, 32])
def test_wide_letters_are_said_with_a_remedy_that_works(bits: int, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_bytes("user,item,rating\n1,2,3\n".encode(f"utf-{bits}"))
    with pytest.raises(DataError, match=f"UTF-{bits} text; give --encoding utf-{bits}"):
        recsys.read_ratings(file)
    assert recsys.read_ratings(file, encoding=f"utf-{bits}").matrix.data.tolist() == [3]
