"""What Spark would take for rows; needs no Spark."""

from pathlib import Path
from typing import Any

import pytest

from recsys.errors import DataError
from recsys.ratings.source import Source
from recsys.ratings.text_format import sniff
from recsys.spark import reading

TEXTS = {
    "comments": "# from\n# to\n1\t5\n1\t6\n2\t5\n",
    "a comment and a header": "# today\nuser,item\n1,5\n1,6\n2,5\n",
    "Excel": "sep=;\nuser;item\n1;5\n1;6\n2;5\n",
}


@pytest.mark.parametrize("case", TEXTS)
def test_lines_that_spark_cannot_skip_are_refused(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "r.txt"
    file.write_text(TEXTS[case])
    source = Source(str(file))
    session: Any = None
    form = sniff(str(file), source)
    monkeypatch.setattr(reading, "_format", lambda *_: form)
    with pytest.raises(DataError, match="begins with lines that are not rows"):
        reading._of_text(str(file), source, session, str(file))
