"""`recsys inspect`: what a model file holds, and whether its numbers are sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recsys.app.inspect import Examination, InspectRequest, inspect
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import (
    described_spec,
    number,
    print_json,
    print_pairs,
    print_paragraph,
    say,
    show,
)
from recsys.errors import ArgumentError
from recsys.ratings.account import Account, counted

if TYPE_CHECKING:
    from recsys.maps.health import Health


@options_of(InspectRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys inspect`."""
    found = inspect(InspectRequest(**given))
    if json:
        print_json(found.to_dict())
    elif isinstance(found, Examination):
        _print_health(found)
    else:
        described = found.to_dict()
        pairs = [*_lines(described).items(), *_account_lines(described["account"] or {})]
        print_pairs([*pairs, *_search_lines(described["search"] or {})])


def _lines(found: dict[str, Any]) -> dict[str, str]:
    from recsys.evaluation.gate.level import stored_level

    model, settings = described_spec(found["spec"])
    lines = {
        "file": f"{found['file']} ({found['size'] / 1e6:,.1f} MB)",
        "model": model,
        "hyperparameters": settings or "none",
        "feedback": found["feedback"],
        "users": number(found["users"]),
        "items": number(found["items"]) + f" ({', '.join(found['item columns']) or 'no titles'})",
        "ratings": "left out" if found["ratings"] is None else number(found["ratings"]),
    }
    if found["mean"] is not None:
        lines["mean"] = f"{found['mean']:.4f}"
    if found["loss"]:
        first, last = found["loss"][0], found["loss"][-1]
        lines["loss"] = f"{first:,.6g} first, {last:,.6g} after {found['epochs']}"
    if (level := stored_level(found["measured"], "ndcg@10")) is not None:
        lines["measured"] = (
            f"NDCG@10 {level.mean:.4f} [{level.low:.4f}, {level.high:.4f}], "
            f"{counted(level.n_users, 'user')} ({found['measured'].get('split')})"
        )
    if "factor norms" in found:
        norms = found["factor norms"]
        lines["factor lengths"] = ", ".join(f"{k} {v:.3g}" for k, v in norms.items())
    return lines | {
        "drift": found["drift"]["said"],
        "created": found["created"],
        "versions": ", ".join(f"{k} {v}" for k, v in found["versions"].items()),
        "data fingerprint": found["data_fingerprint"],
    }


def _account_lines(saved: Mapping[str, Any]) -> list[tuple[str, str]]:
    try:
        return list(Account.from_dict(saved).lines())
    except (ArgumentError, AttributeError, KeyError, TypeError, ValueError):
        # Whoever saves a model may write anything into its account.
        return [(name, str(value)) for name, value in saved.items()]


def _search_lines(saved: Mapping[str, Any]) -> list[tuple[str, str]]:
    from recsys.evaluation.search.record import lines

    try:
        return list(lines(saved)) if saved else []
    except (KeyError, TypeError, ValueError):
        return [(name, str(value)) for name, value in saved.items()]


def _print_health(found: Examination) -> None:
    print_pairs(_health_lines(found.health))
    show()
    for symptom in found.health.symptoms:
        print_paragraph(f"- {symptom.text}: {symptom.remedy}.", indent=2)
    if not found.health.symptoms:
        show("Nothing is wrong with the numbers.")
    if found.figure is not None:
        say(f"figure: {found.figure}")


def _health_lines(found: Health) -> dict[str, str]:
    summary = dict(found.summary())
    lines = {
        "width": f"{summary['width']}, effective rank {summary['effective rank']:.1f}",
        "σ of predictions": _row(summary["spectrum of the predictions"]),
        "σ of ratings": _row(summary["spectrum of the ratings"]),
    }
    for side in ("users", "items"):
        if f"condition, {side}" in summary:
            median, most, worst = summary[f"condition, {side}"]
            examined, of = summary[f"examined, {side}"]
            sample = "" if examined == of else f"of a sample of {examined:,} of {of:,} {side}: "
            line = f"{sample}median {median:.3g}, 99th percentile {most:.3g}, largest {worst:.3g}"
            gradient = summary.get(f"gradient, {side}")
            more = "" if gradient is None else f"; gradient at most {gradient:.1%}"
            lines[f"condition, {side}"] = line + more
    if len(found.loss):
        last = found.loss.iloc[-1]
        parts = [f"{name} {last[name]:,.5g}" for name in found.loss.columns if name != "epoch"]
        lines["last epoch"] = ", ".join(parts)
    if "items recommended" in summary:
        lines["recommended"] = (
            f"{summary['items recommended']:,} items appear in some user's top {found.k}, one of "
            f"them {summary['most recommended']:,} times"
        )
    return lines


def _row(values: list[float]) -> str:
    return ", ".join(f"{v:.4g}" for v in values) + ", ..." if values else "no history"
