"""Evaluation: models by name on splits by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from recsys.evaluation.protocol import OnModel, evaluate
from recsys.evaluation.result import Evaluation
from recsys.models.registry import make_spec
from recsys.models.spec import Spec
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings
from recsys.ratings.readers import read_ratings

SPLITS = ("random", "folds", "leave-last", "by-time", "held-out-users")


def run(
    ratings: str,
    models: str,
    split: str = "random",
    *,
    folds: int = 5,
    test: float = 0.1,
    seed: int = 0,
    k: int = 10,
    feedback: str = "values",
    report: str | None = None,
    on_model: OnModel = lambda model, split: None,
) -> Evaluation:
    """Evaluates models, given as names with commas between them, and writes the report asked for.

    Args:
        ratings: what `read_ratings` reads.
        models: such as "implicit-als,pure-svd".
        split: one of `SPLITS`.
        folds: how many, for the split "folds".
        test: share of the ratings for the test, for random and by-time; of the users, for
            held-out-users.
        seed: of the split and of the models.
        k: length of the lists.
        feedback: values, ones or at-least=NUMBER.
        report: file for the report, Markdown (.md) or JSON (.json).
        on_model: called before each fit.

    Raises:
        ValueError: a model, split, number or report is not one. RecsysError: see its tree.
    """
    names = [name.strip() for name in models.split(",") if name.strip()]
    specs = {name: _seeded(make_spec(name), seed) for name in names}
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    if report is not None and Path(report).suffix not in (".md", ".json"):
        raise ValueError(f"report must end in .md or .json, not {report!r}")
    if report is not None and not Path(report).expanduser().parent.is_dir():
        raise ValueError(f"report must lie in a folder that exists, not {report!r}")
    data = read_ratings(ratings)
    parts = _splits(data, split, folds, test, seed)
    result = evaluate(specs, parts, k, feedback=feedback, on_model=on_model)
    if report is not None:
        path = Path(report).expanduser()
        text = result.to_markdown() if path.suffix == ".md" else result.to_json()
        path.write_text(text, "utf-8")
    return result


def _seeded(spec: Spec, seed: int) -> Spec:
    settings = spec.to_dict()
    if "seed" not in settings:
        return spec
    return make_spec(settings.pop("model"), settings | {"seed": seed})


def _splits(
    data: Ratings, split: str, folds: int, test: float, seed: int
) -> Iterable[splits.Split]:
    if split == "folds":
        return splits.kfold(data, folds, seed)
    if split == "leave-last":
        return [splits.leave_last(data)]
    if split == "by-time":
        return [splits.by_time(data, test)]
    if split == "held-out-users":
        return [splits.held_out_users(data, test, seed=seed)]
    return [splits.random(data, test, seed)]
