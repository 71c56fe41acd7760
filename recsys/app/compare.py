"""Two evaluations, from their JSON reports, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys.app.answer import rows_of
from recsys.errors import ArgumentError, DataError, RecsysError
from recsys.settings import Settings, option

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class CompareRequest(Settings):
    """Which reports, and by which metrics."""

    first: str = option(metavar="FIRST.json", meaning="JSON report.")
    second: str = option(metavar="SECOND.json", meaning="JSON report.")
    metric: Sequence[str] = option(
        [],
        metavar="NAME",
        meaning="Metric to compare, such as recall@10. Repeatable.",
        default_text="NDCG of each, and rmse",
    )


@dataclass(frozen=True)
class Comparison:
    """What changed from the first evaluation to the second."""

    table: pd.DataFrame
    """Model, metric, both values, their difference, its interval and p where it was tested."""
    remarks: tuple[str, ...]
    """What the two do not have in common."""

    @property
    def is_tested(self) -> bool:
        """Whether any difference was tested."""
        return bool(self.table["p"].notna().any())

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON. Missing values are null."""
        return {"rows": rows_of(self.table), "remarks": list(self.remarks)}


def compare(request: CompareRequest) -> Comparison:
    """The metrics of every model that both evaluations have, and of the best of each.

    Raises:
        ArgumentError: neither evaluation has a metric of that name.
        DataError: a file is missing or is no report.
    """
    from recsys.evaluation.result.comparing import compare_reports
    from recsys.evaluation.result.reading import read_report

    reports = read_report(request.first), read_report(request.second)
    try:
        found = compare_reports(*reports)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        # A report that was changed by hand may lack anything, or hold something else there.
        if isinstance(error, RecsysError):
            raise
        raise DataError(
            f"{request.first} or {request.second}: not a complete evaluation "
            f"({type(error).__name__}: {str(error)[:80]}); write it again with --report FILE.json"
        ) from None
    known = list(dict.fromkeys(found.table["metric"]))
    for name in request.metric:
        if name not in known:
            raise ArgumentError(f"metric must be one of {', '.join(known)}, not {name!r}")
    wanted = request.metric or [f"ndcg@{reports[0]['k']}", "rmse"]
    table = found.table[found.table["metric"].isin(wanted)].reset_index(drop=True)
    return Comparison(table, found.remarks)
