"""SIGKILL at random moments of the commands that go on: they end with the same bits."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from faults import writers
from faults.kills import AT_AN_OPERATION
from faults.stage import Stage, Stages
from faults.tally import RIGHT, SILENT, Outcome
from faults.writer import Writer
from faults.writers import whole_json, whole_model, whole_page, whole_recipe, whole_study

from recsys.store import container

VOLATILE = frozenset(
    {"created", "made", "seconds", "fit_seconds", "measure_seconds", "command", "account"}
)
"""What differs between two runs of the same command: times, and how it was typed."""


def _steady(tree: Any) -> Any:
    # JSON without what is volatile.
    if isinstance(tree, dict):
        return {name: _steady(value) for name, value in tree.items() if name not in VOLATILE}
    return [_steady(one) for one in tree] if isinstance(tree, list) else tree


def model(file: Path) -> Any:
    """Every bit of a model file but its times."""
    header = container.read_header(file)
    about = dict(header.about)
    about["log"] = [[epoch, n, loss, parts] for epoch, n, loss, _, parts in about["log"]]
    return _steady(about)  # with the checksum of every array


def report(file: Path) -> Any:
    """Every number of an evaluation but its times."""
    return _steady(json.loads(file.read_text()))


def study(file: Path) -> Any:
    """Every complete trial: its parameters and its value."""
    with sqlite3.connect(file) as connection:
        return connection.execute(
            "select s.study_name, v.value, group_concat(p.param_name || '=' || p.param_value) "
            "from trials t join studies s using (study_id) join trial_values v using (trial_id) "
            "left join trial_params p using (trial_id) where t.state = 'COMPLETE' "
            "group by t.trial_id order by t.trial_id"
        ).fetchall()


READ: dict[str, Callable[[Path], Any]] = {
    "m.safetensors": model,
    "r.json": report,
    "study.db": study,
    "lists.jsonl": Path.read_bytes,
    "ml-latest-small/ratings.csv": Path.read_bytes,
}
"""Name of a file → what must be the same after any kill."""


def _writers() -> Iterator[Writer]:
    whole = {"m.safetensors": whole_model}
    kept = "--checkpoint", "{out}/ck", "--every", "0"
    others = "ck", "ck/*.checkpoint", "ck/.checkpoint.lock"
    train = "train", "{small}", "-o", "{out}/m.safetensors", *kept
    als = "--model", "implicit-als", "--set", "n_factors=16", "--set", "n_epochs=12"
    yield Writer("train", (*train, *als, "--test", "0.2"), whole, others)
    models = "implicit-als,pure-svd,explicit-als"
    evaluate = "evaluate", "{small}", "--models", models, "--folds", "2", *kept
    yield Writer(
        "evaluate", (*evaluate, "--report", "{out}/r.json"), {"r.json": whole_json}, others
    )
    models = "pure-svd,normalized-svd,blend"
    tune = "tune", "{small}", "--models", models, "--trials", "5", "--out", "{out}"
    found = {"study.db": whole_study, "report.html": whole_page, "best.toml": whole_recipe}
    journals = "study.db-journal", "study.db-wal", "study.db-shm"
    yield Writer("tune", (*tune, "--save", "{out}/m.safetensors"), found | whole, journals)
    yield writers.WRITERS["recommend-jsonl"]
    yield Writer("train-auto", (*train, "--budget", "0.03", "--test", "0.2"), whole, others)
    gibbs = [f"--set={one}" for one in ("n_factors=4", "n_burn_in=3", "n_samples=5", "thinning=1")]
    yield Writer("train-gibbs", (*train, "--model", "bayesian-mf", *gibbs), whole, others)
    members = "--set", "of=implicit-als,bayesian-mf", "--set", "weights=0.5,0.5"
    own = "--set", "1.n_factors=16", *(f"--set=2.{one.removeprefix('--set=')}" for one in gibbs)
    yield Writer("train-blend", (*train, "--model", "blend", *members, *own), whole, others)
    yield writers.WRITERS["fetch"]


WRITERS = {writer.name: writer for writer in _writers()}
"""By name."""

_stages = Stages("resumes", WRITERS)
_expected: dict[str, dict[str, Any]] = {}


def attack(number: int, rng: random.Random) -> Outcome:
    """Kills one command once or twice, and lets it end."""
    stage = _stages.of(number)
    took, n_operations = stage.undisturbed
    if stage.writer.name not in _expected:
        _expected[stage.writer.name] = _read(stage)
    stage.reset(old=False)
    moments = []
    for _ in range(rng.choice([1, 1, 2])):
        if rng.random() < AT_AN_OPERATION:
            at = rng.randint(1, n_operations)
            moments.append(f"operation {at} of {n_operations}")
            stage.run({"DO": "kill", "AT": at})
        else:
            delay = rng.uniform(0, took)
            moments.append(f"after {delay:.2f} of {took:.2f} s")
            stage.run(after=(delay, signal.SIGKILL))
        wrong = stage.wrong_files(old=False, may_leave=True)
        if wrong:
            return Outcome(SILENT, f"{stage.writer.name}, SIGKILL at {moments}: {wrong}")
    found = _ended(stage)
    return Outcome(found.kind, f"{stage.writer.name}, SIGKILL at {moments}: {found.detail}")


def _ended(stage: Stage) -> Outcome:
    mended = stage.mended()
    if mended.kind != RIGHT:
        return mended
    if (stage.out / "ck").exists():
        return Outcome(SILENT, "the checkpoint is left behind")
    expected, found = _expected[stage.writer.name], _read(stage)
    for name, content in expected.items():
        if found[name] != content:
            return Outcome(
                SILENT, f"{name} is not as without kills: {_where(content, found[name])}"
            )
    return Outcome(RIGHT)


def _read(stage: Stage) -> dict[str, Any]:
    return {name: READ[name](stage.out / name) for name in stage.writer.whole if name in READ}


def _where(one: Any, other: Any, path: str = "") -> str:
    # The first place where two trees differ.
    if isinstance(one, dict) and isinstance(other, dict):
        for name in {**one, **other}:
            if one.get(name) != other.get(name):
                return _where(one.get(name), other.get(name), f"{path}/{name}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            if a != b:
                return _where(a, b, f"{path}/{i}")
    return f"{path}: {str(one)[:100]} and {str(other)[:100]}"
