from collections.abc import Callable, Sequence
from typing import Any

import contract
import pytest

import recsys
from recsys.models.als import AlternatingModel
from recsys.models.factors import Factorization
from recsys.models.item_weights import ItemModel
from recsys.models.registry import BUILT_IN
from recsys.models.spec import Spec

Promise = Callable[[Any, recsys.Ratings], None]


def each(specs: Sequence[Spec]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("spec", specs, ids=lambda s: s.name)


@each(contract.RANKERS)
def test_recommends_the_one_item_that_was_held_out(
    spec: Spec, checkerboard: tuple[recsys.Ratings, dict[int, int]]
) -> None:
    contract.recommends_the_one_item_that_was_held_out(spec, checkerboard)


ON_RANDOM_RATINGS = (
    contract.fit_returns_immutable_finite_factors,
    contract.a_score_is_mean_plus_biases_plus_dot_product,
    contract.folding_in_part_of_the_users_gives_the_same_as_all,
    contract.awkward_rows_work,
    contract.excluded_items_never_come_back,
    contract.scores_of_recommendations_are_predictions,
    contract.progress_is_reported,
    contract.ranks_like_its_scores,
)


@pytest.mark.parametrize("promise", ON_RANDOM_RATINGS, ids=lambda p: p.__name__)
@each(contract.ALL)
def test_promise(promise: Promise, spec: Factorization, random_ratings: recsys.Ratings) -> None:
    promise(spec, random_ratings)


@each(contract.ZEROS)
def test_a_row_without_ratings_gets_zeros(
    spec: Factorization, random_ratings: recsys.Ratings
) -> None:
    contract.a_row_without_ratings_gets_zeros(spec, random_ratings)


@each(contract.ALL)
def test_same_seed_same_bits_at_any_thread_count(
    spec: Factorization, sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract.same_seed_same_bits_at_any_thread_count(spec, sample, monkeypatch)


@each([s for s in contract.ALL if s.folds_in_exactly])
def test_folding_in_training_users_returns_their_factors(
    spec: Factorization, random_ratings: recsys.Ratings, sample: recsys.Ratings
) -> None:
    contract.folding_in_training_users_returns_their_factors(spec, random_ratings)
    contract.folding_in_training_users_returns_their_factors(spec, sample)


@each([s for s in contract.ALL if s.folds_in_exactly])
def test_folding_in_training_items_ranks_like_their_factors(
    spec: Factorization, sample: recsys.Ratings
) -> None:
    contract.folding_in_training_items_ranks_like_their_factors(spec, sample)


@each([s for s in contract.ALL if s.name != "popularity"])
def test_progress_may_stop_the_fit(spec: Spec, random_ratings: recsys.Ratings) -> None:
    contract.progress_may_stop_the_fit(spec, random_ratings)


@each(contract.EVERY)
def test_explanations_sum_to_the_scores(spec: Spec, random_ratings: recsys.Ratings) -> None:
    contract.explanations_sum_to_the_scores(spec, random_ratings)


@each(contract.ALL)
def test_every_hyperparameter_changes_the_result(
    spec: Factorization, random_ratings: recsys.Ratings
) -> None:
    contract.every_hyperparameter_changes_the_result(spec, random_ratings)


@each(contract.ALL)
def test_every_bad_value_is_named(spec: Spec) -> None:
    contract.every_bad_value_is_named(spec)


@each(contract.ALL)
def test_survives_a_round_trip_through_json(spec: Spec) -> None:
    contract.survives_a_round_trip_through_json(spec)


@pytest.mark.parametrize(
    "promise",
    [
        contract.item_weights_are_immutable_and_finite,
        contract.excluded_items_never_come_back,
        contract.scores_of_recommendations_are_predictions,
        contract.every_hyperparameter_changes_the_weights,
    ],
    ids=lambda p: p.__name__,
)
@each(contract.ITEM_MODELS)
def test_promise_of_item_models(
    promise: Promise, spec: ItemModel, random_ratings: recsys.Ratings
) -> None:
    promise(spec, random_ratings)


@each(contract.ITEM_MODELS)
def test_item_models_keep_the_promises_of_specs(spec: Spec) -> None:
    contract.every_bad_value_is_named(spec)
    contract.survives_a_round_trip_through_json(spec)


@each([s for s in contract.EVERY if s.folds_in_exactly])
def test_a_new_person_with_a_users_ratings_gets_that_users_list(
    spec: Spec, random_ratings: recsys.Ratings
) -> None:
    contract.a_new_person_with_a_users_ratings_gets_that_users_list(spec, random_ratings)


@each(contract.EVERY)
def test_a_batch_answers_like_one_by_one(spec: Spec, random_ratings: recsys.Ratings) -> None:
    contract.a_batch_answers_like_one_by_one(spec, random_ratings)


@pytest.mark.parametrize(
    "promise",
    [
        contract.continuing_gives_the_same_bits_as_never_stopping,
        contract.a_state_of_something_else_is_refused,
    ],
    ids=lambda p: p.__name__,
)
@each(contract.RESUMABLE)
def test_promise_of_models_that_report_states(
    promise: Promise, spec: AlternatingModel, sample: recsys.Ratings
) -> None:
    promise(spec, sample)


@each([s for s in contract.RESUMABLE if s.starts_warm])
def test_a_warm_start_begins_where_the_other_model_ended(
    spec: AlternatingModel, sample: recsys.Ratings
) -> None:
    contract.a_warm_start_begins_where_the_other_model_ended(spec, sample)


@each([s for s in contract.EVERY if not s.resumable])
def test_models_without_states_refuse_to_start_from_one(
    spec: Spec, random_ratings: recsys.Ratings
) -> None:
    with pytest.raises(ValueError, match=f"or by sampling, and {spec.name} does not"):
        spec.fit(random_ratings, on_state=print)


@each([s for s in contract.EVERY if not s.starts_warm])
def test_models_without_alternation_refuse_a_warm_start(
    spec: Spec, random_ratings: recsys.Ratings
) -> None:
    fitted = spec.fit(random_ratings)
    with pytest.raises(ValueError, match=f"train by alternation, and {spec.name} does not"):
        spec.fit(random_ratings, warm=fitted)


def test_the_contract_knows_every_model() -> None:
    assert {s.name for s in contract.EVERY} == set(BUILT_IN)
