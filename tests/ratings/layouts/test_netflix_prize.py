"""The Netflix prize: films, ratings of each, and titles."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import DataError

TEXT = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n2059652,4,2005-09-05\n"


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_films_and_their_ratings(ends: str, tmp_path: Path) -> None:
    file = tmp_path / "20_netflix.txt"
    file.write_bytes(TEXT.replace("\n", ends).encode())
    ratings = recsys.read_ratings(file)
    assert ratings.users.ids.tolist() == [822109, 1488844, 2059652]
    assert ratings.items.ids.tolist() == [1, 2]
    assert ratings.matrix.toarray().tolist() == [[5, 0], [3, 0], [0, 4]]
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [1115942400, 1125964800, 1125878400]
    assert ratings.account is not None
    assert ratings.account.layout == "Netflix prize"


def test_a_folder_of_films_and_their_titles(tmp_path: Path) -> None:
    folder = tmp_path / "training_set"
    folder.mkdir()
    (folder / "mv_0000001.txt").write_text("1:\n7,3,2005-09-06\n")
    (folder / "mv_0000002.txt").write_text("2:\n7,5,2005-09-06\n8,4,2005-09-06\n")
    titles = "1,2003,Dinosaur Planet\n2,NULL,Isle, of Man\n"
    (tmp_path / "movie_titles.txt").write_bytes(titles.encode("ISO-8859-1"))
    ratings = recsys.read_ratings(folder)
    assert ratings.matrix.toarray().tolist() == [[3, 5], [0, 4]]
    assert ratings.item_table["title"].tolist() == ["Dinosaur Planet", "Isle, of Man"]
    assert ratings.item_table["year"].isna().tolist() == [False, True]
    assert ratings.account is not None
    assert ratings.account.remarks == ("2 files were read as one table",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1:\n7,3,2005-09-06\n8,x,2005-09-06\n", "line 3: the rating is 'x', not a finite"),
        ("1:\n7,3,2005-09-06\n8,4\n", "line 3: '8,4' is neither a film"),
        ("1:\n7,3,2005-09-06\nfilm:\n", "line 3: 'film:' is neither a film"),
        ("1:\n7,3,2005-09-06\n8,4,soon\n", "line 3: 'soon' is not a date"),
        ("1:\n7,3,2005-09-06\n,4,2005-09-06\n", "line 3: ',4,2005-09-06' is neither"),
        ("1:\n7,3,2005-09-06\n8,nan,2005-09-06\n", "line 3: the rating is 'nan'"),
    ],
)
def test_bad_lines_are_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "r.txt"
    file.write_text(text)
    with pytest.raises(DataError, match=rf"r\.txt, {message}"):
        recsys.read_ratings(file)


def test_a_rating_before_the_first_film(tmp_path: Path) -> None:
    file = tmp_path / "r.txt"
    file.write_text("7,3,2005-09-06\n1:\n8,4,2005-09-06\n")
    with pytest.raises(DataError, match=r"line 1: .* comes before the first film"):
        recsys.read_ratings(file, layout="netflix-prize")


ROWS = st.dictionaries(
    st.tuples(st.integers(1, 99), st.integers(1, 2649429)), st.integers(1, 5), min_size=1
)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, blank=st.booleans())
def test_what_was_written_is_read(
    rows: dict[tuple[int, int], int], blank: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "netflix.txt"
    lines = []
    for film in sorted({film for film, _ in rows}):
        lines.append(f"{film}:")
        lines += [f"{u},{r},2005-09-06" for (f, u), r in rows.items() if f == film]
        lines += [""] if blank else []
    file.write_text("\n".join(lines) + "\n")
    frame = recsys.read_ratings(file).to_frame()
    found = {(row.item, row.user): row.rating for row in frame.itertuples()}
    assert found == rows
