"""`recsys train`: from ratings to a model file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.app.reading import no_account
from recsys.app.recipe import Recipe, read_recipe
from recsys.cli.derive import Given, options_of
from recsys.cli.interrupts import Interrupts
from recsys.cli.options import Config, Json, overridden, with_ratings
from recsys.cli.output import described_spec, number, print_json, print_pairs, say, say_account
from recsys.cli.progress import training_progress
from recsys.provenance import command_line

if TYPE_CHECKING:
    from recsys.app.estimate import Estimate
    from recsys.app.train import Trained
    from recsys.models.spec import Spec


@options_of(Recipe, required=False)
def command(
    given: Given,
    context: typer.Context,
    config: Config = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only estimate the memory that training needs.")
    ] = False,
    json: Json = False,
) -> None:
    """Runs `recsys train`."""
    entries = read_recipe(config, Recipe) if config else {}
    if given.get("model", entries.get("model")) != entries.get("model"):
        entries.pop("hyperparameters", None)  # they belong to the model of the recipe
    recipe = Recipe(**with_ratings(overridden(entries, given)))
    on_account = no_account if json else say_account
    interrupts = Interrupts(command_line(context.meta["arguments"]))
    with (
        interrupts.explained(recipe.checkpoint),
        training_progress(quiet=json) as (on_epoch, on_stage, on_search),
    ):
        if estimate:
            from recsys.app.estimate import estimate as estimated

            done: Any = estimated(recipe, on_stage, on_account)
        else:
            from recsys.app.train import run

            done = run(recipe, on_epoch, on_stage, on_account, on_search, interrupts)
    if json:
        print_json(done.to_dict())
        return
    print_pairs(_estimate_lines(done) if estimate else _training_lines(done))
    if not estimate:
        _say_more(done)


def _training_lines(trained: Trained) -> dict[str, str]:
    lines = _described(trained.data, trained.model.factors.spec)
    if len(trained.log) > 1:
        first, last = trained.log[0], trained.log[-1]
        lines["loss"] = f"{first.loss:,.6g} after epoch 1, {last.loss:,.6g} after {last.epoch}"
    for side, worth in trained.model.features.items():
        n = number(int(trained.model.from_features(side).sum()))
        lines[f"features of {side}"] = f"{worth.coding}; {n} {side} without ratings use them"
    for accuracy in trained.accuracy:
        lines[accuracy.metric] = accuracy.sentence().removeprefix(f"{accuracy.metric} ")
    if trained.accuracy:
        lines["measured on"] = trained.accuracy[0].how
    return lines | {"saved": str(trained.path)}


def _say_more(trained: Trained) -> None:
    # How the hyperparameters were chosen, and what is wrong with the model.
    from recsys.evaluation.search.record import lines

    if trained.model.search is not None:
        print_pairs(lines(trained.model.search), file=sys.stderr)
    for finding in trained.findings:
        say(str(finding))


def _estimate_lines(found: Estimate) -> dict[str, str]:
    in_files = f" ({_size(found.mapped)} of it in files)" if found.mapped else ""
    lines = _described(found.data, found.spec) | {
        "memory": f"{_size(found.peak)} at most; {_size(found.total)} while training: program "
        f"{_size(found.program)}, ratings {_size(found.ratings)}{in_files}, "
        f"fit {_size(found.training)}",
        "reading": f"{_size(found.reading)} at most, just measured",
    }
    if found.free is not None:
        verdict = "it fits"
        if not found.fits:
            verdict = "not enough; lower n_factors, use fewer ratings or a larger machine"
        lines["machine"] = f"{_size(found.free)} free: {verdict}"
    return lines


def _described(data: Mapping[str, Any], spec: Spec) -> dict[str, str]:
    model, settings = described_spec(spec.to_dict(), "{:g}".format)
    return {
        "data": f"{number(data['users'])} users, {number(data['items'])} items, "
        f"{number(data['ratings'])} ratings ({data['density']:.2%} of all pairs)",
        "model": f"{model} ({settings})" if settings else model,
    }


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
