"""A source is settings: declared once, checked when made, read by `readers.read`."""

import subprocess
import sys
from pathlib import Path

import pytest

from recsys.errors import ArgumentError
from recsys.ratings.readers import read
from recsys.ratings.source import Source
from recsys.settings import settings_of


def test_a_source_is_read_with_its_settings(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("ann;x;3\nann;x;5\n")
    (tmp_path / "titles.csv").write_text("item,title\nx,Ex\n")
    source = Source(
        str(tmp_path / "r.txt"),
        items=str(tmp_path / "titles.csv"),
        separator=";",
        header=False,
        duplicates="mean",
    )
    ratings = read(source)
    assert ratings.matrix.toarray().tolist() == [[4.0]]
    assert ratings.item_table["title"].tolist() == ["Ex"]
    (tmp_path / "named.csv").write_text("who,what\nann,x\n")
    columns = {"user": "who", "item": "what"}
    assert read(Source(str(tmp_path / "named.csv"), columns)).users.ids.tolist() == ["ann"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"duplicates": "last"}, "duplicates must be one of latest, mean, max, sum, .*not 'last'"),
        ({"columns": {"film": "x"}}, "columns are user, item, rating, timestamp, not 'film'"),
        ({"columns": ["user"]}, "columns must be a table"),
        ({"header": "yes"}, "header must be true or false"),
        ({"encoding": 8}, "encoding must be text"),
        ({"missing": ["x"]}, "missing must be numbers, not 'x'"),
        ({"missing": -1}, "missing must be a list, not -1"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Source("ratings.csv", **settings)  # type: ignore[arg-type]


def test_every_setting_of_a_source_says_what_it_means() -> None:
    assert all(setting.meaning for setting in settings_of(Source))
    assert [setting.name for setting in settings_of(Source) if setting.required] == ["ratings"]


def test_sources_and_splits_are_declared_without_pandas() -> None:
    code = (
        "import sys; import recsys.ratings.source, recsys.ratings.split_choice\n"
        "sys.exit(bool({'pandas', 'pyarrow', 'scipy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
