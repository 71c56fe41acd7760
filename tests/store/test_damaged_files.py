"""Files with valid checksums and bad content are refused in one line, or answer by the formula."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store import crafting

import recsys

Rng = np.random.Generator
Mutation = Callable[[crafting.Arrays, dict[str, Any], Rng], None]

NASTY: list[Any] = [
    None, True, "2", "", [], {}, [[]], {"a": 1}, 0, -1, 3, 2.5, 1e300, 10**400, float("nan"),
    "\ud800", "pure-svd", "normalized-svd", "x" * 10_000,
]  # fmt: skip


def flip_a_bit_of(*names: str) -> Mutation:
    def mutate(arrays: crafting.Arrays, _: dict[str, Any], rng: Rng) -> None:
        raw = (
            arrays[rng.choice([name for name in names if name in arrays])]
            .reshape(-1)
            .view(np.uint8)
        )
        raw[rng.integers(len(raw))] ^= np.uint8(1 << rng.integers(8))

    return mutate


def a_wrong_number(arrays: crafting.Arrays, _: dict[str, Any], rng: Rng) -> None:
    name = rng.choice([n for n in arrays if arrays[n].dtype != np.uint8 and arrays[n].size])
    flat = arrays[name].reshape(-1)
    wild = [np.nan, np.inf, 1e30, -1.0, 0.0] if flat.dtype.kind == "f" else [-1, 0, 3, 2**31 - 1]
    if flat.dtype == np.int64:
        wild += [10**12, -(2**62)]
    flat[rng.integers(len(flat))] = wild[rng.integers(len(wild))]


def two_numbers_swapped(arrays: crafting.Arrays, _: dict[str, Any], rng: Rng) -> None:
    rows = "history_indptr", "history_items", "weights.indptr", "weights.indices"
    flat = arrays[rng.choice([name for name in rows if name in arrays])]
    a, b = rng.integers(len(flat), size=2)
    flat[[a, b]] = flat[[b, a]]


def an_array_of_another_kind(arrays: crafting.Arrays, _: dict[str, Any], rng: Rng) -> None:
    name = rng.choice(list(arrays))
    array = arrays[name]
    dtype = list(crafting.DTYPES.values())[rng.integers(5)]
    with np.errstate(invalid="ignore"):
        others = [array.astype(dtype), array[:-1], array.ravel(), array[None], array[:0], array.T,
                  np.array(7, array.dtype), np.zeros((0, 2**40), array.dtype)]  # fmt: skip
    arrays[name] = np.ascontiguousarray(others[rng.integers(len(others))])


def arrays_gone_or_swapped(arrays: crafting.Arrays, _: dict[str, Any], rng: Rng) -> None:
    a, b = rng.choice(list(arrays), 2, replace=False)
    if rng.random() < 0.5:
        del arrays[a]
    else:
        arrays[a], arrays[b] = arrays[b], arrays[a]


def ids_in_another_order(arrays: crafting.Arrays, _: dict[str, Any], rng: Rng) -> None:
    name = rng.choice(["users", "items"])
    table = crafting.table(arrays[name])
    arrays[name] = crafting.table_bytes(table.take(rng.permutation(len(table))))


def a_nasty_header(arrays: crafting.Arrays, about: dict[str, Any], rng: Rng) -> None:
    place: Any = about
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[rng.integers(len(keys))]
        if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.7:
            place = place[key]
        else:
            break
    if isinstance(place, dict) and rng.random() < 0.2:
        del place[key]
    else:
        place[key] = NASTY[rng.integers(len(NASTY))]


MUTATIONS: list[Mutation] = [
    flip_a_bit_of("items"), flip_a_bit_of("users"), flip_a_bit_of("items"),
    flip_a_bit_of("history_indptr", "weights.indptr"),
    flip_a_bit_of("history_items", "weights.indices"),
    a_wrong_number, two_numbers_swapped, an_array_of_another_kind, arrays_gone_or_swapped,
    ids_in_another_order, a_nasty_header, a_nasty_header,
]  # fmt: skip


@pytest.fixture(scope="module")
def good(random_world: recsys.Ratings, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("good")
    specs = (
        recsys.ImplicitALS(4, n_epochs=2),
        recsys.NormalizedSVD(4),
        recsys.Biases(),
        recsys.ItemKNN(3),
        recsys.EASE(),
    )
    return [recsys.save(recsys.train(s, random_world), folder / s.name) for s in specs]


def interrogated(files: list[Path], verify: bool = True) -> list[str]:
    """The outcome of each file, from a process of its own; it fails if that process dies."""
    script = Path(__file__).with_name("interrogate.py")
    command = [sys.executable, "-W", "ignore", script, "verify" if verify else "trust", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    outcomes = done.stdout.splitlines()
    assert done.returncode == 0, (
        f"killed by file {len(outcomes)}, exit status {done.returncode}: {done.stderr[-2000:]}"
    )
    return outcomes


def assert_all_fine(good: list[Path], folder: Path, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files, kinds = [], []
    for number in range(n):
        arrays, about = crafting.parts(good[number % len(good)])
        mutate = MUTATIONS[number // len(good) % len(MUTATIONS)]
        mutate(arrays, about, rng)
        files.append(crafting.write(folder / str(number), arrays, about))
        kinds.append(mutate.__qualname__)
    outcomes = interrogated(files, verify=bool(seed % 2))
    bad = [
        f"{number} ({kind}): {said}"
        for number, (kind, said) in enumerate(zip(kinds, outcomes, strict=True))
        if said not in ("refused", "fine")
    ]
    assert not bad, f"{len(bad)} of {n}\n" + "\n".join(bad)
    assert outcomes.count("refused") > n / 2


def test_the_good_files_answer_by_the_formula(good: list[Path]) -> None:
    assert interrogated(good) == ["fine"] * len(good)


@pytest.mark.parametrize(
    "feedback",
    [{}, {"ones": True}, {"threshold": 3.0}, {"log": True}, {"ones": True, "dislikes_below": 3.0}],
    ids=str,
)
def test_ratings_of_0_and_below_count_as_the_feedback_says(
    feedback: dict[str, Any], good: list[Path], tmp_path: Path
) -> None:
    files = []
    for file in good:
        arrays, about = crafting.parts(file)
        arrays["history_ratings"][::3] = 0
        arrays["history_ratings"][1::3] = -2
        about["feedback"] |= feedback
        files.append(crafting.write(tmp_path / file.name, arrays, about))
    assert interrogated(files) == ["fine"] * len(good)


def test_200_bad_files_are_refused_or_answer_right(good: list[Path], tmp_path: Path) -> None:
    assert_all_fine(good, tmp_path, 200, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_600_bad_files_are_refused_or_answer_right(
    seed: int, good: list[Path], tmp_path: Path
) -> None:
    assert_all_fine(good, tmp_path, 600, seed)
