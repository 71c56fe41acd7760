"""`recsys compare`: two evaluations side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.output import Json, print_json, print_table, records, say
from recsys.errors import ArgumentError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(compare)


def compare(
    first: Annotated[str, typer.Argument(help="JSON report.", show_default=False)],
    second: Annotated[str, typer.Argument(help="JSON report.", show_default=False)],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metric. Repeat.", show_default="NDCG of each, and rmse"),
    ] = None,
    json: Json = False,
) -> None:
    """Compare two evaluations that `recsys evaluate --report FILE.json` wrote."""
    from recsys.evaluation.result.comparing import compare_reports, read_report

    reports = read_report(first), read_report(second)
    found = compare_reports(*reports)
    table = found.table
    wanted = metric or [f"ndcg@{reports[0]['k']}", "rmse"]
    if metric:
        known = list(dict.fromkeys(table["metric"]))
        for name in metric:
            if name not in known:
                raise ArgumentError(f"metric must be one of {', '.join(known)}, not {name!r}")
    table = table[table["metric"].isin(wanted)].reset_index(drop=True)
    if json:
        print_json(records(table) | {"remarks": list(found.remarks)})
        return
    print_table(table)
    for remark in found.remarks:
        say(f"Note: {remark}.")
    if table["p"].notna().any():
        say(
            "difference: second − first, with its 95 % bootstrap interval over users; p: paired "
            "permutation test with Holm's correction."
        )
