"""Exported factors give the model's scores to whoever reads them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import ArgumentError, ModelError
from recsys.store.export import export


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("to", ["parquet", "npz"])
def test_scores_can_be_computed_from_the_files(
    to: str, text: bool, sample: recsys.Ratings, random_ratings: recsys.Ratings, tmp_path: Path
) -> None:
    ratings = random_ratings if text else sample
    model = recsys.train(recsys.ExplicitALS(4, n_epochs=3), ratings)
    files = export(model, tmp_path, to)
    if to == "npz":
        with np.load(files[0], allow_pickle=False) as saved:
            scores = saved["user_factors"] @ saved["item_factors"].T
            scores = scores + saved["user_bias"][:, None] + saved["item_bias"] + saved["mean"]
            users, items = saved["user_ids"], saved["item_ids"]
    else:
        people, films = (pd.read_parquet(path) for path in files)
        scores = np.stack(people["factors"].tolist()) @ np.stack(films["factors"].tolist()).T
        scores = scores + people["bias"].to_numpy()[:, None] + films["bias"].to_numpy()
        scores = scores + model.factors.mean
        users, items = people["id"].to_numpy(), films["id"].to_numpy()
        assert films["title"].tolist() == ratings.item_table["title"].tolist()
    expected = model.predict(np.repeat(users, len(items)), np.tile(items, len(users)))
    assert scores.ravel() == pytest.approx(expected, abs=1e-4)


def test_what_cannot_be_exported_is_named(sample: recsys.Ratings, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="ease has no factors to export"):
        export(recsys.train(recsys.EASE(), sample), tmp_path)
    model = recsys.train(recsys.Popularity(), sample)
    with pytest.raises(ArgumentError, match="to must be one of parquet, npz"):
        export(model, tmp_path, "csv")
    assert "factors" not in pd.read_parquet(export(model, tmp_path)[0])
