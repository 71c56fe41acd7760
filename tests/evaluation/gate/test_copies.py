"""Users who are copies of others."""

import numpy as np
import scipy.sparse as sp

from recsys.evaluation.gate.copies import ALIKE, FEWEST, are_copies


def random_rows(n: int, per_row: int, seed: int = 0) -> sp.csr_matrix:
    rng = np.random.default_rng(seed)
    columns = np.concatenate([rng.choice(500, per_row, replace=False) for _ in range(n)])
    return sp.csr_matrix((np.ones(n * per_row), columns, np.arange(n + 1) * per_row), (n, 500))


def test_copies_with_some_entries_less_are_found_and_nobody_else() -> None:
    own = random_rows(400, 40)
    copied = own[:100].tolil()
    for row in range(100):  # of 40 entries 36 are left
        copied[row, own[row].indices[:4]] = 0
    found = are_copies(sp.vstack([own, copied.tocsr()], format="csr"))
    assert found[:100].mean() > 0.98
    assert found[400:].mean() > 0.98
    assert not found[100:400].any()


def test_every_copy_of_a_row_is_one() -> None:
    rows = sp.vstack([random_rows(1, 30)] * 7 + [random_rows(1, 30, seed=1)], format="csr")
    assert are_copies(rows).tolist() == [True] * 7 + [False]


def test_rows_that_share_less_or_have_few_entries_are_no_copies() -> None:
    half = np.zeros((2, 40))
    half[0, :20], half[1, 5:25] = 1, 1  # 15 of 25
    assert ALIKE > 15 / 25
    assert not are_copies(sp.csr_matrix(half)).any()
    short = np.zeros((2, 40))
    short[:, : FEWEST - 1] = 1
    assert not are_copies(sp.csr_matrix(short)).any()
    assert not are_copies(sp.csr_matrix((3, 40))).any()
