"""Arrow files in both formats."""

from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pytest

import recsys
from recsys.errors import DataError

TABLE = pa.table({"user": ["b", "a", "b"], "item": [7, 7, 8], "rating": [1.0, 2.0, 3.0]})


def write(file: Path, how: str) -> Path:
    new = pa.ipc.new_file if how == "file" else pa.ipc.new_stream
    with new(str(file), TABLE.schema) as writer:
        writer.write_table(TABLE)
    return file


@pytest.mark.parametrize("name", ["r.arrow", "r.feather", "r.ipc"])
@pytest.mark.parametrize("how", ["file", "stream"])
def test_all_formats_read_the_same(name: str, how: str, tmp_path: Path) -> None:
    ratings = recsys.read_ratings(write(tmp_path / name, how))
    assert ratings.users.ids.tolist() == ["a", "b"]
    assert ratings.items.ids.tolist() == [7, 8]
    assert ratings.matrix.toarray().tolist() == [[2, 0], [1, 3]]


@pytest.mark.parametrize("how", ["file", "stream"])
def test_a_cut_off_file_is_refused(how: str, tmp_path: Path) -> None:
    file = write(tmp_path / "r.arrow", how)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"r\.arrow: not a readable Arrow file"):
        recsys.read_ratings(file)
