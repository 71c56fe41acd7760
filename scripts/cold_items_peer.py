"""Cmfrec with item features, for scripts/cold_items.py; runs in an environment of its own."""

import sys
from pathlib import Path

import numpy as np
from cmfrec import CMF, CMF_implicit
from scipy.sparse import coo_matrix

K, THREADS = 50, 2
WEIGHTS = 0.5, 1.0, 5.0, 20.0
"""Weights of the features against the ratings."""


def main() -> None:
    """Writes the scores (n_users, n_held_out) of each setting beside the data."""
    folder = Path(sys.argv[1])
    data = np.load(folder / "data.npz")
    shape = tuple(int(n) for n in data["shape"])
    ratings = coo_matrix((data["values"], (data["users"], data["items"])), shape=shape)
    seen = coo_matrix((np.ones(len(data["values"])), (data["users"], data["items"])), shape=shape)
    features = np.ascontiguousarray(data["features"], np.float64)
    tables = {"columns": features[:, : int(data["n_alone"])], "columns and pairs": features}
    common = {"k": K, "nthreads": THREADS, "verbose": False, "random_state": 1}
    for kind, table in tables.items():
        for weight in WEIGHTS:
            ranks = CMF_implicit(**common, lambda_=1.0, alpha=1.0, niter=10, w_item=weight)
            ranks.fit(X=seen, I=table)
            _save(folder, f"cmfrec ranks, {kind}, {weight:g}", ranks, data)
            rates = CMF(**common, lambda_=0.05, scale_lam=True, niter=10, w_item=weight)
            rates.fit(X=ratings, I=table)
            _save(folder, f"cmfrec ratings, {kind}, {weight:g}", rates, data)


def _save(folder: Path, name: str, model: CMF, data: np.lib.npyio.NpzFile) -> None:
    users, items = np.meshgrid(data["at"], data["held_out"], indexing="ij")
    scores = model.predict(users.ravel(), items.ravel()).reshape(users.shape)
    np.save(folder / f"{name}.npy", np.nan_to_num(scores).astype(np.float32))


if __name__ == "__main__":
    main()
