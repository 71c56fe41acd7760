"""Jobs about the machine: its limits, its threads, and growth with the size of the data."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmark_jobs.case import Case, Contender, Setting, timed
from benchmark_jobs.data import load, random_factors
from benchmark_jobs.peer import Answer


def job_limits(setting: Setting) -> Iterator[Case]:
    """What the machine can do: matrix products, and moving factors without arithmetic."""
    matrix = load(setting.matrix())
    columns = matrix.T.tocsr().indices.astype(np.intp)
    for width in (64, 128):
        table, _ = random_factors(matrix, width)
        contenders: dict[str, Contender] = {
            f"gather of {len(columns) / 1e6:.1f} M rows": partial(
                gather, table, columns, setting.threads
            )
        }
        if width == 64:
            contenders = {"float32 matrix product": matrix_product(setting.threads)} | contenders
        yield Case(f"limits of the machine, f = {width}", contenders)


def gather(table: Any, rows: Any, threads: int) -> Answer:
    """Copies rows of a table, by all threads, into buffers that stay in the cache."""

    def move(part: Any) -> None:
        buffer = np.empty((4096, table.shape[1]), np.float32)
        for start in range(0, len(part), len(buffer)):
            block = part[start : start + len(buffer)]
            np.take(table, block, 0, out=buffer[: len(block)], mode="clip")

    shares = np.array_split(rows, threads)
    with ThreadPoolExecutor(threads) as pool:
        answer = timed(lambda: list(pool.map(move, shares)))
    return answer | {"GB/s": len(rows) * table.shape[1] * 4 / answer["seconds"] / 1e9}


def matrix_product(threads: int) -> Contender:
    """The product of two square float32 matrices, by the BLAS."""
    n = 4096
    a, b = (np.random.default_rng(s).random((n, n), np.float32) for s in (0, 1))

    def product() -> Answer:
        with threadpool_limits(threads, "blas"):
            answer = timed(lambda: a @ b)
        return answer | {"GF/s": 2 * n**3 / answer["seconds"] / 1e9}

    return product


def job_threads(setting: Setting) -> Iterator[Case]:
    """An epoch, and a matrix product, with all threads and with one."""
    names = {setting.threads: f"{setting.threads} threads", 1: "1 thread"}
    of = {"matrix": setting.matrix(), "width": 64, "exact": False}
    epochs: dict[str, Contender] = {
        name: setting.peer("recsys", "train", of, threads)["recsys"]
        for threads, name in names.items()
    }
    title = "implicit ALS epoch, CG, f = 64, threads"
    yield Case(title, epochs, "1.85× of two", rounds=8)
    products = {name: matrix_product(threads) for threads, name in names.items()}
    yield Case("float32 matrix product, threads", products, rounds=8)


def job_growth(setting: Setting) -> Iterator[Case]:
    """An epoch on matrices of growing size, and the exponent of time in the number of entries."""
    contenders: dict[str, Contender] = {}
    entries: dict[str, int] = {}
    for share in (1 / 11, 3 / 11, 1.0):
        path = setting.matrix(setting.size * share)
        nnz = load(path).nnz
        name = f"{nnz / 1e6:.1f} M entries"
        entries[name] = nnz
        of = {"matrix": path, "width": 64, "exact": False}
        contenders[name] = setting.peer("recsys", "train", of)["recsys"]

    def exponent(found: dict[str, Answer]) -> dict[str, Answer]:
        sizes = np.log([entries[who] for who in found])
        seconds = np.log([found[who]["seconds"] for who in found])
        return {list(found)[-1]: {"exponent": float(np.polyfit(sizes, seconds, 1)[0])}}

    title = "implicit ALS epoch, CG, f = 64, growth"
    yield Case(title, contenders, "exponent ≤ 1.05", add=exponent)
