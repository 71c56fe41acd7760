"""The map in which anybody has a place."""

import json
import re

import numpy as np
import pytest
from hostile import LONG, ratings
from scipy.optimize import minimize

import recsys
from recsys import Ratings
from recsys.errors import ModelError
from recsys.maps.live_map import live_map, median, place
from recsys.recommend.person import ratings_row
from recsys.recommend.recommender import Recommender
from recsys.visible import one_line


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)


def test_the_factors_of_an_item_are_placed_where_the_item_is(model: Recommender) -> None:
    found = live_map(model)
    shown = found.to_dict()
    for row in np.argsort(-model.popularity)[:5]:
        # Of any length: a place is a direction.
        at = found.place(3 * model.factors.item_factors[row])
        expected = [shown["components"]["x"][row], shown["components"]["y"][row]]
        assert at.components == pytest.approx(expected, abs=1e-3)
        first, cosine = at.near[0]
        assert first == row
        assert cosine == pytest.approx(1, abs=1e-6)


def test_near_are_the_items_most_like_the_person(model: Recommender) -> None:
    user = int(model.factors.users.ids[3])
    x, y = model.factors.user_factors[3].astype(float), model.factors.item_factors.astype(float)
    cosines = y @ x / np.linalg.norm(y, axis=1) / np.linalg.norm(x)
    cosines[model.popularity < 20] = -1  # too few ratings to tell
    expected = np.argsort(-cosines)[:10]
    history = model.seen()[[model.factors.users.row(user)]]
    found = place(live_map(model), model, history)  # folded in: the same factors
    assert [one["item"] for one in found["near"]] == model.factors.items.ids[expected].tolist()
    cosines_given = [one["cosine"] for one in found["near"]]
    assert cosines_given == pytest.approx(cosines[expected], abs=1e-3)


def test_a_place_among_neighbourhoods_is_within_those_near(model: Recommender) -> None:
    shown = live_map(model).to_dict()
    rows = {item: row for row, item in enumerate(shown["items"])}
    best = int(model.factors.items.ids[7])
    found = place(live_map(model), model, ratings_row(model, {best: 5.0}))
    near = [rows[one["item"]] for one in found["near"]]
    for axis, at in zip("xy", found["neighbourhoods"], strict=True):
        own = [shown["neighbourhoods"][axis][row] for row in near]
        assert min(own) - 1e-3 <= at <= max(own) + 1e-3


def test_somebody_unknown_has_no_place(model: Recommender) -> None:
    found = place(live_map(model), model, ratings_row(model, {}))
    assert found["neighbourhoods"] is found["components"] is None
    assert found["near"] == []
    assert found["remarks"] == ["The model knows nothing about this user yet."]


def test_all_is_within_the_frame(model: Recommender) -> None:
    shown = live_map(model).to_dict()
    for view in ("neighbourhoods", "components"):
        values = np.abs([shown[view]["x"], shown[view]["y"]])
        assert values.max() == pytest.approx(1, abs=1e-4)


def test_a_large_catalogue_shows_the_most_rated(model: Recommender) -> None:
    shown = live_map(model, 50).to_dict()
    assert len(shown["items"]) == len(shown["titles"]) == len(shown["group"]) == 50
    counts = model.popularity
    assert min(shown["ratings"]) >= np.sort(counts)[-50]
    assert shown["ratings"] == counts[model.factors.items.rows(shown["items"])].tolist()
    assert shown["remarks"] == [f"The map has the 50 most rated of {len(counts):,} items."]
    assert shown["n_items"] == len(counts)
    found = place(live_map(model, 50), model, ratings_row(model, {shown["items"][0]: 5.0}))
    assert {one["item"] for one in found["near"]} <= set(shown["items"])
    assert live_map(model).to_dict()["remarks"] == []


def test_the_group_is_the_rarest_genre_with_a_colour(model: Recommender) -> None:
    shown, table = live_map(model).to_dict(), model.item_table
    sizes = {g: sum(g in str(text).split("|") for text in table["genres"]) for g in shown["groups"]}
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    for text, group in zip(table["genres"], shown["group"], strict=True):
        own = [g for g in str(text).split("|") if g in sizes]
        if not own:
            assert group == -1
        else:
            assert sizes[shown["groups"][group]] == min(sizes[g] for g in own)


def test_the_map_is_computed_once(model: Recommender) -> None:
    assert live_map(model) is live_map(model)


def test_the_median_has_the_least_sum_of_distances() -> None:
    points = np.random.default_rng(2).normal(size=(10, 2)) ** 3

    def total(at: np.ndarray) -> float:
        return float(np.linalg.norm(points - at, axis=1).sum())

    best = minimize(total, points.mean(axis=0), method="Nelder-Mead", tol=1e-9)
    assert total(median(points)) == pytest.approx(best.fun, rel=1e-5)
    assert median(np.full((3, 2), 0.5)).tolist() == [0.5, 0.5]


def test_two_tastes_stand_in_one_of_them() -> None:
    points = np.array([[0.0, 0]] * 6 + [[1.0, 1]] * 4)
    assert median(points) == pytest.approx([0, 0], abs=1e-3)


def test_a_model_without_factors_has_no_map(sample: Ratings) -> None:
    with pytest.raises(ModelError, match="no factors to map"):
        live_map(recsys.train(recsys.EASE(), sample))


def test_one_factor_and_no_table(checkerboard: tuple[Ratings, dict[int, int]]) -> None:
    model = recsys.train(recsys.PureSVD(1), checkerboard[0])
    shown = live_map(model).to_dict()
    assert len(shown["axes"]) == 1
    assert set(shown["components"]["y"]) == {0.0}
    assert shown["groups"] == []
    assert set(shown["group"]) == {-1}
    assert shown["titles"][0] == "item 0"


def test_hostile_titles_are_short_and_without_controls() -> None:
    model = recsys.train(recsys.ImplicitALS(4), ratings())
    shown = live_map(model).to_dict()
    assert LONG[:50] in " ".join(shown["titles"])
    texts = [*shown["titles"], *shown["groups"], *(one["name"] for one in shown["regions"])]
    for text in texts:
        assert text == one_line(text, 200)
    json.dumps(shown, allow_nan=False)


def test_every_group_has_a_colour_of_its_own_on_light_and_on_dark(model: Recommender) -> None:
    shown = live_map(model).to_dict()
    for colours in shown["palette"].values():
        assert len(set(colours)) == len(colours) >= len(shown["groups"])
        assert all(re.fullmatch("#[0-9a-f]{6}", one) for one in colours)
    assert set(shown["palette"]) == {"light", "dark"}
