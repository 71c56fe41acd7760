"""Arguments of the compiled code are checked first, because it checks nothing itself."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from row_cases import problem

from recsys import kernels
from recsys.threads import default_threads


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["i4", "i8", "u2"])
def test_columns_of_any_byte_order_mean_the_same_numbers(order: str, kind: str) -> None:
    case = problem(6)
    expected, _ = kernels.solve_rows(**case)
    changed = {name: case[name].astype(order + kind) for name in ("indptr", "columns")}
    x, _ = kernels.solve_rows(**(case | changed))
    assert np.array_equal(x, expected)


def test_column_numbers_that_another_byte_order_would_hide_are_refused() -> None:
    # 16,777,216, whose bytes in native order are those of 1.
    columns = np.full(3, 0x01000000, ">i4")
    with pytest.raises(ValueError, match="outside"):
        kernels.solve_rows(
            np.array([0, 3]), columns, np.ones((10, 4), np.float32), np.ones(1, np.float32)
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": np.full(5, 99, np.int32), "indptr": np.array([0, 5])}, "column number"),
        ({"columns": np.zeros(5, np.int32), "indptr": np.array([0, 4])}, "indptr"),
        ({"columns": np.zeros(2, np.int32), "indptr": np.array([0, 2])}, "weights"),
    ],
)
def test_indexes_that_would_read_foreign_memory_are_refused(
    change: dict[str, Any], message: str
) -> None:
    case = {
        "factors": np.ones((3, 2), np.float32),
        "ridge": np.ones(1, np.float32),
        "weights": np.ones(5, np.float32),
    }
    with pytest.raises(ValueError, match=message):
        kernels.solve_rows(**(case | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base": np.ones(8)}, "base must be"),
        ({"base_rhs": np.ones(2)}, "base_rhs must be"),
        ({"base_rhs": np.ones((3, 8))}, "base_rhs must be"),
        ({"columns": np.array([0.5, 1.0])}, "whole numbers"),
        ({"targets": [1.0, 2.0]}, "targets must be"),
        ({"weights": [1.0, 2.0]}, "weights must be"),
        ({"start": np.zeros((12, 15))}, "start must be"),
        ({"overwrite_start": True}, "overwrite_start needs"),
        ({"overwrite_start": True, "start": np.zeros((12, 16))}, "overwrite_start needs"),
        ({"n_threads": 0}, "n_threads must be at least 1"),
        ({"cg_steps": -1}, "cg_steps must be at least 0"),
        ({"columns": problem(0)["columns"].astype(np.int64) + 2**32}, "column number"),
    ],
)
def test_arguments_of_the_wrong_shape_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernels.solve_rows(**(problem(0, width=16) | change))


def test_thread_setting_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_NUM_THREADS", "none")
    with pytest.raises(ValueError, match="RECSYS_NUM_THREADS"):
        default_threads()
    monkeypatch.setenv("RECSYS_NUM_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.setenv("RECSYS_ISA", "mmx")
    with pytest.raises(ValueError, match="RECSYS_ISA"):
        kernels.solve_rows(**problem(0))


@pytest.mark.parametrize(("width", "narrow"), [(3, True), (16, True), (17, False), (64, False)])
def test_narrow_rows_are_solved_with_narrow_vectors(
    width: int, narrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless somebody says with which."""
    if "avx2" not in kernels.INSTRUCTION_SETS:
        pytest.skip("this CPU has no vectors of 256 bits")
    asked = problem(0, width=width)
    monkeypatch.delenv("RECSYS_ISA", raising=False)
    found = kernels.solve_rows(**asked)[0]
    monkeypatch.setenv("RECSYS_ISA", "avx2" if narrow else kernels.INSTRUCTION_SETS[0])
    assert np.array_equal(found, kernels.solve_rows(**asked)[0])


def test_python_without_the_lock_is_refused_with_a_reason() -> None:
    code = "import sys; sys._is_gil_enabled = lambda: False; from recsys import kernels"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("ImportError: recsys is not tested without the global interpreter lock")
    )
    assert "PYTHON_GIL=1" in done.stderr
