"""`Evaluation`: what `evaluate` returns."""

from __future__ import annotations

import json
import os
from typing import Any

from recsys.evaluation.result.document import document
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.verdict import headline, verdict
from recsys.files import write_text


class Evaluation(Results):
    """The results of an evaluation, per user and in summary, and its reports."""

    @property
    def headline(self) -> str:
        """The result in one line without numbers."""
        return headline(self)

    @property
    def verdict(self) -> str:
        """The result in one or two sentences."""
        return verdict(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything except single folds of single users, ready for JSON.

        Includes the values per user of the metrics that `recsys compare` tests.
        """
        return document(self)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """`to_dict` as JSON; also written to `path` if given."""
        return _written(json.dumps(self.to_dict(), separators=(",", ":")) + "\n", path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """The verdict, the summary as a table and the findings, in Markdown; also to a file.

        Means with intervals; `*` p < 0.05, `**` p < 0.01, `***` p < 0.001 against the baseline of
        the metric. A row per metric and a column per model.
        """
        from recsys.evaluation.report.markdown import markdown

        return _written(markdown(self), path)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report: one page that opens offline, with tables and charts; also to a file."""
        # Only a report needs jinja2.
        from recsys.evaluation.report.page import page

        return _written(page(self), path)

    def _repr_html_(self) -> str:
        from recsys.evaluation.report.notebook import shown

        return shown(self)


def _written(text: str, path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        write_text(path, text)
    return text
