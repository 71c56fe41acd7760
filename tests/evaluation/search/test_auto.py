"""`auto`: a model for the data at hand, the same every time, within its budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.sparse as sp

import recsys
from recsys import Ratings
from recsys.app.recipe import Recipe
from recsys.errors import ArgumentError
from recsys.evaluation.protocol.served import Served
from recsys.evaluation.protocol.validation import validation_score
from recsys.evaluation.search.kinds import kinds_of_feedback
from recsys.evaluation.search.record import lines
from recsys.evaluation.search.rule import EPOCHS, RULE, WIDTH, Shape
from recsys.models.spec import Spec
from recsys.ratings.splits import Split
from recsys.recommend.chosen import Chooser, Searching


def groups_world(
    n_users: int, n_items: int, n_groups: int, per_user: int, seed: int
) -> npt.NDArray[np.bool_]:
    """Users who mostly choose items of their own group, some items more often than others."""
    rng = np.random.default_rng(seed)
    own = rng.integers(n_groups, size=n_users)[:, None] == rng.integers(n_groups, size=n_items)
    weights = np.where(own, 100.0, 1.0) * rng.pareto(3, n_items)
    keys = rng.exponential(size=weights.shape) / np.maximum(weights, 1e-9)
    return keys <= np.sort(keys, axis=1)[:, per_user - 1 : per_user]


def dense_stars() -> Ratings:
    seen = groups_world(300, 150, 6, 40, 0)
    stars = np.random.default_rng(1).integers(1, 6, seen.shape)
    return Ratings.from_matrix(sp.csr_matrix(np.where(seen, stars, 0)))


def sparse_counts() -> Ratings:
    seen = groups_world(1500, 1200, 40, 8, 2)
    counts = np.random.default_rng(3).geometric(0.05, seen.shape)
    return Ratings.from_matrix(sp.csr_matrix(np.where(seen, counts, 0)))


def held_out(model: Spec | Chooser, split: Split) -> float:
    trained = recsys.train(model, split.train)
    return validation_score(trained.fitted, split)


@pytest.mark.parametrize("world", [dense_stars, sparse_counts])
def test_it_is_better_than_the_fixed_weights_and_than_popularity(
    world: Callable[[], Ratings],
) -> None:
    split = recsys.splits.random(world(), 0.1, seed=7)
    chosen = held_out(recsys.auto(budget=0.3), split)
    assert chosen > 1.05 * held_out(recsys.Popularity(), split)
    assert chosen > 1.02 * held_out(recsys.ImplicitALS(), split)


def test_the_same_data_and_seed_choose_the_same_bits_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ratings = sparse_counts()
    found = []
    for n in ("1", "2"):
        monkeypatch.setenv("RECSYS_NUM_THREADS", n)
        found.append(recsys.train(recsys.auto(budget=0.06), ratings))
    one, two = found
    assert one.search is not None
    assert one.search["trials"]
    assert one.search == two.search
    assert np.array_equal(one.factors.user_factors, two.factors.user_factors)
    assert np.array_equal(one.factors.item_factors, two.factors.item_factors)
    other = recsys.auto(budget=0.06, seed=1).choose(ratings).record
    assert other["trials"] != one.search["trials"]


def test_without_a_budget_it_is_the_rule(sample: Ratings) -> None:
    chosen = recsys.auto(budget=0, seed=4).choose(sample)
    feedback = recsys.Feedback(centered=True)
    counted = feedback.apply(sample)
    confidence = float(np.abs(counted.matrix.data).mean())
    expected = Shape.of(counted).spec(RULE, WIDTH, EPOCHS, confidence)
    assert chosen.spec == recsys.ImplicitALS(**expected.values() | {"seed": 4})
    assert chosen.feedback == feedback
    assert chosen.record["trials"] == []
    assert "not checked" in chosen.record["remarks"][0]


def test_the_rule_in_numbers() -> None:
    """900 of 10,000 pairs: 9 for each of 100 users and items."""
    cells = np.arange(100)[:, None] + np.arange(9)
    matrix = sp.csr_matrix((np.ones(900), (np.repeat(np.arange(100), 9), cells.ravel() % 100)))
    spec = Shape.of(Ratings.from_matrix(matrix)).spec(RULE, 500, 3)
    assert spec.unobserved_weight == pytest.approx(RULE.contrast * 0.09)
    ridge = spec.regularization * (9 + spec.unobserved_weight * 100) ** RULE.exponent
    assert ridge == pytest.approx(RULE.ridge * (3 + 3), rel=0.01)
    assert (spec.n_factors, spec.n_epochs) == (100, 3)  # no wider than the data


@pytest.mark.parametrize("budget", [0.05, 0.3])
def test_the_modelled_work_stays_within_the_budget(budget: float, sample: Ratings) -> None:
    record = recsys.auto(budget=budget).choose(sample).record
    assert record["trials"]
    assert record["work"] <= budget


def test_no_trial_is_made_twice(sample: Ratings) -> None:
    trials = recsys.auto(budget=0.2).choose(sample).record["trials"]
    settings = [
        tuple((key, value) for key, value in one.items() if key != "ndcg") for one in trials
    ]
    assert len(set(settings)) == len(settings)


def test_more_budget_tries_more(sample: Ratings) -> None:
    n = [len(recsys.auto(b).choose(sample).record["trials"]) for b in (0.02, 0.2)]
    assert 0 < n[0] < n[1]


def test_a_time_limit_is_reported_where_it_cut_the_search(sample: Ratings) -> None:
    record = recsys.auto(time_limit=1e-9).choose(sample).record
    assert record["trials"] == []
    assert "time limit of 1e-09 s cut the search after 0 trials" in record["remarks"][0]
    assert recsys.auto(budget=0.06, time_limit=3600).choose(sample).record["remarks"] == []


def test_the_recipe_line_trains_the_same_model(sample: Ratings) -> None:
    model = recsys.train(recsys.auto(budget=0.09), sample)
    assert model.search is not None
    words = model.search["recipe"].split()
    given = dict(zip(words[::2], words[1::2], strict=True))
    settings = [words[i + 1].split("=") for i, word in enumerate(words) if word == "--set"]
    recipe = Recipe(
        "x", model=given["--model"], feedback=given.get("--feedback"),
        hyperparameters=dict(settings),
    )  # fmt: skip
    assert recipe.spec() == model.factors.spec
    again = recsys.train(recipe.spec(), sample, feedback=recipe.parsed_feedback())
    assert np.array_equal(again.factors.item_factors, model.factors.item_factors)


def test_the_record_stays_in_the_model_file(sample: Ratings, tmp_path: Path) -> None:
    model = recsys.train(recsys.auto(budget=0.09), sample)
    loaded = recsys.load(recsys.save(model, tmp_path / "m"))
    assert loaded.search == model.search
    assert loaded.search is not None
    assert loaded.search["spec"] == loaded.factors.spec.to_dict()
    assert loaded.search["feedback"] == str(loaded.feedback)
    said = dict(lines(loaded.search))
    assert f"popularity {loaded.search['popularity']:.4f}" in said["searched"]
    assert (
        recsys.load(recsys.save(recsys.train(recsys.Popularity(), sample), tmp_path / "p")).search
        is None
    )


def test_given_feedback_is_kept(sample: Ratings) -> None:
    model = recsys.train(recsys.auto(budget=0.06), sample, feedback="at-least=4")
    assert model.search is not None
    assert str(model.feedback) == "at-least=4"
    assert {trial["feedback"] for trial in model.search["trials"]} == {"at-least=4"}


def test_fit_leaves_the_ratings_as_they_are(sample: Ratings) -> None:
    factors = recsys.auto(budget=0.06).fit(sample)
    again = factors.spec.fit(sample)
    assert isinstance(factors, recsys.Factors)
    assert isinstance(again, recsys.Factors)
    assert np.array_equal(factors.item_factors, again.item_factors)


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3, 5),
        np.ones((1, 4)),
        np.ones((4, 1)),
        np.ones((3, 5)),
        np.full((6, 6), 3.0),
        -np.ones((4, 4)),
        np.kron(np.eye(2), np.ones((4, 4))),
    ],
)
def test_very_small_data_get_a_model_and_a_remark(matrix: npt.NDArray[np.float64]) -> None:
    ratings = Ratings.from_matrix(sp.csr_matrix(matrix))
    model = recsys.train(recsys.auto(budget=0.2), ratings)
    assert np.isfinite(model.factors.item_factors).all()
    assert model.search is not None
    assert model.search["trials"] or model.search["remarks"]


def test_noise_gets_lists_about_as_good_as_popularity() -> None:
    rng = np.random.default_rng(5)
    popular = rng.pareto(1.0, 200)
    seen = rng.random((800, 200)) < np.minimum(0.5, 0.03 * popular)
    split = recsys.splits.random(Ratings.from_matrix(sp.csr_matrix(seen.astype(float))), 0.1)
    found = held_out(recsys.auto(budget=0.5), split)
    assert found > 0.97 * held_out(recsys.Popularity(), split)


def test_twice_the_width_was_tried_with_the_weights_that_were_chosen() -> None:
    """Weights that are found late may suit more factors than those that chose the width."""
    chosen = recsys.auto(budget=4).choose(sparse_counts())
    own = chosen.spec.to_dict() | {"feedback": str(chosen.feedback)}
    weights = "feedback", "unobserved_weight", "regularization", "frequency_exponent"
    widths = {
        trial["n_factors"]
        for trial in chosen.record["trials"]
        if all(trial[name] == own[name] for name in weights)
    }
    assert 2 * own["n_factors"] in widths or own["n_factors"] == 512


def test_kinds_of_feedback_suit_the_values() -> None:
    def kinds(*values: float) -> list[str]:
        table = {"user_id": 1, "item_id": np.arange(len(values)), "value": values}
        ratings = Ratings.from_frame(pd.DataFrame(table), rating="value", missing=[])
        return [str(kind) for kind in kinds_of_feedback(ratings)]

    assert kinds(1, 1, 1) == ["values"]
    assert kinds(1, 2, 3, 4, 5, 5) == ["centered", "ones", "at-least=4", "values"]
    assert kinds(-2, 1, 2, 2) == ["centered", "at-least=1", "at-least=2", "values"]
    assert kinds(0, 1, 2, 2) == ["centered", "at-least=1", "at-least=2", "values"]
    assert kinds(0, 0, 1, 2, 2) == ["at-least=1", "at-least=2", "values"]  # 0 is "not rated"
    assert kinds(1, 2, 900) == ["ones", "log", "values"]
    assert kinds(-1, 1, 1) == ["at-least=1", "values"]
    assert kinds(-2, -1) == ["values"]


def test_dislikes_are_chosen_unless_they_cost_much(sample: Ratings) -> None:
    """Where stars are drawn at random, half of the likes would be lost as dislikes."""
    chosen = recsys.auto(budget=0.3).choose(sample)
    assert str(chosen.feedback) == "centered"
    stars = np.random.default_rng(0).choice([1.0, 5.0], sample.n_ratings)
    other = recsys.auto(budget=0.3).choose(sample.with_values(stars))
    assert str(other.feedback) in ("ones", "values")


def test_progress_is_reported_and_an_exception_stops_the_search(sample: Ratings) -> None:
    seen: list[Searching] = []
    recsys.train(recsys.auto(budget=0.09), sample, on_search=seen.append)
    assert [one.n_trials for one in seen] == list(range(1, len(seen) + 1))
    shares = [one.share for one in seen]
    assert all(0 < share <= 1 for share in shares)
    assert shares == sorted(shares)

    def stop(_: Searching) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recsys.train(recsys.auto(budget=0.09), sample, on_search=stop)


def test_evaluation_chooses_within_each_training_part(sample: Ratings) -> None:
    folds = list(recsys.splits.kfold(sample, 2))
    result = recsys.evaluate({"auto": recsys.auto(budget=0.06)}, folds, k=5)
    specs = result.runs[result.runs["model"] == "auto"]["spec"]
    own = [recsys.auto(budget=0.06).choose(split.train) for split in folds]
    for spec, chosen in zip(specs, own, strict=True):
        assert spec == chosen.spec.to_dict() | {"feedback": str(chosen.feedback)}


def test_an_evaluation_reports_the_trials_of_each_search(sample: Ratings) -> None:
    folds, seen = list(recsys.splits.kfold(sample, 2)), list[int]()
    recsys.evaluate(
        {"auto": recsys.auto(budget=0.06), "als": recsys.ImplicitALS(4)},
        folds,
        k=5,
        on_search=lambda one: seen.append(one.n_trials),
    )
    own = [recsys.auto(budget=0.06).choose(split.train).record["trials"] for split in folds]
    assert seen == [i + 1 for trials in own for i in range(len(trials))]


def test_held_out_users_are_folded_in_with_the_chosen_feedback(sample: Ratings) -> None:
    split = recsys.splits.held_out_users(sample, 0.3, 0.3)
    result = recsys.evaluate({"auto": recsys.auto(budget=0)}, split, k=5)
    model = recsys.train(recsys.auto(budget=0), split.train)
    assert str(model.feedback) == "centered"
    same = recsys.evaluate({"same": Served(model)}, split, k=5)
    assert result.of("auto", "ndcg@5")["mean"] == same.of("same", "ndcg@5")["mean"]


def test_bad_settings_are_named() -> None:
    for wrong in ({"budget": -1}, {"time_limit": 0}, {"seed": 0.5}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            recsys.auto(**wrong)
    with pytest.raises(ArgumentError, match="auto has no setting 'n_factors'"):
        Recipe("x", model="auto", hyperparameters={"n_factors": 3}).spec()


def test_it_needs_the_memory_of_the_widest_model() -> None:
    needed = recsys.auto().training_memory(10_000, 5_000, 1_000_000)
    assert needed > recsys.ImplicitALS(512).training_memory(10_000, 5_000, 1_000_000)
