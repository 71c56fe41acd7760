"""The gate of a nightly job through the command line: five days, five exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nightly
import numpy as np
import pandas as pd
import pytest
from commands import RunCommand

import recsys

BETTER = ["--set", "implicit-als.n_factors=8"]
WORSE = [*BETTER, "--set", "implicit-als.unobserved_weight=0"]


class Job(NamedTuple):
    """A job in a folder that holds the model of day 0."""

    run: RunCommand
    folder: Path

    def train(self, frame: pd.DataFrame, *options: Any) -> tuple[int, str, str]:
        frame.to_csv(self.folder / "day0.csv", index=False)
        return self.run(
            "train", self.folder / "day0.csv", "-o", self.folder / "now", "--set", "n_factors=8",
            *options,
        )  # fmt: skip

    def gate(self, frame: pd.DataFrame, *options: Any) -> tuple[int, str, str]:
        frame.to_csv(self.folder / "day1.csv", index=False)
        return self.run(
            "evaluate", self.folder / "day1.csv", "--models", "implicit-als", "--split", "by-time",
            "--against", self.folder / "now", "--gate", "ndcg@10", *options,
        )  # fmt: skip


def said(err: str) -> str:
    """The gate's sentence, unwrapped."""
    words = " ".join(err.split())
    return words[words.rindex("gate ") :]


def five_days(frame: pd.DataFrame, cut: int) -> Mapping[str, tuple[pd.DataFrame, list[str], int]]:
    """Name → data of day 1, options of the candidate, exit code; day 0 are the first rows."""
    day0, new = frame.iloc[:cut], frame.iloc[cut:]
    half = day0.sample(frac=0.5, random_state=0)
    return {
        "shuffled item column": (nightly.with_shuffled_items(frame), BETTER, 5),
        "half of the history missing": (pd.concat([half, new]), BETTER, 5),
        "honest new ratings": (frame, BETTER, 0),
        "twenty new ratings": (frame.iloc[: cut + 20], BETTER, 6),
        "a clearly worse candidate": (frame, WORSE, 5),
    }


@pytest.fixture
def job(recsys_command: RunCommand, tmp_path: Path) -> Job:
    return Job(recsys_command, tmp_path)


def test_five_days_of_a_nightly_job(job: Job) -> None:
    frame = nightly.ratings()
    cut = int(0.8 * len(frame))
    code, _, err = job.train(frame.iloc[:cut], "--test", 0.1, "--split", "by-time")
    assert code == 0, err
    _, out, _ = job.run("inspect", job.folder / "now")
    assert re.search(
        r"measured +NDCG@10 0\.\d{4} \[0\.\d{4}, 0\.\d{4}\], \d+ users \(by time, 0\.1", out
    )
    words = {
        "shuffled item column": "gate closed: data mismatch: they have only",
        "half of the history missing": "(50 %)",
        "honest new ratings": "gate open: implicit-als is not worse than current: NDCG@10",
        "twenty new ratings": "with 20 ratings that current has not seen; a decision needs 50",
        "a clearly worse candidate": "gate closed: implicit-als is worse than current: NDCG@10",
    }
    for name, (data, options, expected) in five_days(frame, cut).items():
        code, _, err = job.gate(data, *options)
        assert (name, code) == (name, expected), err
        assert words[name] in said(err)
        if code:
            assert err.count("recsys: ") == 1


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("share", [0.8, pytest.param(0.9, marks=pytest.mark.long)])
def test_five_days_of_movielens(share: float, job: Job, ml_100k: Path) -> None:
    frame = recsys.read_ratings(ml_100k).to_frame().sort_values("timestamp", kind="stable")
    cut = int(share * len(frame))
    code, _, err = job.train(frame.iloc[:cut], "--test", 0.1, "--split", "by-time")
    assert code == 0, err
    codes = {}
    for name, (data, options, expected) in five_days(frame, cut).items():
        code, _, err = job.gate(data, *options)
        codes[name] = code, expected, said(err)
    assert all(code == expected for code, expected, _ in codes.values()), codes


def test_new_ratings_of_another_world_close_it(job: Job) -> None:
    """The history is all there, but what is new has its items mixed up."""
    frame = nightly.ratings()
    cut = int(0.8 * len(frame))
    mixed = pd.concat([frame.iloc[:cut], nightly.with_shuffled_items(frame.iloc[cut:])])
    mixed = mixed.drop_duplicates(["user", "item"])
    job.train(frame.iloc[:cut], "--test", 0.1, "--split", "by-time")
    code, _, err = job.gate(mixed, *BETTER)
    assert code == 5
    assert "data mismatch: NDCG@10 of current is" in said(err)
    assert "in its file; check the new ratings" in said(err)
    # Without a level in the file, the gate says that this was not compared.
    job.train(frame.iloc[:cut])
    code, _, err = job.gate(frame, *BETTER)
    assert code == 0
    assert "its file has no level of NDCG@10, so this was not compared" in said(err)
    # A level of another kind of split is none to compare with.
    job.train(frame.iloc[:cut], "--test", 0.1)
    _, _, err = job.gate(frame, *BETTER)
    assert "it is for the split random, but this split is by-time" in said(err)


def test_drift_can_be_allowed(job: Job) -> None:
    frame = nightly.ratings()
    cut = int(0.8 * len(frame))
    job.train(frame.iloc[:cut])
    data = five_days(frame, cut)["half of the history missing"][0]
    code, _, err = job.gate(data, *BETTER, "--allow-drift", "--margin", "60%")
    assert code == 0, err
    assert "and 90 % are needed; allowed" in said(err)


def test_too_few_people_at_the_end_and_a_random_part_decides(job: Job) -> None:
    """The latest ratings are of twenty people, and the model in service has seen neither those nor
    many others."""
    frame = nightly.ratings()
    late = frame["user"] < 20
    frame = pd.concat([frame[~late], frame[late]], ignore_index=True)
    frame["timestamp"] = 1_600_000_000 + 60 * np.arange(len(frame))
    job.train(frame.iloc[: int(0.7 * len(frame))])
    for options, expected in ((BETTER, (0, 6)), (WORSE, (5,))):
        code, _, err = job.gate(frame, *options, "--test", 0.05)
        assert code in expected, err
        words = " ".join(err.split())
        assert "split: random, 0.5 of the" in words
        assert "the level in its file" not in words
    assert "gate closed: implicit-als is worse" in said(err)


def test_a_model_that_has_seen_the_test_is_not_compared_with_itself(job: Job) -> None:
    frame = nightly.ratings(4000)
    job.train(frame)
    report = job.folder / "r.json"
    code, out, err = job.gate(frame, *BETTER, "--report", report)
    assert code == 6
    assert "the model in service was trained on all of the" in said(err)
    assert "compare with an older model" in said(err)
    assert "this compares a model with itself" in " ".join(err.split())
    assert "current" in out
    gate = json.loads(report.read_text())["gate"]
    assert gate["decision"] == gate["not_worse"]["answer"] == "undecided"
    assert gate["same_world"]["answer"] == "yes"
    assert gate["remarks"]


def test_the_same_training_again_is_not_what_was_asked(job: Job) -> None:
    frame = nightly.ratings(6000)
    split = recsys.splits.by_time(
        recsys.Ratings.from_frame(frame, "user", "item", "rating", "timestamp"), 0.1
    )
    past = split.train.to_frame()
    job.train(past)
    code, _, err = job.gate(frame, *BETTER)
    assert code == 0, err
    assert "this compares a model with itself" in " ".join(err.split())
    code, _, err = job.gate(frame, "--set", "implicit-als.n_factors=7")
    assert "this compares a model with itself" not in " ".join(err.split())


def test_a_model_without_history_decides_nothing(job: Job) -> None:
    frame = nightly.ratings(4000)
    job.train(frame.iloc[:3000])
    recsys.save(recsys.load(job.folder / "now"), job.folder / "now", history=False)
    code, _, err = job.gate(frame, *BETTER)
    assert code == 6
    assert "save it with its history" in said(err)


def test_ratings_that_are_left_out_are_no_drift(job: Job) -> None:
    """The world is that of the file, not of what --per-user and --per-item keep of it."""
    frame = nightly.ratings(6000)
    job.train(frame.iloc[: int(0.8 * len(frame))])
    code, _, err = job.gate(frame, *BETTER, "--per-item", 12, "--margin", "50%")
    assert code == 0, err


def test_json_has_both_answers(job: Job) -> None:
    frame = nightly.ratings()
    job.train(frame.iloc[: int(0.8 * len(frame))], "--test", 0.1, "--split", "by-time")
    code, out, err = job.gate(frame, *BETTER, "--json")
    assert code == 0, err
    gate = json.loads(out)["gate"]
    assert gate["decision"] == "open"
    assert gate["sentence"] == said(err)
    world, worse = gate["same_world"], gate["not_worse"]
    n = int(0.8 * len(frame))
    assert world["history"]["ratings"] == {"found": n, "of": n}
    assert set(world["history"]) == {"ratings", "users", "items"}
    assert world["level"]["is_below"] is False
    assert world["level"]["stored"]["n_users"] > 50
    assert worse["low"] < worse["difference"] < worse["high"]
    assert worse["difference"] == pytest.approx(worse["candidate"] - worse["current"])
    assert worse["margin"] == pytest.approx(0.05 * worse["current"])
    assert worse["n_users"] >= 50
    assert worse["n_ratings"] >= worse["n_users"]
    code, out, _ = job.run("evaluate", job.folder / "day1.csv", "--models", "pure-svd", "--json")
    assert code == 0
    assert "gate" not in json.loads(out)


def test_predicted_ratings_can_be_the_metric(job: Job, root: Path) -> None:
    sample = recsys.read_ratings(root / "data/sample")
    past = recsys.splits.by_time(sample, 0.3).train
    recsys.save(recsys.train(recsys.ExplicitALS(4), past), job.folder / "now")
    command = ["evaluate", root / "data/sample", "--models", "explicit-als", "--split", "by-time",
               "--against", job.folder / "now", "--gate", "rmse", "--test", 0.2]  # fmt: skip
    code, _, err = job.run(*command, "--set", "explicit-als.n_factors=4")
    assert code == 0, err
    code, _, err = job.run(*command, "--set", "explicit-als.regularization=1000")
    assert code in (5, 6)
    assert "RMSE" in said(err)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--margin", "much"], "margin must be a share such as 5%"),
        (["--gate", "popularity@10"], "gate must not be popularity@10: neither higher nor lower"),
        (["--gate", "coverage@10"], "gate must not be coverage@10: it has no value per user"),
    ],
)
def test_bad_options_are_named(
    options: list[str], message: str, recsys_command: RunCommand, root: Path, model_path: Path
) -> None:
    gate = [] if "--gate" in options else ["--gate", "ndcg@10"]
    code, _, err = recsys_command(
        "evaluate", root / "data/sample", "--against", model_path, *gate, *options
    )
    assert code == 2
    assert message in err


@pytest.mark.parametrize("option", [["--margin", "3%"], ["--allow-drift"]])
def test_options_of_a_gate_need_one(
    option: list[str], recsys_command: RunCommand, root: Path
) -> None:
    code, _, err = recsys_command("evaluate", root / "data/sample", *option)
    assert code == 2
    assert "margin and allow_drift are for a gate" in err


@pytest.mark.slow
def test_the_nightly_job_of_the_docs_works(root: Path, tmp_path: Path) -> None:
    page = (root / "docs/evaluation.md").read_text()
    (script,) = (block for block in page.split("```sh\n")[1:] if "nightly.sh" in block)
    (tmp_path / "nightly.sh").write_text(script.split("```")[0])
    (tmp_path / "recsys").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m recsys "$@"\n')
    (tmp_path / "recsys").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def night(frame: pd.DataFrame) -> tuple[int, str]:
        frame.to_csv(tmp_path / "ratings.csv", index=False)
        done = subprocess.run(
            ["sh", "nightly.sh", "ratings.csv", "model"], cwd=tmp_path, env=environment,
            capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stderr

    frame = nightly.ratings()
    first, second = int(0.8 * len(frame)), int(0.9 * len(frame))
    code, err = night(frame.iloc[:first])
    assert code == 0, err
    model = recsys.load(tmp_path / "model")
    code, err = night(nightly.with_shuffled_items(frame.iloc[:second]))
    assert code == 5, err
    assert "gate closed: model stays" in err
    code, err = night(frame.iloc[: first + 20])
    assert code == 6, err
    assert recsys.load(tmp_path / "model").fingerprint == model.fingerprint
    code, err = night(frame.iloc[:second])
    assert code == 0, err
    assert recsys.load(tmp_path / "model").seen().nnz == second
