"""Layouts outside MovieLens go from file to recommendations by `recsys train FILE` alone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest
import scipy.io
import scipy.sparse as sp
from commands import RunCommand

import recsys

N_USERS, N_ITEMS = 12, 10
# Two tastes: even users like even items; each user misses one item of their own taste.
CELLS = [
    (u, i, 5 if (u + i) % 2 == 0 else 1)
    for u in range(N_USERS)
    for i in range(N_ITEMS)
    if ((u + i) % 2 == 0 and i // 2 != u // 2 % 5) or (i == 2 * (u % 5) + (u + 1) % 2)
]
DENSE = np.zeros((N_USERS, N_ITEMS))
for _u, _i, _r in CELLS:
    DENSE[_u, _i] = _r
FRAME = pd.DataFrame(CELLS, columns=["user", "item", "rating"])


def netflix(folder: Path) -> Path:
    lines = []
    for item in range(N_ITEMS):
        lines.append(f"{item}:")
        lines += [f"{u},{r},2005-09-{u + 1:02}" for u, i, r in CELLS if i == item]
    (folder / "combined_data_1.txt").write_text("\n".join(lines) + "\n")
    return folder / "combined_data_1.txt"


def amazon(folder: Path) -> Path:
    rows = [
        {
            "reviewerID": str(u),
            "asin": str(i),
            "overall": float(r),
            "unixReviewTime": 1404172800 + u,
        }
        for u, i, r in CELLS
    ]
    file = folder / "Books_5.json.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return file


def steam(folder: Path) -> Path:
    lines = [f'{u},"{i}",{k},{h},0' for u, i, r in CELLS for k, h in (("purchase", 1), ("play", r))]
    (folder / "steam.csv").write_text("\n".join(lines))
    return folder / "steam.csv"


def wide(folder: Path) -> Path:
    lines = ["," + ",".join(map(str, range(N_ITEMS)))]
    lines += [f"{u}," + ",".join(f"{x:g}" if x else "" for x in row) for u, row in enumerate(DENSE)]
    (folder / "wide.csv").write_text("\n".join(lines))
    return folder / "wide.csv"


def npz(folder: Path) -> Path:
    sp.save_npz(folder / "counts.npz", sp.csr_matrix(DENSE))
    return folder / "counts.npz"


def npy(folder: Path) -> Path:
    np.save(folder / "dense.npy", DENSE)
    return folder / "dense.npy"


def matrix_market(folder: Path) -> Path:
    scipy.io.mmwrite(folder / "m.mtx", sp.coo_matrix(DENSE))
    return folder / "m.mtx"


def spark(folder: Path) -> Path:
    (folder / "_SUCCESS").touch()
    for n, part in enumerate((FRAME[:20], FRAME[20:], FRAME[:0])):
        part.to_csv(folder / f"part-0000{n}-abc-c000.csv", index=False)
    return folder


def arrow(folder: Path) -> Path:
    with pa.ipc.new_file(str(folder / "r.arrow"), pa.table(FRAME).schema) as writer:
        writer.write_table(pa.table(FRAME))
    return folder / "r.arrow"


def feather(folder: Path) -> Path:
    FRAME.to_feather(folder / "r.feather")
    return folder / "r.feather"


def parquet_folder(folder: Path) -> Path:
    for n, part in enumerate((FRAME[:20], FRAME[20:])):
        part.to_parquet(folder / f"part-0000{n}.snappy.parquet", index=False)
    return folder


def recbole(folder: Path) -> Path:
    named = FRAME.set_axis(["user_id:token", "item_id:token", "rating:float"], axis=1)
    for part in ("train", "valid", "test"):
        kept = named if part == "train" else named[:2]
        kept.to_csv(folder / f"toy.{part}.inter", sep="\t", index=False)
    return folder


LAYOUTS: dict[Callable[[Path], Path], tuple[str, str]] = {
    netflix: ("Netflix prize", ""),
    amazon: ("JSON lines", ""),
    steam: ("Steam", f"a play counts its hours ({len(CELLS)} rows)"),
    wide: ("wide matrix", "read as a matrix with a row per user and a column per item: 12 rows"),
    npz: ("matrix file", "read as a matrix of 12 users and 10 items"),
    npy: ("matrix file", "cells that are 0 are read as not rated"),
    matrix_market: ("matrix file", "read as a matrix of 12 users and 10 items"),
    spark: ("part files", "2 part files were read as one table"),
    arrow: ("Arrow", ""),
    feather: ("Arrow", ""),
    parquet_folder: ("Parquet", "2 Parquet files were read as one table"),
    recbole: ("RecBole", "only toy.train.inter was read, the training part"),
}
"""Function that writes it → name of the layout, and a remark of the account."""


@pytest.mark.parametrize("write", LAYOUTS, ids=lambda write: write.__name__)
def test_from_file_to_recommendations(
    write: Callable[[Path], Path], recsys_command: RunCommand, tmp_path: Path
) -> None:
    place = tmp_path / "data"
    place.mkdir()
    file = write(place)
    model = tmp_path / "model.safetensors"
    # One by the defaults alone; for the others, the model comes from a rule without a search.
    budget = () if write is netflix else ("--budget", 0)
    code, _, error = recsys_command("train", file, "--out", model, *budget)
    assert code == 0, error
    code, out, error = recsys_command("recommend", model, "--user", 4, "--json")
    assert code == 0, error
    found = [row["item"] for row in json.loads(out)["rows"]]
    assert set(found) == set(np.flatnonzero(DENSE[4] == 0))
    # What was read is what was written, and the account says how.
    ratings = recsys.read_ratings(file)
    assert ratings.matrix.toarray().tolist() == DENSE.tolist()
    assert ratings.users.ids.tolist() == list(range(N_USERS))
    account = ratings.account
    assert account is not None
    layout, remark = LAYOUTS[write]
    assert account.layout == layout
    assert account.source == str(file)
    assert account.n_rows == len(CELLS) + sum(account.dropped.values())
    assert (account.low, account.high) == (1, 5)
    assert any(one.startswith(remark) for one in account.remarks) or not remark
