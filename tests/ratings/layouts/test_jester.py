"""Rows of a count and a value for each joke."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import DataError

RNG = np.random.default_rng(0)
VALUES = np.where(RNG.random((6, 12)) < 0.5, 99.0, RNG.integers(-999, 999, (6, 12)) / 100)
VALUES[0] = 99.0
TABLE = pd.DataFrame(np.column_stack([(VALUES != 99).sum(axis=1), VALUES]))


def write(folder: Path, table: pd.DataFrame, name: str = "jester.csv", **how: object) -> Path:
    table.to_csv(folder / name, index=False, **how)  # type: ignore[call-overload]
    return folder / name


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_count_is_no_rating_and_99_is_none(
    separator: str, header: bool, tmp_path: Path
) -> None:
    file = write(tmp_path, TABLE, header=header, sep=separator)
    for options in ({}, {"layout": "jester"}, {"missing": [99]}):
        ratings = recsys.read_ratings(file, **options)
        users, items = np.nonzero(VALUES != 99)
        frame = ratings.to_frame()
        assert frame["user"].tolist() == (users + 1).tolist()
        assert frame["item"].tolist() == (items + 1).tolist()
        assert frame["rating"].to_numpy() == pytest.approx(VALUES[users, items])
        assert ratings.account is not None
        said = "read as Jester's matrix: 6 rows of a count and 12 items, 99 for not rated"
        assert ratings.account.remarks == (said,)


def test_a_count_that_is_wrong_is_named(tmp_path: Path) -> None:
    long = pd.concat([TABLE] * 20, ignore_index=True)
    long.iloc[100, 0] = 0.0  # rated nothing, it says
    file = write(tmp_path, long, header=False)
    with pytest.raises(DataError, match=r"line 101: begins with '\d\.0', and \d of its values"):
        recsys.read_ratings(file)
    with pytest.raises(DataError, match=r"layout='jester' reads"):
        recsys.read_ratings(write(tmp_path, TABLE, header=False), layout="wide-matrix")


def test_other_matrices_are_not_jester(tmp_path: Path) -> None:
    for table in (TABLE.iloc[:, 1:], TABLE.replace(99.0, 0.5), TABLE.assign(**{"0": 3})):
        with pytest.raises(DataError, match="columns without names"):
            recsys.read_ratings(write(tmp_path, table, header=False))
