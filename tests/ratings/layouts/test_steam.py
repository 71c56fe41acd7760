"""Purchases and plays."""

from pathlib import Path

import pytest

import recsys
from recsys.errors import DataError

TEXT = """\
151,"Game A",purchase,1.0,0
151,"Game A",play,27.5,0
152,"Game, B",purchase,1.0,0
"""


def test_plays_by_hours_and_purchases_without_a_play(tmp_path: Path) -> None:
    file = tmp_path / "19_steam.csv"
    file.write_text(TEXT)
    ratings = recsys.read_ratings(file)
    assert ratings.users.ids.tolist() == [151, 152]
    assert ratings.items.ids.tolist() == ["Game A", "Game, B"]
    assert ratings.matrix.toarray().tolist() == [[27.5, 0], [0, 1]]
    account = ratings.account
    assert account is not None
    assert account.layout == "Steam"
    assert account.columns["rating"].name == "hours"
    assert account.dropped == {"purchases of games that were also played": 1}
    assert account.remarks[0].startswith(
        "a play counts its hours (1 row); a game that was only bought"
    )


def test_purchases_alone_count_one(tmp_path: Path) -> None:
    file = tmp_path / "steam.csv"
    file.write_text("1,A,purchase,1.0,0\n1,B,purchase,1.0,0\n2,A,purchase,1.0,0\n")
    assert recsys.read_ratings(file).matrix.toarray().tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,A,refund,1,0", "line 31: '1,A,refund,1,0' is not user, game, purchase or play"),
        ("1,A,play", "line 31: '1,A,play' is not user, game, purchase or play"),
        ("1,,play,1,0", "line 31: the game is missing"),
        ("\ufeff,A,play,1,0", "line 31: the user is missing"),
        ("1,A,play,long,0", "line 31: the hours are 'long'"),
    ],
)
def test_bad_lines_are_named(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "steam.csv"
    file.write_text("1,A,play,2,0\n" * 30 + line + "\n")
    with pytest.raises(DataError, match=rf"steam\.csv, {message}"):
        recsys.read_ratings(file)
