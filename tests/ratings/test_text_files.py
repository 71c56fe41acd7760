import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import COLUMNS, TEXT_IDS, frames

import recsys
from recsys.errors import DataError


def read_text(tmp_path: Path, text: str, **options: Any) -> recsys.Ratings:
    file = tmp_path / "r.csv"
    file.write_text(text)
    return recsys.read_ratings(file, **options)


HEAD = "user,item,rating,timestamp\n"
BAD_TEXT = {
    "empty": ("", "is empty"),
    "blank": ("\n\n", "is empty"),
    "header only": (HEAD, "a header and no ratings"),
    "no user column": ("a,item,rating\nx,1,2\n", "no user column among 'a', 'item', 'rating'"),
    "no separator": ("abc\ndef\n", "line 1: 'abc' has no separator"),
    "not a number": (HEAD + "1,2,3,4\n1,3,good,4\n", r"line 3: 'rating' is 'good', not a finite"),
    "NaN": (HEAD + "1,2,NaN,4\n", r"line 2: 'rating' is 'NaN', not a finite number"),
    "infinite": (HEAD + "1,2,inf,4\n", r"line 2: 'rating' is 'inf', not a finite number"),
    "too large": (HEAD + "1,2,1e300,4\n", "line 2: 'rating' is '1e300', not a finite number"),
    "missing rating": (HEAD + "1,2,,4\n", "line 2: 'rating' is missing"),
    "missing id": (HEAD + "1,2,3,4\n,2,3,4\n", "line 3: 'user' is missing"),
    "short row": (HEAD + "1,2,3,4\n1,5,3\n", "line 3: 3 fields instead of 4: '1,5,3'"),
    "long row": (HEAD + "1,2,3,4\n1,5,3,4,5\n", "line 3: 5 fields instead of 4"),
    "bad time": (HEAD + "1,2,3,noon\n", "'timestamp' is 'noon', not a time"),
    "short dat row": ("1::2::3::4\n1::2\n", "line 2: 2 fields instead of 4"),
}


@pytest.mark.parametrize("case", BAD_TEXT)
def test_bad_text_gets_one_line_with_file_row_and_value(case: str, tmp_path: Path) -> None:
    text, message = BAD_TEXT[case]
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        recsys.read_ratings(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_bad_row_far_down_is_found(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    good = "".join(f"{u},{u % 50},3,7\n" for u in range(200_000))
    file.write_text(HEAD + good + "5,6,oops,7\n" + good)
    with pytest.raises(DataError, match="line 200002: 'rating' is 'oops'"):
        recsys.read_ratings(file)


def test_named_encodings(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_bytes("user,item\nzoë,1\n".encode("ISO-8859-1"))
    with pytest.raises(DataError, match="not utf-8 text"):
        recsys.read_ratings(file, encoding="utf-8")
    with pytest.raises(ValueError, match="encoding 'klingon' is unknown"):
        recsys.read_ratings(file, encoding="klingon")
    assert recsys.read_ratings(file, encoding="ISO-8859-1").users.ids.tolist() == ["zoë"]


def test_digits_behind_a_leading_zero_are_text(tmp_path: Path) -> None:
    ratings = read_text(tmp_path, "user,item,rating\n007,1,5\n7,1,1\n007,2,5\n")
    assert ratings.users.ids.tolist() == ["007", "7"]
    (tmp_path / "movies.csv").write_text("movieId,title\n001,One\n1,Uno\n")
    (tmp_path / "ratings.csv").write_text("user,item\n1,001\n2,1\n")
    ratings = recsys.read_ratings(tmp_path / "ratings.csv")
    assert ratings.item_table["title"].tolist() == ["One", "Uno"]


def test_whole_floats_are_whole_numbers(tmp_path: Path) -> None:
    ratings = read_text(tmp_path, "user,item,rating\n1.0,5,3\n2.0,6.0,4\n1,7,2\n")
    assert ratings.users.ids.tolist() == [1, 2]
    assert ratings.items.ids.tolist() == [5, 6, 7]
    assert ratings.matrix.toarray().tolist() == [[3, 0, 2], [0, 4, 0]]


def test_quoted_cells_do_not_mislead(tmp_path: Path) -> None:
    text = 'title,user_id,item_id,rating\n"Film 1, The (1999)",0,0,1\n"Film 2",1,0,2\n'
    assert read_text(tmp_path, text).users.is_integer
    text = 'user_id,item_id,rating,"a,b"\n1,1,3,x\n'
    assert read_text(tmp_path, text).n_ratings == 1
    assert read_text(tmp_path, '"a"\t1\t3\n"b"\t2\t4\n').users.ids.tolist() == ["a", "b"]


def test_line_breaks_inside_quotes_in_small_and_large_files(tmp_path: Path) -> None:
    row = '{0},{1},3,"line one {0}\nline, two, with some more words to fill the block"\n'
    for n in (2, 120_000):
        text = "user,item,rating,note\n" + "".join(row.format(i, i % 50) for i in range(n))
        assert read_text(tmp_path, text).n_ratings == n
    with pytest.raises(DataError, match="line 240002: 'rating' is 'x'"):
        read_text(tmp_path, text + '1,2,x,"note"\n')


def test_a_first_line_that_may_be_either_is_asked_about(tmp_path: Path) -> None:
    text = "who,what\nalice,apple\nbob,pear\n"
    with pytest.raises(DataError, match="cannot tell whether 'who, what' names columns"):
        read_text(tmp_path, text)
    assert read_text(tmp_path, text, header=False).n_ratings == 3
    assert read_text(tmp_path, text, user="who", item="what").n_ratings == 2


def test_one_column_has_one_role(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="item must name a column of its own"):
        read_text(tmp_path, "a,b,rating\n1,2,3\n", user="a", item="a")
    with pytest.raises(DataError, match="more than one column 'user'"):
        read_text(tmp_path, "user,user,item\n1,2,3\n")
    with pytest.raises(ValueError, match="duplicates must be one of"):
        read_text(tmp_path, "user,item\n1,2\n1,2\n", duplicates="first")
    with pytest.raises(ValueError, match="path must be a path"):
        recsys.read_ratings(None)  # type: ignore[arg-type]


def write_and_read(frame: pd.DataFrame, file: Path, **options: object) -> recsys.Ratings:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, **options)  # type: ignore[arg-type]
        writer.writerow(COLUMNS)
        writer.writerows(frame.itertuples(index=False))
    return recsys.read_ratings(file)


@settings(max_examples=80, deadline=None)
@given(frame=frames(), delimiter=st.sampled_from(",;"), always_quoted=st.booleans())
def test_ratings_survive_a_csv_file(
    frame: pd.DataFrame,
    delimiter: str,
    always_quoted: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Ids with quotes, separators and letters of any script."""
    file = tmp_path_factory.getbasetemp() / "round-trip.csv"
    quoting = csv.QUOTE_ALL if always_quoted else csv.QUOTE_MINIMAL
    found = write_and_read(frame, file, delimiter=delimiter, quoting=quoting)
    expected = recsys.Ratings.from_frame(frame, timestamp="timestamp")
    assert found.fingerprint == expected.fingerprint


@settings(max_examples=80, deadline=None)
@given(
    frame=frames(ids=TEXT_IDS) | frames(ids=st.integers(0, 10**17)),
    delimiter=st.sampled_from(["\t", "|", "::"]),
)
def test_ratings_survive_a_file_without_quotes(
    frame: pd.DataFrame, delimiter: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "round-trip.txt"
    if not pd.api.types.is_integer_dtype(frame["user_id"]):
        for kind in ("user_id", "item_id"):  # an id cannot contain what separates fields
            frame[kind] = frame[kind].str.replace(r"[|:]", "-", regex=True)
        frame = frame.drop_duplicates(["user_id", "item_id"])
    rows = [COLUMNS, *frame.itertuples(index=False)]
    file.write_text("".join(delimiter.join(map(str, row)) + "\n" for row in rows), "utf-8")
    expected = recsys.Ratings.from_frame(frame, timestamp="timestamp")
    assert recsys.read_ratings(file).fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    "text", ["\nuser,item\nu1,i1\nu2,i2\n", "user,item\nu1,i1\nuser,item\nu2,i2\n"]
)
def test_a_blank_first_line_or_a_second_header_is_no_rating(text: str, tmp_path: Path) -> None:
    assert read_text(tmp_path, text).users.ids.tolist() == ["u1", "u2"]
    numbers = text.replace("u1,i1", "1,1").replace("u2,i2", "2,2")
    assert read_text(tmp_path, numbers).users.ids.tolist() == [1, 2]


def test_what_is_between_two_colons_must_be_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2: 3 fields instead of 4: '1::11::4:JUNK:979'"):
        read_text(tmp_path, "1::10::5::978\n1::11::4:JUNK:979\n")
    with pytest.raises(DataError, match="line 2: 3 fields instead of 4"):
        read_text(tmp_path, "1::10::5::978\n2:9:10::3::980\n")


@pytest.mark.parametrize(
    "text",
    [
        "1 10 4\n1 11 5\n2 10 3\n",
        "1  10 4\n 1 11 5 \n2 10   3\n",
        "1\t\t10\t\t4\n1\t\t11\t\t5\n2\t\t10\t\t3\n",
    ],
)
def test_blanks_and_doubled_tabs_separate(text: str, tmp_path: Path) -> None:
    ratings = read_text(tmp_path, text)
    assert ratings.items.ids.tolist() == [10, 11]
    assert ratings.matrix.toarray().tolist() == [[4, 5], [3, 0]]


def test_decimal_commas(tmp_path: Path) -> None:
    head = "user;item;rating\n"
    many = "".join(f"{k};1;4\n" for k in range(9000))
    for text in (head + "a;2;4,5\nb;3;3,0\n", head + many + "a;2;4,5\n"):
        ratings = read_text(tmp_path, text)
        assert ratings.matrix[ratings.users.row("a")].data.tolist() == [4.5]
        assert ratings.account is not None
        assert any("decimal commas" in said for said in ratings.account.remarks)
    with pytest.raises(DataError, match=r"line 2: 'rating' is '1,234', .*--decimal ,"):
        read_text(tmp_path, head + "1;2;1,234\n")
    assert read_text(tmp_path, head + "1;2;1,234\n", decimal=",").matrix.data[0] < 2
    with pytest.raises(DataError, match=r"line 2: 'rating' is '4,5', not a finite number"):
        read_text(tmp_path, head + "1;2;4,5\n1;3;4.5\n")
    with pytest.raises(DataError, match="'4.5', not a finite number"):
        read_text(tmp_path, head + "1;2;4,5\n1;3;4.5\n", decimal=",")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("1,200", "between thousands?.*--decimal ,"), ("12,345,678", "thousands? write the number"),
        ("1.200,50", "without what separates thousands"), ("1,200.50", "without what separates"),
        ("4,5", "a decimal comma"),
    ],
)  # fmt: skip
def test_numbers_with_thousands_are_refused_with_a_remedy(
    text: str, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=remedy.replace("?", r"\?")):
        read_text(tmp_path, f'user,item,plays\n1,a,"{text}"\n1,b,950\n')


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("rating", ["2.5", "2,5"])
def test_a_first_line_for_excel_names_the_separator(
    encoding: str, rating: str, tmp_path: Path
) -> None:
    file = tmp_path / "r.csv"
    file.write_bytes(f"sep=;\r\nuser;item;rating\r\n25;7;{rating}\r\n26;8;3\r\n".encode(encoding))
    given = encoding if encoding == "utf-16" else None
    ratings = recsys.read_ratings(file, encoding=given)
    assert ratings.matrix.data.tolist() == [2.5, 3]
    assert ratings.users.ids.tolist() == [25, 26]
    same = recsys.read_ratings(file, encoding=given, separator=";")
    assert same.fingerprint == ratings.fingerprint
    file.write_bytes(f"sep=;\r\nuser;item;rating\r\n25;7;{rating}\r\n26;8;x\r\n".encode(encoding))
    with pytest.raises(DataError, match=r"line 4: 'rating' is 'x'"):
        recsys.read_ratings(file, encoding=given)
    assert read_text(tmp_path, "sep=|\n1|2|3\n1|3|4\n").n_ratings == 2
    late = read_text(tmp_path, "sep=|\nuser|item|rating\n1|2|3\n1|x|4\n")
    assert late.account is not None
    assert "line 4: item id 'x' is not a whole number" in late.account.remarks[0]


def test_days_in_the_third_of_three_columns_are_times(tmp_path: Path) -> None:
    ratings = read_text(
        tmp_path, "17850,85123,20240127\n17850,71053,20240105\n13047,85123,20231231\n"
    )
    assert not ratings.has_values
    assert ratings.account is not None
    assert ratings.account.first_time == "2023-12-31T00:00:00"
    assert ratings.account.last_time == "2024-01-27T00:00:00"
    counts = read_text(tmp_path, "17850,85123,20240127\n17850,71053,20240199\n")
    assert counts.account is not None
    assert counts.account.high == 20240200  # float32


def test_quotes_that_never_close_are_refused(tmp_path: Path) -> None:
    for tail in ('4,"5,1\n', '4,"5,1', 'x"y,"5,1\n'):
        with pytest.raises(DataError, match="line 3: a quote is never closed"):
            read_text(tmp_path, "user,item,rating\n1,2,3\n" + tail)
    with pytest.raises(DataError, match="line 2: ',' expected after"):
        read_text(tmp_path, 'user,item,rating\n"1"x,2,3\n')


def test_quotes_in_a_file_with_tabs_are_decided_from_all_of_it(tmp_path: Path) -> None:
    rows = "".join(f"u{k}\ti{k % 50}\t3\n" for k in range(9000))
    late = read_text(tmp_path, "user\titem\trating\n" + rows + '"a"\t"b"\t3\n')
    assert "a" in late.users.ids
    assert '"a"' not in late.users.ids


def test_long_fields_and_many_columns(tmp_path: Path) -> None:
    text = "user,item,rating,note\n1,2,3," + "x" * 200_000 + '\n1,3,3,"' + "y" * 200_000 + '\n"\n'
    assert read_text(tmp_path, text).n_ratings == 2
    wide = ",".join(["userId", "movieId", "rating", *(f"c{k}" for k in range(99_997))])
    row = ",".join(["1", "2", "3", *["0"] * 99_997])
    assert read_text(tmp_path, f"{wide}\n{row}\n").n_ratings == 1
    with pytest.raises(DataError, match="100,000 columns without names"):
        read_text(tmp_path, f"{row}\n")
    with pytest.raises(DataError, match="line 2: 'rating' is '3999.*not a finite number") as caught:
        read_text(tmp_path, "userId,movieId,rating\n1,2,3" + "9" * 10_000_000 + "\n")
    assert len(str(caught.value)) < 300
