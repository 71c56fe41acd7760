"""Damaged model files, conditions, recipes, evaluations and studies."""

from __future__ import annotations

import copy
import functools
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from faults import mutation
from faults.inputs import outcome_of
from faults.runs import BUILD
from faults.tally import CLEAN, RAW, RIGHT, SILENT, Outcome

import recsys

NASTY: list[Any] = [
    None, True, "2", "", [], {}, [[]], {"a": 1}, 0, -1, 3, 2.5, 1e300, 10**400, float("nan"),
    float("inf"), "\ud800", "pure-svd", "ndcg@10", "x" * 5_000, ["a"], [1, 2, 3], {"mean": "x"},
]  # fmt: skip
"""Values that are wrong in most places of a document."""


def nasty(rng: random.Random, document: Any) -> Any:
    """A copy of a document with a value, somewhere, taken out or replaced."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice([1, 1, 2])):
        place = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = rng.choice(keys)
            if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.75:
                place = place[key]
            else:
                break
        if rng.random() < 0.25:
            del place[key]
        else:
            place[key] = rng.choice(NASTY)
        if not document:
            break
    return document


def small_ratings() -> recsys.Ratings:
    """60 users × 40 items, items with titles."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((60, 40)) < 0.3)
    values = rng.integers(1, 6, len(users)).astype(float)
    frame = pd.DataFrame({"user": users + 1, "item": items + 500, "rating": values})
    titles = [f"Film {n} ({1950 + n})" for n in range(40)]
    genres = ["Drama|Action" if n % 2 else None for n in range(40)]
    table = pd.DataFrame({"item": np.arange(500, 540), "title": titles, "genres": genres})
    return recsys.Ratings.from_frame(frame, user="user", item="item", items=table)


def few_ratings() -> recsys.Ratings:
    """Ratings of users and items that `small_ratings` has, and of others."""
    pairs = {"user": [1, 2, 90, 90], "item": [501, 502, 501, 999]}
    frame = pd.DataFrame({**pairs, "rating": [5.0, 1, 4, 3]})
    return recsys.Ratings.from_frame(frame, user="user", item="item")


@functools.cache
def good_models() -> list[Path]:
    """Model files of several kinds."""
    folder, ratings = BUILD / "models", small_ratings()
    specs: list[Any] = [
        recsys.ImplicitALS(4, n_epochs=2), recsys.NormalizedSVD(4), recsys.Biases(),
        recsys.ItemKNN(3), recsys.ExplicitALS(3, n_epochs=2), recsys.EASE(),
        recsys.ImplicitALS(3, n_epochs=2, popularity_exponent=0.5),
        recsys.ExplicitALS(3, n_epochs=2, implicit_weight=0.5),
        recsys.BayesianMF(2, n_burn_in=1, n_samples=3), recsys.BPR(4, n_epochs=2),
        recsys.Blend([recsys.PureSVD(4), recsys.ImplicitALS(3, n_epochs=2)]),
    ]  # fmt: skip
    models = [recsys.train(one, ratings) for one in specs]
    models.append(recsys.train(specs[0], ratings, features=True))
    models.append(models[0].update(few_ratings()))
    folder.mkdir(parents=True, exist_ok=True)
    return [recsys.save(one, folder / str(number)) for number, one in enumerate(models)]


def model_file(number: int, rng: random.Random) -> Outcome:
    """Loads a damaged model file, and checks its answers: the mutations of the test of the store,
    whose checksums are right, and in every fourth case damage to any byte."""
    from store import crafting, interrogate, test_damaged_files

    source = rng.choice(good_models())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        if number % 4:
            arrays, about = crafting.parts(source)
            kind = rng.choice(test_damaged_files.MUTATIONS)
            kind(arrays, about, np.random.default_rng(rng.getrandbits(64)))
            crafting.write(file, arrays, about)
            said = interrogate.outcome(file, verify=rng.random() < 0.5)
        else:
            data = mutation.binary(rng, source.read_bytes())
            file.write_bytes(data)
            said = interrogate.outcome(file, verify=True)
            if said == "fine" and data != source.read_bytes():
                said = "a changed byte is not noticed"
    kinds = {"refused": CLEAN, "fine": RIGHT}
    if said.startswith("refused in"):
        return Outcome(RAW, said)
    return Outcome(kinds.get(said, SILENT), "" if said in kinds else said)


FILMS = pd.DataFrame(
    {
        "title": ["Ice (1990)", "O'Hara", None, 'The "End"', "ÉTÉ", ""],
        "year": pd.array([1990, None, 2001, 1975, 2020, 0], "Int64"),
        "genres": ["Drama|War", "Drama", None, "Comedy", "war", "War|War"],
        "a b": [1.5, float("nan"), -2.0, 0.0, 1e9, 3.0],
    }
)

Row = Mapping[str, Any]
Twin = tuple[str, Callable[[Row], bool]]


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value


def _comparison(rng: random.Random) -> Twin:
    orders: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b, "=": lambda a, b: a == b, "!=": lambda a, b: a != b,
    }  # fmt: skip
    kind = rng.randrange(5)
    if kind == 0:
        column, order = rng.choice(["year", "a b"]), rng.choice(list(orders))
        value = rng.choice([1990, 0, -2.0, 1.5, 2001, 1e9])
        name = f"`{column}`" if " " in column else column
        return (
            f"{name} {order} {value}",
            lambda row: not _missing(row[column]) and orders[order](row[column], value),
        )
    word = rng.choice(["war", "Drama", "WAR", "ete", "été", "no"])
    if kind == 1:
        return (
            f"genres has '{word}'",
            lambda row: (
                not _missing(row["genres"])
                and word.casefold() in row["genres"].casefold().split("|")
            ),
        )
    if kind == 2:
        return (
            f'title contains "{word}"',
            lambda row: not _missing(row["title"]) and word.casefold() in row["title"].casefold(),
        )
    column = rng.choice(["title", "year", "genres"])
    if kind == 3:
        return f"{column} is missing", lambda row: _missing(row[column])
    return (
        "year in (1990, 0, 7)",
        lambda row: not _missing(row["year"]) and row["year"] in (1990, 0, 7),
    )


def _condition(rng: random.Random, depth: int = 0) -> Twin:
    kind = rng.randrange(4) if depth < 4 else 0
    if kind == 0:
        return _comparison(rng)
    text, one = _condition(rng, depth + 1)
    if kind == 1:
        return f"not ({text})", lambda row: not one(row)
    other_text, other = _condition(rng, depth + 1)
    if kind == 2:
        return f"({text}) and ({other_text})", lambda row: one(row) and other(row)
    return f"({text}) or ({other_text})", lambda row: one(row) or other(row)


def where(number: int, rng: random.Random) -> Outcome:
    """A condition: every other one valid, with a loop over the rows as the right answer."""
    from recsys.recommend.filters.columns import ItemColumns
    from recsys.recommend.filters.masks import mask
    from recsys.recommend.items import ItemTable

    text, twin = _condition(rng)
    is_valid = number % 2 == 0
    if not is_valid:
        data = mutation.text(rng, text.encode())
        if rng.random() < 0.1:
            data = (
                rng.choice([b"(", b"not ", b"year = 1 or ", b"'"]) * rng.choice([60, 5000]) + data
            )
        text = data.decode("utf-8", "surrogateescape")

    def question() -> str:
        found = mask(text, ItemColumns(ItemTable.of(FILMS)))
        if not is_valid:
            return ""
        table = FILMS.astype(object)
        names = list(table.columns)
        right = [twin(dict(zip(names, row, strict=True))) for row in table.to_numpy()]
        return "" if found.tolist() == right else f"{found.tolist()}, not {right}"

    outcome = outcome_of(question)
    if is_valid and outcome.kind == CLEAN:
        return Outcome(SILENT, f"a valid condition is refused: {text}: {outcome.detail}")
    return outcome if outcome.is_good else Outcome(outcome.kind, f"{outcome.detail}\n    {text!r}")


RECIPE = """\
ratings = "data/sample"
model = "implicit-als"
out = "models/m.safetensors"
feedback = "at-least=4"
test = 0.1
seed = 3
features = ["genres", "year"]
budget = 20

[columns]
user = "userId"

[hyperparameters]
n_factors = 32
alpha = 20.5
"""
STUDY = """\
ratings = "data/sample"
k = 10
seeds = [0, 1]

[split]
how = "random"
test = 0.2

[models.als]
model = "implicit-als"
n_factors = 16
grid = {alpha = [1, 10]}

[models.ease]
"""


def recipe(number: int, rng: random.Random) -> Outcome:
    """A recipe of train or evaluate, damaged: read, and made into models and splits."""
    from recsys.app.recipe import Recipe, read_recipe
    from recsys.app.study import Study

    is_study = bool(number % 2)
    data = mutation.text(rng, (STUDY if is_study else RECIPE).encode())

    def question() -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "recipe.toml"
            file.write_bytes(data)
            entries = read_recipe(file, Study if is_study else Recipe)
        made: Any = (Study if is_study else Recipe)(**{"ratings": "data", **entries})
        if is_study:
            made.named_models(), made.named_splits(), made.terms()
        else:
            made.spec(), made.part()
        made.parsed_feedback()
        return ""

    outcome = outcome_of(question)
    return outcome if outcome.is_good else Outcome(outcome.kind, f"{outcome.detail}\n    {data!r}")


@functools.cache
def _reports() -> tuple[dict[str, Any], ...]:
    split = recsys.splits.random(small_ratings(), 0.2)
    folder = BUILD / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, width in enumerate((2, 4)):
        file = folder / f"{number}.json"
        recsys.evaluate({"svd": recsys.PureSVD(width)}, split, k=10).to_json(file)
        found.append(json.loads(file.read_text()))
    return tuple(found)


def evaluation(number: int, rng: random.Random) -> Outcome:
    """Compares an evaluation with a damaged one."""
    from recsys.app.compare import CompareRequest, compare

    good, other = _reports()
    if number % 3:
        data = json.dumps(nasty(rng, other)).encode()
    else:
        data = mutation.text(rng, json.dumps(other).encode())

    def question() -> str:
        with tempfile.TemporaryDirectory() as name:
            files = [str(Path(name) / one) for one in ("a.json", "b.json")]
            Path(files[0]).write_text(json.dumps(good))
            Path(files[1]).write_bytes(data)
            if rng.random() < 0.5:
                files.reverse()
            found = compare(CompareRequest(first=files[0], second=files[1]))
        json.dumps(found.to_dict())
        table = found.table
        off = (table["second"] - table["first"] - table["difference"]).abs()
        return "" if not (off > 1e-9).any() else "a difference is none"

    return outcome_of(question)


@functools.cache
def _study() -> Path:
    folder = BUILD / "study"
    shutil.rmtree(folder, ignore_errors=True)
    recsys.tune(small_ratings(), ["pure-svd"], trials=2, out=folder)
    return folder / "study.db"


def study(number: int, rng: random.Random) -> Outcome:
    """Goes on with a search whose database is damaged; no trial is left to do."""
    del number
    data = _study().read_bytes()
    for _ in range(rng.choice([1, 4, 16])):
        data = mutation.binary(rng, data)

    def question() -> str:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "study.db").write_bytes(data)
            found = recsys.tune(small_ratings(), ["pure-svd"], trials=2, out=folder)
        return "" if all(trial.value is None or np.isfinite(trial.value) for trial in found.trials
                         ) else "a trial is worth no number"  # fmt: skip

    return outcome_of(question)
