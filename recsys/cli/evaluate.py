"""`recsys evaluate`: models side by side on held-out ratings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from recsys.app.reading import no_account
from recsys.app.recipe import read_recipe
from recsys.app.study import ModelChoice, Study
from recsys.cli.derive import Given, options_of
from recsys.cli.interrupts import Interrupts
from recsys.cli.options import Config, Json, overridden, with_ratings
from recsys.cli.output import print_json, print_paragraph, print_table, say, say_account, show
from recsys.cli.progress import training_progress
from recsys.errors import ArgumentError, GateError, GateUndecidedError
from recsys.provenance import command_line
from recsys.ratings.split_choice import SplitChoice
from recsys.settings import Settings

if TYPE_CHECKING:
    from recsys.app.evaluate import Evaluated
    from recsys.evaluation.evaluation import Evaluation
    from recsys.models.common import OnEpoch

_ONLY_IN_RECIPES: dict[type[Settings], tuple[str, ...]] = {Study: ("models", "split", "splits")}


@options_of(ModelChoice, SplitChoice, Study, required=False, without=_ONLY_IN_RECIPES)
def command(
    models: Given,
    split: Given,
    given: Given,
    context: typer.Context,
    config: Config = None,
    json: Json = False,
) -> None:
    """Runs `recsys evaluate`."""
    entries = overridden(read_recipe(config, Study) if config else {}, given)
    entries["models"] = ModelChoice(**models).tables(entries.get("models", {}))
    study = Study(**with_ratings(_split(entries, split)))
    asked = command_line(context.meta["arguments"])
    interrupts = Interrupts(asked)
    with (
        interrupts.explained(study.checkpoint),
        training_progress(quiet=json) as (on_epoch, on_stage, on_search),
    ):
        from recsys.app.evaluate import run  # under the bar, because it takes a while

        def on_model(model: str, how: str) -> OnEpoch | None:
            what = f"{model}: {how.split(',')[0].split(';')[0]}"
            on_stage(what)
            # Several processes take turns on the bar.
            return None if on_epoch is None else partial(on_epoch, what=what)

        on_account = no_account if json else say_account
        done = run(study, on_model, on_stage, on_account, asked, on_search, interrupts)
    if json:
        found = {name: one.to_dict() for name, one in done.items()}
        print_json(next(iter(found.values())) if len(found) == 1 else found, indent=None)
    for name, one in done.items():
        if not json:
            _print(one, f"Split {name}" if len(done) > 1 else "")
    for one in done.values():
        if one.failure is not None:
            raise one.failure
        if one.gate is not None:
            for remark in one.gate.remarks:
                say(remark)
            if one.gate.decision == "closed":
                raise GateError(one.gate.sentence)
            if one.gate.decision == "undecided":
                raise GateUndecidedError(one.gate.sentence)
            say(one.gate.sentence)


def _split(entries: dict[str, Any], given: Given) -> dict[str, Any]:
    # The entries with the split that was asked for on the command line.
    if not given:
        return entries
    if "splits" in entries:
        names = ", ".join(f"--{name}" for name in ("split", *given) if name != "how")
        raise ArgumentError(f"{names}: the recipe has several splits; edit them there")
    if "held_out" in given:
        given = {"how": "given"} | given
    return entries | {"split": dict(entries.get("split", {})) | given}


def _print(one: Evaluated, title: str) -> None:
    result = one.result
    if title:
        show(f"{title}\n")
    print_paragraph(result.verdict)
    show()
    columns, decimals = _columns(result)
    print_table(columns, decimals=decimals)
    for finding in result.findings:
        print_paragraph(str(finding), indent=2)
    if one.current:
        say(f"current: {one.current}")
    more = f"; and {len(result.splits) - 1} more like it" if len(result.splits) > 1 else ""
    say(f"split: {result.words.said(result.splits[0])}{more}")
    k = result.k
    say(
        f"ndcg@{k}: mean over users; low and high are its 95 % bootstrap interval. vs pop.: "
        "difference from popularity; * p < 0.05, ** p < 0.01, *** p < 0.001 (paired permutation "
        "test, Holm)."
    )
    if one.report:
        say(f"report: {one.report}")


def _columns(result: Evaluation) -> tuple[dict[str, list[Any]], dict[str, int]]:
    # The columns of the table, and the decimals of those with numbers.
    from recsys.evaluation.result.wording import decimals, half_widths, signed, stars

    ranking, recall, with_rmse = result.ranking, f"recall@{result.k}", result.order("rmse")
    coverage = result.runs.groupby("model")[f"coverage@{result.k}"].mean()
    rows = {model: result.of(model, ranking) for model in result.order(ranking)}
    lows, highs = ([row[f"difference_{end}"] for row in rows.values()] for end in ("low", "high"))
    versus = decimals(half_widths(lows, highs))
    columns: dict[str, list[Any]] = {}
    for model, row in rows.items():
        cells: dict[str, Any] = {"model": model, ranking: row["mean"]}
        cells |= {"low": row["low"], "high": row["high"], "vs pop.": ""}
        if model != "popularity":
            cells["vs pop."] = signed(row["difference"], versus) + stars(row["p"])
        cells |= {recall: result.of(model, recall)["mean"], "coverage": f"{coverage[model]:.1%}"}
        if with_rmse:
            cells["rmse"] = result.of(model, "rmse")["mean"] if model in with_rmse else None
        for name, value in cells.items():
            columns.setdefault(name, []).append(value)
    places = {name: result.decimals(name) for name in (ranking, recall, "rmse")}
    return columns, places | dict.fromkeys(("low", "high"), places[ranking])
