"""`recsys evaluate`: models side by side on held-out ratings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.options import (
    Column,
    Duplicates,
    Encoding,
    Header,
    Items,
    RatingsFile,
    Separator,
    assignments,
    merged,
)
from recsys.cli.output import Json, print_paragraph, print_table, say, training_progress
from recsys.errors import ArgumentError, GateError

if TYPE_CHECKING:
    import pandas as pd

    from recsys.app.evaluate import Evaluated
    from recsys.evaluation.result.evaluation import Evaluation
    from recsys.models.spec import OnEpoch


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(evaluate)


def evaluate(
    ratings: RatingsFile = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Names with commas between them: implicit-als, explicit-als, pure-svd, "
            "normalized-svd, bpr, logistic-mf, ease, item-knn. Popularity and biases always run "
            "beside.",
            show_default="implicit-als",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="MODEL.NAME=VALUE",
            help="Hyperparameter, e.g. implicit-als.n_factors=128. Repeat.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="random, leave-last, by-time, held-out-users or given.", show_default="random"
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(help="Of random: parts, each the test once.", show_default="1"),
    ] = None,
    test: Annotated[
        float | None,
        typer.Option(
            help="Share of the ratings for the test.", show_default="0.1; of held-out users 0.2"
        ),
    ] = None,
    users: Annotated[
        float | None,
        typer.Option(help="Of held-out-users: how many, or their share.", show_default="0.1"),
    ] = None,
    last: Annotated[
        int | None, typer.Option(help="Of leave-last: ratings of each user.", show_default="1")
    ] = None,
    held_out: Annotated[
        str | None, typer.Option(help="Of given: file of the test ratings.", show_default=False)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the split and the models.", show_default="0")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Train once by each, e.g. 0,1,2.", show_default="that of the split"),
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", help="Length of the lists.", show_default="10")
    ] = None,
    feedback: Annotated[
        str | None,
        typer.Option(
            help="What counts as liked: values, ones or at-least=4.", show_default="values"
        ),
    ] = None,
    per_user: Annotated[
        int | None, typer.Option(help="Leave out users with fewer ratings.", show_default="0")
    ] = None,
    per_item: Annotated[
        int | None, typer.Option(help="Leave out items with fewer ratings.", show_default="0")
    ] = None,
    sampled_negatives: Annotated[
        int | None,
        typer.Option(help="Also rank against so many random items only.", show_default="0"),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Model file of the model in service.", show_default=False)
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(
            help="Metric, e.g. ndcg@10: exit code 5 if significantly worse than --against.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        str | None, typer.Option(help="File: .html, .md or .json.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Recipe (TOML) with models, grids, splits.", show_default=False),
    ] = None,
    column: Column = None,
    separator: Separator = None,
    encoding: Encoding = None,
    header: Header = None,
    duplicates: Duplicates = None,
    items: Items = None,
    json: Json = False,
) -> None:
    """Measure models on held-out ratings, with intervals, paired tests and checks."""
    from recsys.app.evaluate import run
    from recsys.app.study import Study, read_study

    entries: dict[str, Any] = read_study(config) if config else {}
    given = {
        "ratings": ratings, "k": k, "feedback": feedback, "per_user": per_user,
        "per_item": per_item, "sampled_negatives": sampled_negatives, "against": against,
        "gate": gate, "report": report, "items": items, "separator": separator,
        "encoding": encoding, "header": header, "duplicates": duplicates,
        "seeds": _numbers(seeds) if seeds is not None else None,
    }  # fmt: skip
    merged(entries, given, column)
    if models is not None or "models" not in entries:
        entries["models"] = {name: {} for name in _names(models or "implicit-als")}
    entries["models"] = _with_settings(entries["models"], assignments("set", set_))
    parting = {
        "how": split, "folds": folds, "test": test, "users": users, "last": last,
        "held_out": held_out, "seed": seed,
    }  # fmt: skip
    parting = {name: value for name, value in parting.items() if value is not None}
    if parting and "splits" in entries:
        raise ArgumentError(
            "split, folds, test, users, last and seed: the recipe has several splits"
        )
    if "splits" not in entries:
        if held_out is not None:
            parting.setdefault("how", "given")
        entries["split"] = entries.get("split", {}) | parting
    with training_progress(quiet=json) as (on_epoch, on_stage):

        def on_model(model: str, how: str) -> OnEpoch | None:
            on_stage(f"{model}: {how.split(',')[0].split(';')[0]}")
            return on_epoch

        done = run(Study(**entries), on_model, on_stage)
    if json:
        texts = [f'"{name}": {one.result.to_json().strip()}' for name, one in done.items()]
        print(texts[0].split(": ", 1)[1] if len(done) == 1 else "{" + ",\n".join(texts) + "}")
    for name, one in done.items():
        if not json:
            _print(one, f"Split {name}" if len(done) > 1 else "")
    for one in done.values():
        if one.gate is not None:
            if not one.gate.passed:
                raise GateError(one.gate.sentence)
            say(f"gate: {one.gate.sentence}")


def _print(one: Evaluated, title: str) -> None:
    result = one.result
    if title:
        print(f"{title}\n")
    print_paragraph(result.verdict)
    print()
    print_table(_table(result))
    for finding in result.findings:
        print_paragraph(str(finding), indent=2)
    if one.current:
        say(f"current: {one.current}")
    more = f"; and {len(result.splits) - 1} more like it" if len(result.splits) > 1 else ""
    say(f"split: {result.splits[0]}{more}")
    k = result.k
    say(
        f"ndcg@{k}: mean over users, low and high its 95 % bootstrap interval; vs popularity: the "
        "difference, * p < 0.05, ** p < 0.01, *** p < 0.001 (paired permutation test, Holm)."
    )
    if one.report:
        say(f"report: {one.report}")


def _table(result: Evaluation) -> pd.DataFrame:
    import pandas as pd

    from recsys.evaluation.result.wording import signed, stars

    rows = []
    has_rmse = bool(result.order("rmse"))
    coverage = result.runs.groupby("model")[f"coverage@{result.k}"].mean()
    for model in result.order(result.ranking):
        row = result.of(model, result.ranking)
        versus = "" if model == "popularity" else signed(row["difference"]) + stars(row["p"])
        cells = {"model": model, result.ranking: row["mean"]}
        cells |= {"low": row["low"], "high": row["high"], "vs popularity": versus}
        recall = f"recall@{result.k}"
        cells |= {recall: result.of(model, recall)["mean"], "coverage": f"{coverage[model]:.1%}"}
        if has_rmse:
            there = model in result.order("rmse")
            cells["rmse"] = result.of(model, "rmse")["mean"] if there else float("nan")
        rows.append(cells)
    return pd.DataFrame(rows)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in _names(text)]
    except ValueError:
        raise ArgumentError(f"seeds must be whole numbers with commas, not {text!r}") from None


def _with_settings(models: Any, settings: dict[str, str]) -> dict[str, Any]:
    # MODEL.NAME=VALUE, put into the models.
    for name, model in models.items():
        if not isinstance(model, dict):
            raise ArgumentError(f"models: {name} must be a table, not {model!r}")
    found = {name: dict(model) for name, model in models.items()}
    for where, value in settings.items():
        model, dot, name = where.rpartition(".")
        if not dot or model not in found:
            raise ArgumentError(
                f"--set must look like MODEL.NAME=VALUE with a model of {', '.join(found)}, "
                f"not {where}={value}"
            )
        found[model][name] = value
    return found
