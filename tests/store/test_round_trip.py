"""Any model comes back from its file to the bit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import recsys
from recsys.csr import frozen_csr
from recsys.ids import IdIndex
from recsys.models.common import Progress
from recsys.models.factors import Factors
from recsys.models.item_weights import ItemWeights

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
NUMBERS = st.floats(-(2.0**60), 2.0**60, width=32)
SMALL = st.integers(1, 5)

ids = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=5, unique=True),
    st.lists(TEXT, min_size=1, max_size=5, unique=True),
)
progress = st.builds(
    Progress, SMALL, SMALL, st.floats(allow_nan=False), st.floats(0, 1e9),
    st.dictionaries(TEXT, st.floats(allow_nan=False), max_size=2),
)  # fmt: skip
feedback = st.builds(recsys.Feedback, st.booleans(), st.none() | st.floats(-10, 10))


def floats(*shape: int) -> st.SearchStrategy[np.ndarray]:
    return arrays_of.arrays(np.float32, shape, elements=NUMBERS)


@st.composite
def matrices(draw: st.DrawFn, n: int, m: int) -> sp.csr_matrix:
    there = draw(arrays_of.arrays(bool, (n, m)))
    matrix = sp.csr_matrix(there, dtype=np.float32)
    return sp.csr_matrix((draw(floats(matrix.nnz)), matrix.indices, matrix.indptr), shape=(n, m))


@st.composite
def item_tables(draw: st.DrawFn, n: int) -> pd.DataFrame:
    rows: dict[str, Any] = {
        "title": st.none() | TEXT,
        "id": TEXT,
        "year": st.none() | st.integers(1900, 2100),
        "price": st.none() | NUMBERS,
        "adult": st.booleans(),
        "released": st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)).map(pd.Timestamp),
    }
    chosen = draw(st.lists(st.sampled_from(list(rows)), unique=True))
    table = {name: draw(st.lists(rows[name], min_size=n, max_size=n)) for name in chosen}
    frame = pd.DataFrame(table, index=range(n))
    return frame.astype({"year": "Int64"}) if "year" in chosen else frame


@st.composite
def models(draw: st.DrawFn) -> recsys.Recommender:
    users, items = IdIndex(draw(ids), "user"), IdIndex(draw(ids), "item")
    n, m, f = len(users), len(items), draw(st.integers(0, 3))
    log = tuple(draw(st.lists(progress, max_size=2)))
    fitted: Factors | ItemWeights
    if draw(st.booleans()):
        weights = frozen_csr(draw(matrices(m, m)))
        fitted = ItemWeights(users, items, weights, recsys.ItemKNN(3), log)
    else:
        state = {
            name: array
            for name, array in {
                "user_scale": draw(floats(n)),
                "item_priors": draw(floats(m, 2, 2)).astype(np.float64),
                "counts": draw(arrays_of.arrays(np.int64, 3)),
                "été": draw(arrays_of.arrays(np.uint8, ())),
            }.items()
            if draw(st.booleans())
        }
        tables = draw(floats(n)), draw(floats(m)), draw(floats(n, f)), draw(floats(m, f))
        mean = draw(st.floats(-1e9, 1e9))
        fitted = Factors(users, items, mean, *tables, recsys.PureSVD(2), log, state)
    history = frozen_csr(draw(matrices(n, m))) if draw(st.booleans()) else None
    table, fingerprint = draw(item_tables(m)), draw(st.text("0123456789abcdef"))
    return recsys.Recommender(fitted, table, history, draw(feedback), fingerprint)


def assert_same_bits(after: np.ndarray, before: np.ndarray) -> None:
    assert after.dtype == before.dtype
    assert after.shape == before.shape
    assert after.tobytes() == before.tobytes()


def assert_same_matrix(after: sp.csr_matrix | None, before: sp.csr_matrix | None) -> None:
    assert (after is None) == (before is None)
    if after is not None and before is not None:
        assert after.shape == before.shape
        for name in ("data", "indices", "indptr"):
            assert_same_bits(getattr(after, name), getattr(before, name))


@settings(max_examples=40, deadline=None)
@given(before=models(), verify=st.booleans())
def test_any_model_comes_back_to_the_bit(
    before: recsys.Recommender, verify: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Syncing files to disk would take longer than everything else.
        patch.setattr("os.fsync", lambda _: None)
        path = recsys.save(before, tmp_path_factory.getbasetemp() / "any")
    after = recsys.load(path, verify=verify)
    assert type(after.factors) is type(before.factors)
    for name in ("users", "items"):
        found, wanted = getattr(after.factors, name), getattr(before.factors, name)
        assert found.kind == wanted.kind
        assert found.ids.tolist() == wanted.ids.tolist()
    assert after.factors.spec == before.factors.spec
    assert after.factors.log == before.factors.log
    assert (after.feedback, after.fingerprint) == (before.feedback, before.fingerprint)
    assert_same_matrix(after.history, before.history)
    pd.testing.assert_frame_equal(after.item_table, before.item_table)
    if isinstance(before.factors, ItemWeights):
        assert_same_matrix(after.factors.weights, before.factors.weights)
        return
    assert after.factors.mean == before.factors.mean
    for name in ("user_bias", "item_bias", "user_factors", "item_factors"):
        assert_same_bits(getattr(after.factors, name), getattr(before.factors, name))
    assert set(after.factors.state) == set(before.factors.state)
    for name, array in before.factors.state.items():
        assert_same_bits(after.factors.state[name], array)
