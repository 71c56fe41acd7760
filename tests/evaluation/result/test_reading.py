"""Reports that somebody edited: compared, or refused in one line."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import recsys
from recsys.errors import DataError
from recsys.evaluation.result.comparing import compare_reports
from recsys.evaluation.result.reading import read_report
from recsys.ratings import splits

ODD: list[Any] = [
    None, True, False, 0, -1, 2**70, 0.5, -1e300, 1e308, "", "x", "ndcg@10", "rmse@", "\ud800", [],
    [[]], [None], {}, {"": {}}, {"versions": []},
]  # fmt: skip


@pytest.fixture(scope="module")
def report(sample: recsys.Ratings) -> dict[str, Any]:
    models: dict[str, Any] = {"popularity": recsys.Popularity(), "biases": recsys.Biases()}
    result = recsys.evaluate(models, splits.random(sample, test=0.02, seed=0), k=5)
    found: dict[str, Any] = json.loads(result.to_json())
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value inside; of a long list, to the first and last only."""
    keys: list[Any] = list(value) if isinstance(value, dict) else []
    if isinstance(value, list) and value:
        keys = [0, len(value) - 1]
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


def mutated(report: dict[str, Any], path: tuple[Any, ...], draw: random.Random) -> Any:
    changed = copy.deepcopy(report)
    home = changed
    for key in path[:-1]:
        home = home[key]
    if draw.random() < 0.25:
        del home[path[-1]]
    else:
        home[path[-1]] = draw.choice(ODD)
    return changed


def outcome(file: Path, content: bytes, other: Any) -> str:
    file.write_bytes(content)
    try:
        found = read_report(file)
    except DataError as error:
        return "refused" if str(error).startswith(f"{file}: ") else "refused without a name"
    compare_reports(found, other)
    compare_reports(other, found)
    return "compared"


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8))]
)
def test_changed_values(report: dict[str, Any], tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    used = ("schema_version", "summary", "specs", "splits", "k", "feedback", "seeds", "fingerprint",
            "users", "per_user", "test_ratings_per_user")  # fmt: skip
    where = [
        path for path in places(report) if path[0] in used or path[:2] == ("about", "versions")
    ]
    for path in draw.sample(where, min(len(where), 150)):
        outcome(tmp_path / "r.json", json.dumps(mutated(report, path, draw)).encode(), report)


def test_changed_bytes(report: dict[str, Any], tmp_path: Path) -> None:
    draw, text = random.Random(0), json.dumps(report).encode()
    kinds = set()
    for _ in range(60):
        content = bytearray(text)
        for _ in range(draw.choice([1, 3, 100])):
            content[draw.randrange(len(content))] = draw.randrange(256)
        kinds.add(
            outcome(tmp_path / "r.json", bytes(content[: draw.choice([None, 5, 5000])]), report)
        )
    assert "refused" in kinds


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"9" * 10_000, "not JSON"),
        (b'{"schema_version": NaN, "summary": [], "per_user": {}}', "not JSON"),
        (b"[]", "not an evaluation"),
        (b'{"schema_version": 99, "summary": [], "per_user": {}}', "newer version"),
        (
            b'{"schema_version": "1", "summary": [], "per_user": {}}',
            "'schema_version' does not have the format",
        ),
    ],
)
def test_what_is_no_report(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_report(tmp_path / "r.json")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
def test_a_device_has_no_end_and_is_not_read() -> None:
    with pytest.raises(DataError, match="is a device"):
        read_report("/dev/zero")
