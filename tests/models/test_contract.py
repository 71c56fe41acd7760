import contract
import pytest

from recsys.models.registry import SPECS


def each(specs):
    return pytest.mark.parametrize("spec", specs, ids=lambda s: s.name)


@each(contract.RANKERS)
def test_recommends_the_one_item_that_was_held_out(spec, checkerboard):
    contract.recommends_the_one_item_that_was_held_out(spec, checkerboard)


ON_RANDOM_RATINGS = (
    contract.fit_returns_immutable_finite_factors,
    contract.a_score_is_mean_plus_biases_plus_dot_product,
    contract.folding_in_part_of_the_users_gives_the_same_as_all,
    contract.a_row_without_ratings_gets_zeros,
    contract.awkward_rows_work,
    contract.excluded_items_never_come_back,
    contract.scores_of_recommendations_are_predictions,
    contract.progress_is_told,
    contract.ranks_like_its_scores,
)


@pytest.mark.parametrize("promise", ON_RANDOM_RATINGS, ids=lambda p: p.__name__)
@each(contract.ALL)
def test_promise(promise, spec, random_ratings):
    promise(spec, random_ratings)


@each(contract.ALL)
def test_same_seed_same_bits_at_any_thread_count(spec, sample, monkeypatch):
    contract.same_seed_same_bits_at_any_thread_count(spec, sample, monkeypatch)


@each([s for s in contract.ALL if s.folds_in_exactly])
def test_folding_in_training_users_returns_their_factors(spec, random_ratings, sample):
    contract.folding_in_training_users_returns_their_factors(spec, random_ratings)
    contract.folding_in_training_users_returns_their_factors(spec, sample)


@each([s for s in contract.ALL if s.folds_in_exactly])
def test_folding_in_training_items_ranks_like_their_factors(spec, sample):
    contract.folding_in_training_items_ranks_like_their_factors(spec, sample)


@each([s for s in contract.ALL if s.name != "popularity"])
def test_progress_may_stop_the_fit(spec, random_ratings):
    contract.progress_may_stop_the_fit(spec, random_ratings)


@each(contract.ALL)
def test_every_hyperparameter_changes_the_result(spec, random_ratings):
    contract.every_hyperparameter_changes_the_result(spec, random_ratings)


@each(contract.ALL)
def test_every_bad_value_is_named(spec):
    contract.every_bad_value_is_named(spec)


@each(contract.ALL)
def test_survives_a_round_trip_through_json(spec):
    contract.survives_a_round_trip_through_json(spec)


def test_the_contract_knows_every_model():
    assert {s.name for s in contract.ALL} == set(SPECS)
