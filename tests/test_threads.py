"""The limit on BLAS threads is shared, and lifted when the last block ends."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from recsys.threads import one_blas_thread


def blas_threads() -> set[int]:
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_one_thread_inside_and_as_many_as_before_outside() -> None:
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        with one_blas_thread():
            assert blas_threads() == {1}
            with one_blas_thread():
                assert blas_threads() == {1}
            assert blas_threads() == {1}
        assert blas_threads() == before


def test_blocks_that_overlap_in_several_threads_restore_the_limit() -> None:
    barrier = Barrier(8)

    def overlap(_: int) -> None:
        barrier.wait()
        for _ in range(200):
            with one_blas_thread():
                pass

    with threadpool_limits(2, "blas"):
        before = blas_threads()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(overlap, range(8)))
        assert blas_threads() == before


def test_the_limit_is_lifted_after_an_error() -> None:
    before = blas_threads()
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        _ = 1 / 0
    assert blas_threads() == before
