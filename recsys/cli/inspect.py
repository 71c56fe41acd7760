"""`recsys inspect`: what a model file holds."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.output import (
    Json,
    number,
    print_json,
    print_pairs,
    print_paragraph,
    records,
    say,
)
from recsys.errors import ArgumentError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(inspect)


def inspect(
    model: Annotated[str, typer.Argument(help="Model file.", show_default=False)],
    health: Annotated[
        bool, typer.Option("--health", help="Examine the equations behind it instead.")
    ] = False,
    figure: Annotated[
        str | None,
        typer.Option(help="Of --health: picture, .png, .svg or .pdf.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """What a model file holds, or with --health whether its numbers are sound."""
    from recsys.app.queries import describe_model

    if figure is not None and not health:
        raise ArgumentError("figure goes with --health")
    if health:
        _health(model, figure, json)
        return
    found = dict(describe_model(model))
    if json:
        print_json(found)
        return
    spec = dict(found["spec"])
    lines = {
        "file": f"{found['file']} ({found['size'] / 1e6:,.1f} MB)",
        "model": spec.pop("model"),
        "hyperparameters": ", ".join(f"{k}={v}" for k, v in spec.items()) or "none",
        "feedback": found["feedback"],
        "users": number(found["users"]),
        "items": number(found["items"]) + f" ({', '.join(found['item columns']) or 'no titles'})",
        "ratings": "left out" if found["ratings"] is None else number(found["ratings"]),
        "mean": f"{found['mean']:.4f}",
    }
    if found["loss"]:
        lines["loss"] = (
            f"{found['loss'][0]:,.6g} first, {found['loss'][-1]:,.6g} after {found['epochs']}"
        )
    if "factor norms" in found:
        norms = found["factor norms"]
        lines["factor lengths"] = ", ".join(f"{k} {v:.3g}" for k, v in norms.items())
    lines["created"] = found["created"]
    lines["versions"] = ", ".join(f"{k} {v}" for k, v in found["versions"].items())
    lines["data fingerprint"] = found["data_fingerprint"]
    print_pairs(lines)


def _health(model: str, figure: str | None, json: bool) -> None:
    from recsys.app.draw import examine

    found = examine(model, figure)
    summary = dict(found.summary())
    if json:
        symptoms = [vars(symptom) for symptom in found.symptoms]
        worst = records(found.worst())["rows"]
        print_json(summary | {"symptoms": symptoms, "worst conditioned": worst})
        return
    lines = {
        "width": f"{summary['width']}, effective rank {summary['effective rank']:.1f}",
        "σ of predictions": _row(summary["spectrum of the predictions"]),
        "σ of ratings": _row(summary["spectrum of the ratings"]),
    }
    for side in ("users", "items"):
        if f"condition, {side}" in summary:
            middle, most, worst = summary[f"condition, {side}"]
            lines[f"condition, {side}"] = (
                f"{middle:.3g} in the middle, {most:.3g} for 1 of 100, {worst:.3g} the worst; "
                f"gradient at most {summary[f'gradient, {side}']:.1%}"
            )
    if len(found.loss):
        last = found.loss.iloc[-1]
        parts = [f"{name} {last[name]:,.5g}" for name in found.loss.columns if name != "epoch"]
        lines["last epoch"] = ", ".join(parts)
    if "items recommended" in summary:
        lines["recommended"] = (
            f"{summary['items recommended']:,} items in somebody's top {found.k}, one of them "
            f"{summary['most recommended']:,} times"
        )
    print_pairs(lines)
    print()
    for symptom in found.symptoms:
        print_paragraph(f"- {symptom.text}: {symptom.remedy}.", indent=2)
    if not found.symptoms:
        print("Nothing is wrong with the numbers.")
    if figure is not None:
        say(f"figure: {figure}")


def _row(values: list[float]) -> str:
    return ", ".join(f"{v:.4g}" for v in values) + ", ..." if values else "no history"
