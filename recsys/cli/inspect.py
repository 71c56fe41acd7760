"""`recsys inspect`: what a model file holds."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.output import Json, number, print_json, print_pairs


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(inspect)


def inspect(
    model: Annotated[str, typer.Argument(help="Model file.", show_default=False)],
    json: Json = False,
) -> None:
    """What a model file holds: data, hyperparameters, training, versions."""
    from recsys.app.queries import describe_model

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
