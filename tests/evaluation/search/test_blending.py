"""The weights of a blend: chosen on held-out ratings, the same every time."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import recsys
from recsys import Ratings
from recsys.app.recipe import Recipe
from recsys.errors import ArgumentError
from recsys.evaluation.protocol.validation import validation_score
from recsys.evaluation.search.blending import Blending
from recsys.evaluation.search.record import lines
from recsys.models.blend import Blend
from recsys.recommend.chosen import Searching

ALS = recsys.ImplicitALS(16, unobserved_weight=0.1, n_epochs=6)
SVD = recsys.NormalizedSVD(24)


def noisy_world(seed: int = 0) -> Ratings:
    """Users of 30 tastes, each of which likes 20 of 240 items, among others at random."""
    rng = np.random.default_rng(seed)
    tastes = np.zeros((30, 240), bool)
    for taste in tastes:
        taste[rng.choice(240, 20, replace=False)] = True
    own = tastes[rng.integers(30, size=800)]
    return Ratings.from_matrix(
        sp.csr_matrix(
            (own & (rng.random(own.shape) < 0.5)) | (rng.random(own.shape) < 0.02), dtype=np.float32
        )
    )


def test_no_member_and_no_weights_that_were_tried_are_better() -> None:
    chosen = recsys.blend(ALS, SVD, recsys.Popularity()).choose(noisy_world())
    trials = chosen.record["trials"]
    assert all(sum(trial["weights"]) == pytest.approx(1) for trial in trials)
    alone = [trial for trial in trials if max(trial["weights"]) == 1]
    assert len(alone) == 3
    best = max(trials, key=lambda trial: trial["ndcg"])
    assert chosen.record["validation"] == best["ndcg"] > 1.001 * max(a["ndcg"] for a in alone)
    assert isinstance(chosen.spec, Blend)
    assert [w for w in best["weights"] if w] == list(chosen.spec.weights or ())


def test_a_member_that_adds_nothing_is_left_out() -> None:
    """Scores of chance, from a training that never began, next to a model that knows the tastes."""
    nothing = recsys.BPR(4, learning_rate=1e-9, n_epochs=1)
    assert recsys.blend(nothing, SVD).choose(noisy_world()).spec == SVD
    spec = recsys.blend("popularity", "popularity").choose(noisy_world()).spec
    assert spec == recsys.Popularity()


def test_the_same_data_and_seed_choose_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("RECSYS_NUM_THREADS", threads)
        found.append(recsys.blend(ALS, SVD).choose(noisy_world()).record)
    assert found[0] == found[1]
    other = recsys.blend(ALS, SVD, seed=1).choose(noisy_world()).record
    assert other["trials"] != found[0]["trials"]


def test_it_trains_evaluates_and_keeps_its_record(tmp_path: Path) -> None:
    ratings, progress = noisy_world(), list[Searching]()
    model = recsys.train(recsys.blend(ALS, SVD), ratings, on_search=progress.append)
    assert model.search is not None
    assert len(progress) == len(model.search["trials"])
    assert progress[-1].best == model.search["validation"]
    loaded = recsys.load(recsys.save(model, tmp_path / "blend.model"))
    assert loaded.search is not None
    assert loaded.search == json.loads(json.dumps(model.search))
    assert [heading for heading, _ in lines(loaded.search)] == ["searched", "feedback", "the same"]
    result = recsys.evaluate({"blend": recsys.blend(ALS, SVD)}, recsys.splits.random(ratings), k=5)
    assert result.of("blend", "ndcg@5")["mean"] > result.of("popularity", "ndcg@5")["mean"]


def test_the_recipe_line_trains_the_same_blend() -> None:
    ratings = noisy_world()
    members = [{"model": "implicit-als", "n_factors": 16, "n_epochs": 4}, "normalized-svd"]
    chosen = recsys.blend(*members, seed=3).choose(ratings, recsys.Feedback(ones=True))
    words = shlex.split(chosen.record["recipe"])
    given = dict(zip(words[::2], words[1::2], strict=True))
    settings = [words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--set"]
    recipe = Recipe("RATINGS", model=given["--model"], hyperparameters=dict(settings))
    assert given["--feedback"] == "ones"
    assert recipe.spec() == chosen.spec


def test_the_feedback_with_which_equal_weights_rank_best_is_taken() -> None:
    seen = noisy_world()
    stars = np.random.default_rng(1).integers(1, 6, seen.n_ratings)
    chosen = recsys.blend(ALS, SVD).choose(seen.with_values(stars))
    trials = chosen.record["trials"]
    alike = {t["feedback"]: t["ndcg"] for t in trials if t["weights"] == [0.5, 0.5]}
    assert set(alike) == {"centered", "ones", "values", "at-least=4"}
    # The stars say nothing, so it is best not to look at them.
    assert str(chosen.feedback) == max(alike, key=lambda kind: alike[kind]) == "ones"
    given = recsys.blend(ALS, SVD).choose(seen.with_values(stars), recsys.Feedback())
    assert {t["feedback"] for t in given.record["trials"]} == {"values"}


def test_a_member_may_choose_its_own_hyperparameters() -> None:
    chosen = recsys.blend(recsys.auto(budget=0.2), recsys.Popularity()).choose(noisy_world())
    assert chosen.feedback == recsys.Feedback()
    assert chosen.record["searched"]["of"][0]["model"] == "auto"
    spec = chosen.spec.to_dict()  # without weight on popularity it stands alone
    assert spec.get("of", [spec])[0]["model"] == "implicit-als"


def test_recipes_choose_the_weights_unless_they_are_given() -> None:
    def spec(**hyperparameters: Any) -> Any:
        return Recipe("R", model="blend", hyperparameters=hyperparameters, seed=2).spec()

    searching = spec(of="auto,pure-svd")
    assert isinstance(searching, Blending)
    assert searching.to_dict()["of"] == [
        {"model": "auto", "budget": 8.0, "time_limit": None, "seed": 2},
        {"model": "pure-svd", "n_factors": 50},
    ]
    assert spec(of="biases,pure-svd", weights="1,2") == Blend(
        of=["biases", "pure-svd"], weights=[1, 2], seed=2
    )
    tables = [{"model": "pure-svd", "n_factors": 7}, {"model": "implicit-als", "seed": 9}]
    assert [one["model"] for one in spec(of=tables).to_dict()["of"]] == ["pure-svd", "implicit-als"]
    with pytest.raises(ArgumentError, match="no member 'ease'"):
        spec(of="auto,pure-svd", **{"ease.regularization": 3})
    with pytest.raises(ArgumentError, match="blend has no hyperparameter 'wights'"):
        spec(wights="1,2")


def test_where_nothing_can_be_held_out_all_weights_are_equal() -> None:
    few = Ratings.from_matrix(sp.csr_matrix(np.eye(4, dtype=np.float32)))
    chosen = recsys.blend("biases", "popularity").choose(few)
    assert chosen.spec == Blend(of=["biases", "popularity"], weights=[1, 1])
    assert "too few ratings" in chosen.record["remarks"][0]


@pytest.mark.data
@pytest.mark.slow
def test_accuracy_band_on_ml_100k(ml_100k: Path) -> None:
    """ImplicitALS alone has 0.346 and NormalizedSVD 0.337 on this split, EASE 0.350."""
    split = recsys.splits.random(recsys.feedback.ones(recsys.read_ratings(ml_100k)), test=0.1)
    members = recsys.ImplicitALS(32, unobserved_weight=0.5), recsys.NormalizedSVD(64)
    fitted = recsys.blend(*members).fit(split.train)
    assert 0.342 < validation_score(fitted, split) < 0.355
