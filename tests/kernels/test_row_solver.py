import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from row_cases import WIDTHS, Case, assert_close, problem

from recsys import kernels
from recsys.errors import ArgumentError


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.usefixtures("isa")
def test_exact_solutions_equal_the_formula(width: int) -> None:
    case = problem(width, width=width)
    x, energy = kernels.solve_rows(**case)
    expected, expected_energy = reference.solve_rows(**case)
    assert_close(x, expected)
    assert_close(energy, expected_energy)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.usefixtures("isa")
def test_conjugate_gradients_reach_the_formula(width: int) -> None:
    case = problem(width, width=width)
    x, energy = kernels.solve_rows(**case, cg_steps=200)
    expected, expected_energy = reference.solve_rows(**case)
    assert_close(x, expected, 1e-4)
    assert_close(energy, expected_energy, 1e-4)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(1, 8),
    n_columns=st.integers(1, 30),
    width=st.integers(1, 20),
    density=st.floats(0, 1),
    optional=st.sets(st.sampled_from(["weights", "targets", "base", "base_rhs"])),
)
def test_equals_the_formula_on_any_data(
    seed: int, n_rows: int, n_columns: int, width: int, density: float, optional: set[str]
) -> None:
    case = problem(seed, n_rows, n_columns, width, density)
    for name in optional:
        case[name] = 0.7 if name == "targets" else None
    x, energy = kernels.solve_rows(**case)
    expected, expected_energy = reference.solve_rows(**case)
    assert_close(x, expected, 1e-4)
    assert_close(energy, expected_energy, 1e-4)


@pytest.mark.parametrize("cg_steps", [0, 200])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.usefixtures("isa")
def test_a_right_side_per_row_reaches_the_formula(width: int, cg_steps: int) -> None:
    case = problem(width, width=width)
    rng = np.random.default_rng(width)
    case["base_rhs"] = rng.normal(size=(len(case["ridge"]), width)).astype(np.float32)
    x, energy = kernels.solve_rows(**case, cg_steps=cg_steps)
    expected, expected_energy = reference.solve_rows(**case)
    assert_close(x, expected, 1e-4)
    assert_close(energy, expected_energy, 1e-4)


def test_one_right_side_for_all_rows_is_the_same_as_that_side_for_each() -> None:
    case = problem(4, width=24)
    each = np.tile(case["base_rhs"], (len(case["ridge"]), 1))
    for steps in (0, 2):
        together = kernels.solve_rows(**case, cg_steps=steps)
        apart = kernels.solve_rows(**(case | {"base_rhs": each}), cg_steps=steps)
        assert np.array_equal(together[0], apart[0])
        assert np.array_equal(together[1], apart[1])


def test_long_rows_that_share_passes_have_right_sides_of_their_own() -> None:
    case = long_and_short_rows(64)
    rng = np.random.default_rng(0)
    case["base_rhs"] = rng.normal(size=(len(case["ridge"]), 64)).astype(np.float32)
    x, _ = kernels.solve_rows(**case, cg_steps=60)
    expected, _ = reference.solve_rows(**case)
    assert_close(x, expected, 1e-4)


def test_repeated_entries_count_repeatedly() -> None:
    rng = np.random.default_rng(0)
    n, width = 30_000, 16
    case: Case = {
        "indptr": np.array([0, n]),
        "columns": rng.integers(0, 50, n).astype(np.int32),
        "factors": rng.normal(size=(50, width)).astype(np.float32),
        "ridge": np.array([1.0], np.float32),
        "targets": rng.normal(size=n).astype(np.float32),
    }
    # The same sums with every column once, weighted by how often it occurs.
    weights = np.bincount(case["columns"], minlength=50)
    targets = np.bincount(case["columns"], case["targets"], minlength=50)
    expected, _ = reference.solve_rows(
        np.array([0, 50]), np.arange(50), case["factors"], case["ridge"],
        weights=weights, targets=targets,
    )  # fmt: skip
    for steps in (0, 60):
        x, _ = kernels.solve_rows(**case, cg_steps=steps)
        assert_close(x, expected, 1e-4)


def long_and_short_rows(width: int) -> Case:
    # More columns than a block of long rows shares, and rows on both sides of what counts as long.
    rng = np.random.default_rng(width)
    n_columns = 3 * 256 * 1024 // width
    lengths = [70_000 // width, 0, 3, 200_000 // width, 40, 150_000 // width, 1]
    columns = [np.sort(rng.choice(n_columns, n, replace=False)) for n in lengths]
    n = sum(lengths)
    factors = rng.normal(size=(n_columns, width)).astype(np.float32)
    return {
        "indptr": np.concatenate([[0], np.cumsum(lengths)]),
        "columns": np.concatenate(columns).astype(np.int32),
        "factors": factors,
        "ridge": rng.uniform(0.5, 2, len(lengths)).astype(np.float32),
        "weights": rng.uniform(0, 3, n).astype(np.float32),
        "targets": rng.normal(size=n).astype(np.float32),
        "base": np.diag(rng.uniform(0.5, 2, width)),
        "base_rhs": rng.normal(size=width).astype(np.float32),
    }


@pytest.mark.parametrize("width", [64, 100])
@pytest.mark.usefixtures("isa")
def test_long_rows_reach_the_formula(width: int) -> None:
    case = long_and_short_rows(width)
    x, energy = kernels.solve_rows(**case, cg_steps=60)
    expected, expected_energy = reference.solve_rows(**case)
    assert_close(x, expected, 1e-4)
    assert_close(energy, expected_energy, 1e-4)


# With a large base, conjugate gradients are faster than a factorization; with a small one they are
# slower; in between it depends on the row.
@pytest.mark.parametrize("base", [1e-3, 100, 3000, 1e5])
@pytest.mark.parametrize("width", [64, 100])
@pytest.mark.usefixtures("isa")
def test_exact_solutions_equal_the_formula_however_they_are_found(width: int, base: float) -> None:
    case = long_and_short_rows(width)
    case["base"] = case["base"] * base
    x, energy = kernels.solve_rows(**case)
    expected, expected_energy = reference.solve_rows(**case)
    length = np.maximum(np.linalg.norm(expected, axis=1), 1e-6)
    assert (np.linalg.norm(x - expected, axis=1) / length).max() < 2e-5
    assert energy == pytest.approx(expected_energy, rel=2e-5)


def part_of(case: Case, rows: list[int]) -> Case:
    """The same problems for some of the rows."""
    order = np.concatenate([np.arange(*case["indptr"][row : row + 2]) for row in rows])
    lengths = np.diff(case["indptr"])[rows]
    return case | {
        "indptr": np.concatenate([[0], np.cumsum(lengths)]),
        "ridge": case["ridge"][rows],
        "columns": case["columns"][order],
        "weights": case["weights"][order],
        "targets": case["targets"][order],
    }


@pytest.mark.parametrize("base", [1e-3, 3000, 1e5])
def test_an_exact_solution_has_the_same_bits_alone_and_among_others(base: float) -> None:
    case = long_and_short_rows(64)
    case["base"] = np.diagonal(case["base"]) * base
    together, energies = kernels.solve_rows(**case)
    for row in range(len(together)):
        alone, energy = kernels.solve_rows(**part_of(case, [row]))
        assert np.array_equal(alone[0], together[row])
        assert energy[0] == energies[row]


def test_a_long_row_has_the_same_bits_alone_and_among_others() -> None:
    case = long_and_short_rows(64)
    together, _ = kernels.solve_rows(**case, cg_steps=2, n_threads=1)
    for threads in (2, 7):
        again, _ = kernels.solve_rows(**case, cg_steps=2, n_threads=threads)
        assert np.array_equal(again, together)
    # One step, because the preconditioner uses a sample of all entries, which differs here.
    twice, _ = kernels.solve_rows(**part_of(case, [3, 3, 2]), cg_steps=1)
    assert np.array_equal(twice[0], twice[1])


@pytest.mark.parametrize("cg_steps", [0, 2])
def test_one_target_for_all_entries_equals_that_target_for_each(cg_steps: int) -> None:
    case = problem(7, n_rows=40, width=24)
    each = case | {"targets": np.full_like(case["targets"], 0.7), "weights": None}
    x, energy = kernels.solve_rows(**each, cg_steps=cg_steps)
    again, energies = kernels.solve_rows(**(each | {"targets": 0.7}), cg_steps=cg_steps)
    assert np.array_equal(x, again)
    assert np.array_equal(energy, energies)


def test_more_conjugate_gradient_steps_lower_the_energy() -> None:
    case = problem(3, width=32)
    energies = [kernels.solve_rows(**case, cg_steps=s)[1].sum() for s in (1, 2, 4, 8, 32)]
    assert np.all(np.diff(energies) <= 1e-5 * abs(energies[-1]))
    assert energies[0] > energies[-1] + 1e-3 * abs(energies[-1])


@pytest.mark.parametrize("cg_steps", [0, 3])
@pytest.mark.parametrize("relaxation", [0.5, 1.0, 1.7])
def test_the_energy_is_that_of_x_from_any_start(cg_steps: int, relaxation: float) -> None:
    case = problem(8, width=16)
    start = np.random.default_rng(1).normal(size=(12, 16)).astype(np.float32)
    x, energy = kernels.solve_rows(**case, start=start, cg_steps=cg_steps, relaxation=relaxation)
    for u, own in enumerate(x.astype(np.float64)):
        entries = slice(*case["indptr"][u : u + 2])
        y = case["factors"][case["columns"][entries]].astype(np.float64)
        matrix = (y.T * case["weights"][entries]) @ y + case["base"] + case["ridge"][u] * np.eye(16)
        right = case["targets"][entries] @ y + case["base_rhs"]
        assert energy[u] == pytest.approx(own @ matrix @ own - 2 * own @ right, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("cg_steps", [1, 2, 3])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("width", [5, 16, 64, 200])
@pytest.mark.usefixtures("isa")
def test_the_last_step_ends_where_the_energy_is_lowest_on_its_line(
    width: int, weighted: bool, cg_steps: int
) -> None:
    """It is computed without the residual that the steps before it leave."""
    case = problem(width, width=width)
    if not weighted:
        case["weights"] = None
    x, _ = kernels.solve_rows(**case, cg_steps=cg_steps)
    before, _ = kernels.solve_rows(**case, cg_steps=cg_steps - 1) if cg_steps > 1 else (0 * x, 0)
    for u, own in enumerate(x.astype(np.float64)):
        entries = slice(*case["indptr"][u : u + 2])
        y = case["factors"][case["columns"][entries]].astype(np.float64)
        w = case["weights"][entries] if weighted else np.ones(len(y))
        matrix = (y.T * w) @ y + case["base"] + case["ridge"][u] * np.eye(width)
        right = case["targets"][entries] @ y + case["base_rhs"]
        line = own - before[u]
        length = np.linalg.norm(line)
        assert length > 1e-3 * np.linalg.norm(own) or not len(y)
        slope = line @ (matrix @ own - right)
        assert abs(slope) < 1e-4 * length * np.linalg.norm(right)


@pytest.mark.parametrize("cg_steps", [0, 3])
def test_relaxation_goes_on_along_the_line_from_the_start(cg_steps: int) -> None:
    case = problem(8, width=16)
    start = np.random.default_rng(1).normal(size=(12, 16)).astype(np.float32)
    x, _ = kernels.solve_rows(**case, start=start, cg_steps=cg_steps)
    beyond, _ = kernels.solve_rows(**case, start=start, cg_steps=cg_steps, relaxation=1.7)
    assert_close(beyond, start + 1.7 * (x - start), 1e-5)
    kept = start.copy()
    again, _ = kernels.solve_rows(**case, start=kept, overwrite_start=True, cg_steps=cg_steps)
    assert again is kept
    assert np.array_equal(again, x)


# From rows far shorter than wide to rows longer than wide.
@pytest.mark.parametrize("n_columns", [3, 8, 17, 30, 60])
@pytest.mark.parametrize("base", ["diagonal", "full", None])
@pytest.mark.parametrize("starts", [False, True])
@pytest.mark.usefixtures("isa")
def test_short_rows_equal_the_formula(n_columns: int, base: str | None, starts: bool) -> None:
    case = problem(n_columns, n_columns=n_columns, width=40, density=0.9)
    diagonal = np.random.default_rng(0).uniform(0, 2, 40)
    case["base"] = {"diagonal": diagonal, "full": case["base"], None: None}[base]
    start = np.random.default_rng(1).normal(size=(12, 40)).astype(np.float32)
    x, energy = kernels.solve_rows(**case, start=start if starts else None)
    if base == "diagonal":
        case["base"] = np.diag(diagonal)
    expected, expected_energy = reference.solve_rows(**case)
    assert_close(x, expected, 1e-4)
    # With a start, the energy is that of the start minus the gain of one correction.
    assert_close(energy, expected_energy, 2e-3 if starts else 1e-4)


@pytest.mark.parametrize("ridge", [1e-5, 1e-2])
def test_short_rows_with_next_to_no_ridge(ridge: float) -> None:
    case = problem(2, n_columns=9, width=24, density=1) | {"base": None, "base_rhs": None}
    case["ridge"] = np.full(12, ridge, np.float32)
    x, _ = kernels.solve_rows(**case)
    # Outside the span of the entries only the ridge decides, so the scores are compared.
    expected, _ = reference.solve_rows(**case)
    assert_close(x @ case["factors"].T, expected @ case["factors"].T, 1e-5)


def test_entries_of_unequal_scale_take_no_more_steps() -> None:
    # Coordinates a hundred times apart: the diagonal that preconditions must know the entries.
    case = problem(9, n_columns=200, width=8) | {"base": None, "base_rhs": None}
    case["factors"] *= np.geomspace(0.1, 10, 8, dtype=np.float32)
    case["ridge"][:] = 0.01
    _, energy = kernels.solve_rows(**case, cg_steps=6)
    _, expected = reference.solve_rows(**case)
    assert (energy - expected).sum() < 0.02 * -expected.sum()


def test_a_warm_start_at_the_solution_stays_there() -> None:
    case = problem(4, width=16)
    x, _ = kernels.solve_rows(**case)
    again, _ = kernels.solve_rows(**case, start=x, cg_steps=1)
    assert_close(again, x, 1e-5)


@pytest.mark.parametrize("cg_steps", [0, 3])
def test_same_bits_at_any_thread_count(cg_steps: int) -> None:
    case = problem(5, n_rows=300, n_columns=80, width=24)
    results = [kernels.solve_rows(**case, cg_steps=cg_steps, n_threads=n) for n in (1, 2, 3, 8)]
    for x, energy in results[1:]:
        assert np.array_equal(x, results[0][0])
        assert np.array_equal(energy, results[0][1])


NO_ENTRIES: Case = {"indptr": np.array([0, 0]), "columns": np.array([], np.int32)}


@pytest.mark.parametrize("start", [None, np.ones((1, 4), np.float32)])
@pytest.mark.parametrize("ridge", [0, 1])
def test_a_row_without_entries_is_zero_wherever_it_starts(
    start: np.ndarray | None, ridge: float
) -> None:
    factors, ridges = np.ones((3, 4), np.float32), np.full(1, ridge, np.float32)
    x, energy = kernels.solve_rows(
        **NO_ENTRIES, factors=factors, ridge=ridges, start=start, relaxation=1.5
    )
    assert not x.any()
    assert energy == [0]


@pytest.mark.parametrize("cg_steps", [0, 9])
def test_without_columns_the_base_alone_decides(cg_steps: int) -> None:
    factors, ridge, ones = (np.ones(shape, np.float32) for shape in ((0, 4), 1, 4))
    x, energy = kernels.solve_rows(
        **NO_ENTRIES, factors=factors, ridge=ridge, base=ones, base_rhs=ones, cg_steps=cg_steps
    )
    assert np.allclose(x, 0.5)
    assert energy == pytest.approx([-2])


@pytest.mark.parametrize("base", [None, "one negative", "all negative but entries weigh nothing"])
def test_a_matrix_that_is_not_positive_definite_comes_back_as_nan(base: str | None) -> None:
    case = problem(6, n_rows=2, width=32, density=0.1) | {"base": None, "base_rhs": None}
    if base is None:
        case["ridge"] = np.full(2, -100, np.float32)
    elif base == "one negative":
        case["base"] = np.r_[np.full(31, 1e3), -50]
    else:
        case |= {"weights": np.zeros_like(case["weights"]), "ridge": np.full(2, -1, np.float32)}
    x, energy = kernels.solve_rows(**case)
    assert np.isnan(x).all()
    assert np.isnan(energy).all()


@pytest.mark.parametrize("cg_steps", [0, 2])
@pytest.mark.parametrize("what", ["targets", "weights"])
def test_overflow_comes_back_as_nan(what: str, cg_steps: int) -> None:
    case = problem(6, width=32) | {what: np.full(len(problem(6)["columns"]), 1e38, np.float32)}
    x, energy = kernels.solve_rows(**case, cg_steps=cg_steps)
    assert np.isnan(x).all()
    assert np.isnan(energy).all()


def test_the_typical_square_that_is_known_gives_the_same_bits() -> None:
    case = problem(3, width=24) | {"base": None}
    typical = kernels.typical_square(case["factors"])
    assert typical == pytest.approx((case["factors"].astype(float) ** 2).mean(axis=0), rel=1e-5)
    x, energy = kernels.solve_rows(**case, typical=typical)
    expected, expected_energy = kernels.solve_rows(**case)
    assert x.tobytes() == expected.tobytes()
    assert energy.tobytes() == expected_energy.tobytes()
    with pytest.raises(ArgumentError, match="diagonal base"):
        kernels.solve_rows(**case | {"base": np.eye(24)}, typical=typical)
