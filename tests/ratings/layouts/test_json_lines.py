"""JSON lines of any keys, and what is wrong in them."""

from pathlib import Path

import pytest

import recsys
from recsys.errors import DataError

AMAZON = """\
{"reviewerID": "A1", "asin": "0001", "overall": 5.0, "unixReviewTime": 1404172800}
{"reviewerID": "A2", "asin": "0001", "overall": 3.0, "unixReviewTime": 1404172801}
"""


def test_reviews_of_amazon(tmp_path: Path) -> None:
    file = tmp_path / "23_x.jsonl"
    file.write_text(AMAZON)
    ratings = recsys.read_ratings(file)
    assert ratings.users.ids.tolist() == ["A1", "A2"]
    assert ratings.items.ids.tolist() == ["0001"]  # text as written
    assert ratings.matrix.toarray().tolist() == [[5], [3]]
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [1404172800, 1404172801]
    assert ratings.account is not None
    assert ratings.account.columns["rating"].name == "overall"


@pytest.mark.parametrize(
    "text",
    [
        '{"u": 1, "what": 7, "how": 2.5}\n\n{"u": 2, "what": 8, "how": "4"}\n',
        '[{"u": 1, "what": 7, "how": 2.5},\n {"u": 2, "what": 8, "how": 4}]',
        '\ufeff{"how": 2.5, "what": 7, "u": 1, "x": [1]}\n{"u": 2, "what": 8, "how": 4, "y": {}}',
    ],
)
def test_any_keys_in_any_order(text: str, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.write_text(text, "utf-8")
    ratings = recsys.read_ratings(file, user="u", item="what", rating="how")
    assert ratings.users.ids.tolist() == [1, 2]
    assert ratings.matrix.toarray().tolist() == [[2.5, 0], [0, 4]]


def test_a_rating_that_only_later_lines_have_is_missing_not_ignored(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"user": 1, "item": 2}\n{"user": 1, "item": 3, "rating": 4}\n')
    with pytest.raises(DataError, match=r"r\.jsonl, line 1: 'rating' is missing"):
        recsys.read_ratings(file)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"user": 1, "item": 2', "line 3: not a JSON object on one line"),
        ('{"user": 1, "item": 2, "rating": 3} {}', "line 3: not a JSON object on one line"),
        ("[1, 2]", "line 3: not a JSON object on one line .list instead of an object"),
        ('{"user": 1, "rating": 3}', "line 3: 'item' is missing"),
        ('{"user": null, "item": 2, "rating": 3}', "line 3: 'user' is missing"),
        ('{"user": {"id": 1}, "item": 2, "rating": 3}', "line 3: 'user' is .* not a value"),
        ('{"user": 1, "item": 2, "rating": "good"}', "line 3: 'rating' is 'good', not a finite"),
        ('{"user": 1, "item": 2, "rating": NaN}', "line 3: 'rating' is nan, not a finite"),
        ('{"user": 1, "item": 2, "rating": 1e300}', "line 3: 'rating' is 1e.300, not a finite"),
        ("{'user': 1, 'item': 2}", "line 3: not a JSON object on one line"),
    ],
)
def test_bad_lines_are_named(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"user": 1, "item": 2, "rating": 3}\n\n' + line + "\n")
    with pytest.raises(DataError, match=rf"r\.jsonl, {message}"):
        recsys.read_ratings(file)


def test_a_number_of_hundreds_of_digits_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    good = '{"user": 1, "item": 2, "rating": 4}'
    file.write_text(f"{good}\n{good.replace('4', '9' * 400)}\n")
    with pytest.raises(DataError, match="line 2: 'rating' is 999"):
        recsys.read_ratings(file)
