import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys import Ratings
from recsys.errors import ModelError
from recsys.maps.movie_map import movie_map, page_script
from recsys.maps.neighbourhoods import neighbourhoods
from recsys.maps.projection import project
from recsys.recommend.recommender import Recommender

ODD = 'Quote "</script><b>" & <!--<script> Co (1999)'


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
    assert page.count("<script") == 2
    assert "<!--" not in page
    assert payload(page)["titles"][3] == ODD


def test_the_page_is_the_same_every_time(model: Recommender, file: Path) -> None:
    assert movie_map(model, users=[7]) == file.read_text("utf-8")


def test_the_page_holds_the_neighbourhoods(model: Recommender, file: Path) -> None:
    data = payload(file.read_text())
    view = neighbourhoods(model, project(model, None, "cosine"))
    plane = unpacked(data["plane"], "<i2").reshape(200, 2)
    scale = np.abs(view.items).max() / 32_000
    assert plane * scale == pytest.approx(view.items, abs=scale)
    assert [one["name"] for one in data["regions"]] == [one.name for one in view.regions]
    assert np.array(data["regions"][0]["at"]) * scale == pytest.approx(
        view.regions[0].centre, abs=scale
    )
    region_of = np.where(view.region_of < 0, 255, view.region_of)
    assert unpacked(data["regionOf"], "u1").tolist() == region_of.tolist()
    near = unpacked(data["near"], "<i4").reshape(200, data["nearWidth"])
    assert np.array_equal(near, view.near)
    about = re.search(r'<p id="about">(.*?)</p>', file.read_text(), re.S)
    assert about
    assert f"{view.kept:.0%} of an item" in about[1]


def test_people_come_with_what_is_recommended_to_them(model: Recommender, file: Path) -> None:
    people = payload(file.read_text())["users"]
    assert len(people) == 200
    for person in people[:5]:
        user = int(person["name"].removeprefix("user "))
        expected = model.recommend(user, n=10)["item"]
        assert model.factors.items.ids[person["recommended"]].tolist() == expected.tolist()
        assert not set(person["recommended"]) & set(person["items"])


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
    assert data["open"] == "item"
    assert not any(unpacked(data["counts"], "<u4"))
    with pytest.raises(ModelError, match="no history"):
        movie_map(bare, users=[bare.factors.users.ids[0]])


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
