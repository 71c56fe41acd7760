"""`recsys evaluate`: models side by side on held-out ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.output import Json, print_table, say, training_progress

if TYPE_CHECKING:
    from recsys.models.spec import OnEpoch


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(evaluate)


def evaluate(
    ratings: Annotated[
        str,
        typer.Argument(help="MovieLens folder or zip, CSV, TSV, Parquet.", show_default=False),
    ],
    models: Annotated[
        str, typer.Option(help="Names with commas between them; popularity always runs beside.")
    ] = "implicit-als",
    split: Annotated[
        str, typer.Option(help="random, folds, leave-last, by-time or held-out-users.")
    ] = "random",
    folds: Annotated[int, typer.Option(help="How many, for --split folds.")] = 5,
    test: Annotated[float, typer.Option(help="Share of ratings, or users, for the test.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of the split and the models.")] = 0,
    k: Annotated[int, typer.Option("-k", help="Length of the lists.")] = 10,
    feedback: Annotated[
        str, typer.Option(help="Ratings as confidence: values, ones or at-least=4.")
    ] = "values",
    report: Annotated[
        str | None, typer.Option(help="File for the report, .md or .json.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Measure models on held-out ratings, with intervals and paired tests."""
    from recsys.app.evaluate import run

    with training_progress(quiet=json) as (on_epoch, on_stage):

        def on_model(model: str, how: str) -> OnEpoch | None:
            on_stage(f"{model}: {how.split(';')[0]}")
            return on_epoch

        result = run(
            ratings, models, split, folds=folds, test=test, seed=seed, k=k,
            feedback=feedback, report=report, on_model=on_model,
        )  # fmt: skip
    if json:
        print(result.to_json())
        return
    wanted = [f"ndcg@{k}", f"recall@{k}"]
    shown = result.summary[result.summary["metric"].isin(wanted)].reset_index(drop=True)
    print_table(shown.drop(columns=["effect_size"], errors="ignore"))
    for model, why in result.failures.items():
        say(f"{model} failed: {why}")
    for how in result.splits:
        say(f"split: {how}")
    say("low, high: 95 % bootstrap interval over users. difference, p, better: against popularity,")
    say("by a paired permutation test with Holm's correction.")
    if report:
        say(f"report: {report}")
