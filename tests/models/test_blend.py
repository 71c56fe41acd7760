from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import recsys
from recsys.errors import ArgumentError, FitError
from recsys.models.alternating import State
from recsys.models.blend import Blend, members
from recsys.models.factors import Factors
from recsys.models.registry import make_spec
from recsys.store.checkpoint import entry_of, state_of

SPECS = recsys.ImplicitALS(4, n_epochs=3), recsys.NormalizedSVD(5), recsys.Biases()


@pytest.fixture
def blended(random_ratings: recsys.Ratings) -> Factors:
    return Blend(of=SPECS, weights=(0.5, 0.3, 0.2)).fit(random_ratings)


def every_score(factors: Factors) -> np.ndarray:
    shape = len(factors.users), len(factors.items)
    return factors.predict_rows(*(part.ravel() for part in np.indices(shape))).reshape(shape)


def test_a_score_is_the_weighted_sum_of_the_members_scores_over_their_deviation(
    blended: Factors, random_ratings: recsys.Ratings
) -> None:
    """All members by themselves, without the blend; there are 750 pairs, so 20,000 draws of them
    give the deviation of all to about one in two hundred."""
    alone = [every_score(spec.fit(random_ratings)) for spec in SPECS]
    expected = sum(w * s / s.std() for w, s in zip((0.5, 0.3, 0.2), alone, strict=True))
    found = every_score(blended)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9999
    scales = blended.state["scales"]
    assert scales * [s.std() for s in alone] == pytest.approx([0.5, 0.3, 0.2], rel=0.02)
    exactly = sum(scale * s for scale, s in zip(scales, alone, strict=True))
    assert np.allclose(found, exactly, atol=1e-4)


def test_its_members_come_out_as_they_went_in(
    blended: Factors, random_ratings: recsys.Ratings
) -> None:
    for spec, member in zip(SPECS, members(blended), strict=True):
        alone = spec.fit(random_ratings)
        assert member.spec == spec
        assert np.array_equal(member.item_factors, alone.item_factors)
        assert np.allclose(member.user_factors, alone.user_factors, rtol=1e-6)
        assert np.array_equal(member.user_bias, alone.user_bias)
        assert set(member.state) == set(alone.state)
    assert blended.n_factors == 4 + 5 + 0


def test_new_items_are_folded_in_by_each_member(
    blended: Factors, random_ratings: recsys.Ratings
) -> None:
    columns = random_ratings.matrix.T.tocsr()[:4]
    found = blended.fold_in_items(columns).factors
    als, svd, _ = (spec.fit(random_ratings) for spec in SPECS)
    assert np.allclose(found[:, :4], als.fold_in_items(columns).factors, atol=1e-5)
    assert np.allclose(found[:, 4:], svd.fold_in_items(columns).factors, atol=1e-5)


def test_a_saved_blend_is_the_same_blend(tmp_path: Path, random_ratings: recsys.Ratings) -> None:
    model = recsys.train(Blend(of=SPECS, weights=(0.5, 0.3, 0.2)), random_ratings)
    loaded = recsys.load(recsys.save(model, tmp_path / "blend.model"))
    assert loaded.factors.spec == model.factors.spec
    assert np.array_equal(loaded.factors.user_factors, model.factors.user_factors)
    for ratings in ({"i03": 5.0, "i07": 3.0}, {"i00": 1.0}):
        one, other = (each.recommend_for(ratings) for each in (model, loaded))
        assert one["item"].tolist() == other["item"].tolist()
        assert one["score"].tolist() == other["score"].tolist()


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("widths", np.array([4, 4, 0]), "widths of a blend must add up to 9"),
        ("widths", np.array([4, 5]), r"state widths must be \(3,\), not \(2,\)"),
        ("scales", np.array([1, 0, 1], np.float32), "scales must be above 0"),
        ("item_own_bias.0", None, "a member of the blend has no 'item_own_bias'"),
        ("item_scale.1", None, "normalized-svd needs the state item_scale"),
        ("means", np.array([1, np.nan, 1]), "the mean rating is not finite|means is not finite"),
    ],
)
def test_state_of_another_blend_is_refused(
    name: str, array: np.ndarray | None, message: str, blended: Factors
) -> None:
    state = {one: given for one, given in blended.state.items() if one != name}
    state |= {} if array is None else {name: array}
    with pytest.raises((ArgumentError, FitError), match=message):
        replace(blended, state=state)


RESUMED = recsys.BayesianMF(3, n_samples=3, n_burn_in=2), *SPECS


def test_a_fit_goes_on_from_each_of_its_states_to_the_same_bits(
    random_ratings: recsys.Ratings,
) -> None:
    spec = Blend(of=RESUMED)
    states: list[State] = []
    epochs: list[recsys.Progress] = []
    whole = spec.fit(random_ratings, epochs.append, on_state=states.append)
    n_epochs = RESUMED[0].n_epochs + 3 + 1 + SPECS[2].n_epochs
    assert [one.epoch for one in epochs] == [*range(1, n_epochs + 1)]
    assert {one.n_epochs for one in epochs} == {n_epochs}
    # After each epoch of the members that have states, and between two members.
    assert [state.epoch for state in states] == [*range(1, RESUMED[0].n_epochs + 3 + 1 + 1)]
    for state in states:
        kept = state_of(entry_of(state))
        again: list[recsys.Progress] = []
        found = spec.fit(random_ratings, again.append, start=kept)
        assert [one.epoch for one in again] == [*range(state.epoch + 1, n_epochs + 1)]
        assert found.log[0].loss == whole.log[0].loss
        assert found.user_factors.tobytes() == whole.user_factors.tobytes()
        assert found.item_factors.tobytes() == whole.item_factors.tobytes()
        assert {name: array.tobytes() for name, array in found.state.items()} == {
            name: array.tobytes() for name, array in whole.state.items()
        }


def test_a_fit_does_not_go_on_from_the_state_of_another(random_ratings: recsys.Ratings) -> None:
    states: list[State] = []
    Blend(of=RESUMED).fit(random_ratings, on_state=states.append)
    with pytest.raises(ArgumentError, match="other settings: of="):
        Blend(of=SPECS).fit(random_ratings, start=states[0])
    fewer = random_ratings.select(np.arange(random_ratings.n_ratings) >= 5)
    for state in (states[0], states[5]):
        with pytest.raises(ArgumentError, match="other ratings"):
            Blend(of=RESUMED).fit(fewer, start=state)


def test_members_can_be_named_in_several_ways() -> None:
    expected = Blend(of=[recsys.ImplicitALS(8, seed=3), recsys.PureSVD(7)], weights=[2, 1], seed=3)
    tables = [{"model": "implicit-als", "n_factors": 8}, {"model": "pure-svd", "n_factors": 7}]
    assert Blend(of=tables, weights=[2, 1], seed=3) == expected
    texts = {"of": "implicit-als, pure-svd", "weights": "2,1", "seed": "3"}
    by_name = {"implicit-als.n_factors": "8", "pure-svd.n_factors": "7"}
    by_number = {"1.n_factors": "8", "2.n_factors": "7"}
    for named in (by_name, by_number):
        assert make_spec("blend", texts | named) == expected
    assert make_spec("blend", expected.changed()) == expected
    twice = make_spec("blend", {"of": "pure-svd,pure-svd", "2.n_factors": 9})
    assert isinstance(twice, Blend)
    assert [one.n_factors for one in twice.of] == [50, 9]


def test_what_changed_gives_the_same_blend_whatever_the_seeds() -> None:
    for seeds in ((0, 0, 0), (5, 5, 5), (5, 0, 2), (0, 5, 0)):
        members = [recsys.ImplicitALS(seed=seeds[1]), recsys.BPR(seed=seeds[2])]
        blend = Blend(of=members, weights=[0.25, 0.75], seed=seeds[0])
        assert make_spec("blend", blend.changed()) == blend


def test_another_seed_is_for_all_members() -> None:
    seeded = Blend(of=[recsys.ImplicitALS(), recsys.PureSVD()]).with_seed(4)
    assert (seeded.seed, seeded.of[0].seed) == (4, 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"of": ["pure-svd"]}, "of must name at least two models, not 1"),
        ({"of": ["pure-svd", "ease"]}, "of must name factorizations, and ease is not one"),
        ({"of": ["pure-svd", "blend"]}, "of must name factorizations, and blend is not one"),
        ({"of": ["pure-svd", "pure-swd"]}, "of: model must be one of .*did you mean"),
        ({"of": [{"model": "pure-svd", "n": 3}, "biases"]}, "of: pure-svd has no hyperparameter"),
        ({"of": "pure-svd,biases", "ease.regularization": 1}, "the blend has no member 'ease'"),
        ({"weights": [1, 2, 3]}, "weights must be 2 numbers, one per member"),
        ({"weights": [1, 0]}, "weights must be numbers above 0, not 0"),
        ({"weights": "1,x"}, "weights must be numbers above 0, not 'x'"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make_spec("blend", settings)
