"""Several threads of Python in the kernels at once, each of which starts more; also run by the
thread sanitizer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from matrices import random_csr
from row_cases import problem

from recsys import kernels

Call = Callable[[], tuple[np.ndarray, np.ndarray]]


def best_of_many() -> Call:
    rng = np.random.default_rng(1)
    items = rng.normal(size=(500, 24)).astype(np.float32)
    seen = random_csr(200, 500, 0.05, rng)
    queries = rng.normal(size=(200, 24)).astype(np.float32)
    packed = kernels.packed_items(items)
    return lambda: kernels.top_k(
        queries, packed, excluded=(seen.indptr, seen.indices), k=9, n_threads=4
    )


def solved(cg_steps: int) -> Call:
    case = problem(5, n_rows=200, n_columns=80, width=24)
    return lambda: kernels.solve_rows(**case, cg_steps=cg_steps, n_threads=4)


@pytest.mark.parametrize(
    "call", [best_of_many(), solved(0), solved(3)], ids=["top_k", "exact", "conjugate gradient"]
)
def test_callers_do_not_disturb_each_other(call: Call) -> None:
    alone = call()
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda _: call(), range(24)))
    for found in together:
        for ours, wanted in zip(found, alone, strict=True):
            assert np.array_equal(ours, wanted)
