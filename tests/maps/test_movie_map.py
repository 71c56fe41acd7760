import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys import Ratings
from recsys.maps.movie_map import movie_map, neighbours, page_script
from recsys.maps.projection import project
from recsys.recommend.recommender import Recommender

ODD = 'Quote "</script><b>" & Co (1999)'


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    trained = recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)
    table = trained.item_table.copy()
    table.loc[3, "title"] = ODD
    return replace(trained, item_table=table)


@pytest.fixture(scope="module")
def file(model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("map") / "map.html"
    movie_map(model, path, users=[7])
    return path


def payload(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="data"[^>]*>(.*?)</script>', page, re.S)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def test_neighbours_are_the_most_similar_items(model: Recommender) -> None:
    items, scores = neighbours(model, 5)
    for row in (0, 3, 150):
        expected = model.similar_items(int(model.factors.items.ids[row]), 5)
        assert model.factors.items.ids[items[row]].tolist() == expected["item"].tolist()
        assert scores[row] == pytest.approx(expected["score"].to_numpy(), abs=1e-5)


def test_an_item_without_factors_has_no_neighbours_and_is_none(model: Recommender) -> None:
    table = model.factors.item_factors.copy()
    table[5] = 0
    blank = replace(model, factors=replace(model.factors, item_factors=table))
    items, scores = neighbours(blank, 199)
    assert (items[5] == -1).all()
    assert np.isnan(scores[5]).all()
    assert 5 not in items
    others = np.delete(items, 5, axis=0)
    assert (others[:, :198] >= 0).all()
    assert (others[:, 198] == -1).all()


def test_the_page_holds_the_projection_and_the_ratings(
    model: Recommender, file: Path, sample: Ratings
) -> None:
    data = payload(file.read_text())
    found = project(model, variant="cosine")
    coords = unpacked(data["coords"], "<i2").reshape(200, -1)[:, :2].astype(float)
    scale = found.items[:, :2].std() / coords.std()
    assert coords * scale == pytest.approx(found.items[:, :2], abs=2e-4 * np.abs(found.items).max())
    counts = np.bincount(sample.matrix.indices, minlength=200)
    assert unpacked(data["counts"], "<u4").tolist() == counts.tolist()
    means = np.bincount(sample.matrix.indices, sample.matrix.data, 200) / np.maximum(counts, 1)
    assert unpacked(data["means"], "<f4") == pytest.approx(means, abs=1e-5)
    person = data["users"][0]
    assert person["name"] == "user 7"
    row = sample.matrix[sample.users.row(7)]
    at = found.users[sample.users.row(7), :2] * found.user_scale
    assert np.array(person["at"][:2]) * scale == pytest.approx(at, rel=1e-3, abs=1e-3)
    assert person["items"] == row.indices.tolist()
    assert person["ratings"] == row.data.tolist()
    names, flags = [], []
    for bit, genre in enumerate(data["genres"]):
        names.append(genre)
        flags.append((unpacked(data["genreBits"], "<u4") >> bit) & 1)
    expected = sample.item_table["genres"].iloc[10].split("|")
    assert sorted(n for n, f in zip(names, flags, strict=True) if f[10]) == sorted(expected)


def test_the_page_is_one_file_and_odd_titles_do_no_harm(file: Path) -> None:
    page = file.read_text()
    assert not re.search(r"https?://|@import|url\(|src=", page)
    assert page.count("</script>") == 2
    assert payload(page)["titles"][3] == ODD


def test_a_model_without_titles_genres_and_history(random_ratings: Ratings, tmp_path: Path) -> None:
    bare = replace(
        recsys.train(recsys.PureSVD(3), random_ratings),
        item_table=pd.DataFrame(index=pd.RangeIndex(25)),
        history=None,
    )
    data = payload(movie_map(bare))
    assert data["titles"][0] == "i00"
    assert data["genres"] == []
    assert data["users"] == []
    assert data["years"] is None


def test_a_given_projection_is_the_one_shown(model: Recommender) -> None:
    given_one = movie_map(model, projection=project(model, variant="pca"))
    assert given_one == movie_map(model, variant="pca")
    assert payload(given_one)["coords"] != payload(movie_map(model))["coords"]


def test_a_page_that_fails_leaves_the_old_file(model: Recommender, tmp_path: Path) -> None:
    file = tmp_path / "map.html"
    file.write_text("old")
    with pytest.raises(recsys.errors.UnknownIdError):
        movie_map(model, file, users=[99_999])
    assert file.read_text() == "old"
    (tmp_path / "new").mkdir()
    page = movie_map(model, tmp_path / "new" / "folder" / "map.html")
    written = tmp_path / "new" / "folder"
    assert [path.name for path in written.iterdir()] == ["map.html"]
    assert (written / "map.html").read_text("utf-8") == page


def test_the_script_is_within_the_limits_of_a_file(root: Path) -> None:
    script = page_script()
    folder = root / "recsys" / "maps" / "page"
    parts = sorted(folder.glob("*.js"))
    assert sum(part.read_text("utf-8") in script for part in parts) == len(parts) > 1
    for part in parts:
        lines = part.read_text("utf-8").splitlines()
        assert len(lines) <= 400, part
        assert max(map(len, lines)) <= 100, part


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0.1, 10))
def test_neighbours_are_all_others_symmetric_and_blind_to_length(
    model: Recommender, seed: int, width: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    factors = model.factors
    n = len(factors.items)
    table = rng.normal(size=(n, width)).astype(np.float32)
    users = np.zeros((len(factors.users), width), np.float32)

    def of(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        changed = replace(factors, user_factors=users, item_factors=table)
        return neighbours(replace(model, factors=changed), n - 1)

    items, scores = of(table)
    cosines = np.full((n, n), np.nan)
    np.put_along_axis(cosines, items.astype(np.int64), scores, axis=1)
    assert np.isnan(np.diag(cosines)).all()
    assert np.isnan(cosines).sum() == n  # every other item, once
    assert np.allclose(cosines, cosines.T, atol=1e-5, equal_nan=True)
    assert (np.diff(scores, axis=1) <= 0).all()
    lengths = rng.uniform(0.5, 2, (n, 1)) * scale
    longer = of((table * lengths).astype(np.float32))[1]
    assert longer == pytest.approx(scores, abs=1e-5)
