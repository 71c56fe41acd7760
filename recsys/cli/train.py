"""`recsys train`: from ratings to a model file."""

from __future__ import annotations

from collections.abc import Mapping
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
from recsys.cli.output import Json, number, print_json, print_pairs, training_progress

if TYPE_CHECKING:
    from recsys.app.recipe import Recipe
    from recsys.models.spec import Spec


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(train)


def train(
    ratings: RatingsFile = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="implicit-als, explicit-als, pure-svd, normalized-svd, bpr, logistic-mf, "
            "popularity or biases.",
            show_default="implicit-als",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="Model file.", show_default="model.safetensors"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Hyperparameter, e.g. n_factors=128. Repeat."
        ),
    ] = None,
    feedback: Annotated[
        str | None,
        typer.Option(
            help="Ratings as confidence: values, ones or at-least=4.", show_default="values"
        ),
    ] = None,
    test: Annotated[
        float | None, typer.Option(help="Share to hold out first, for an accuracy line, e.g. 0.1.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of random start and held-out ratings.", show_default="0")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Recipe (TOML); options given here go before it.")
    ] = None,
    column: Column = None,
    separator: Separator = None,
    encoding: Encoding = None,
    header: Header = None,
    duplicates: Duplicates = None,
    items: Items = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say what memory training would need.")
    ] = False,
    json: Json = False,
) -> None:
    """Factorize a ratings file and save the model."""
    from recsys.app import recipe as recipes
    from recsys.app.train import run

    entries: dict[str, Any] = recipes.read_recipe(config) if config else {}
    given = {
        "ratings": ratings,
        "model": model,
        "out": out,
        "feedback": feedback,
        "test": test,
        "seed": seed,
        "items": items,
        "separator": separator,
        "encoding": encoding,
        "header": header,
        "duplicates": duplicates,
    }
    if model is not None and model != entries.get("model"):
        entries.pop("hyperparameters", None)  # they belong to the model of the recipe
    merged(entries, given, column)
    entries["hyperparameters"] = entries.get("hyperparameters", {}) | assignments("set", set_)
    if estimate:
        show_estimate(recipes.Recipe(**entries), json)
        return
    with training_progress(quiet=json) as (on_epoch, on_stage):
        trained = run(recipes.Recipe(**entries), on_epoch, on_stage)
    if json:
        print_json(trained.to_dict())
        return
    lines = described(trained.data, trained.model.factors.spec)
    if len(trained.log) > 1:
        first, last = trained.log[0], trained.log[-1]
        lines["loss"] = f"{first.loss:,.6g} after epoch 1, {last.loss:,.6g} after {last.epoch}"
    for accuracy in trained.accuracy:
        lines[accuracy.metric] = accuracy.sentence().removeprefix(f"{accuracy.metric} ")
    if trained.accuracy:
        lines["measured on"] = trained.accuracy[0].how
    lines["saved"] = str(trained.path)
    print_pairs(lines)


def described(data: Mapping[str, Any], spec: Spec) -> dict[str, str]:
    """The lines about the data and the model."""
    chosen = spec.to_dict()
    settings = ", ".join(f"{k}={v:g}" for k, v in chosen.items() if isinstance(v, int | float))
    return {
        "data": f"{number(data['users'])} users, {number(data['items'])} items, "
        f"{number(data['ratings'])} ratings ({data['density']:.2%} of all pairs)",
        "model": f"{chosen['model']} ({settings})" if settings else chosen["model"],
    }


def show_estimate(recipe: Recipe, json: bool) -> None:
    """Reads the ratings and prints what training would need."""
    from recsys.app.estimate import estimate

    with training_progress(quiet=json) as (_, on_stage):
        found = estimate(recipe, on_stage)
    if json:
        print_json(found.to_dict())
        return
    lines = described(found.data, found.spec) | {
        "memory": f"{size(found.total)} while training: program {size(found.program)}, "
        f"ratings {size(found.ratings)}, fit {size(found.training)}",
        "reading": f"{size(found.reading)} at most, measured just now",
    }
    if found.free is not None:
        verdict = "it fits"
        if not found.fits:
            verdict = "it does not fit; lower n_factors, leave ratings out or find a larger machine"
        lines["machine"] = f"{size(found.free)} still free: {verdict}"
    print_pairs(lines)


def size(n_bytes: int) -> str:
    """Bytes as people write them."""
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
