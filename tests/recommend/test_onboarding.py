"""What to ask somebody new: what divides people, by their answers, and never twice."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from recsys import (
    BPR,
    EASE,
    BayesianMF,
    ExplicitALS,
    ImplicitALS,
    Popularity,
    PureSVD,
    Ratings,
    Recommender,
    train,
)  # fmt: skip
from recsys.errors import ModelError
from recsys.models.spec import Spec
from recsys.recommend.onboarding import Interview, Person, crowd_of


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return train(ImplicitALS(8, n_epochs=5, unobserved_weight=0.2), sample, feedback="ones")


@pytest.fixture(scope="module")
def blocks() -> Recommender:
    """40 people in two blocks. All have seen 0 and 1, the first block 2, most of the second 3; and
    each person has seen two or three of the four other items of their block."""
    rng = np.random.default_rng(0)
    seen = np.zeros((40, 12))
    seen[:, :2] = seen[:20, 2] = seen[20:36, 3] = 1
    for person in range(40):
        four = [4, 5, 6, 7] if person < 20 else [8, 9, 10, 11]
        seen[person, rng.permutation(four)[: 2 + person % 2]] = 1
    ratings = Ratings.from_matrix(sp.csr_matrix(seen, dtype=np.float32))
    return train(ImplicitALS(3, n_epochs=20, unobserved_weight=0.2), ratings)


def cosines(model: Recommender, asked: list[int]) -> np.ndarray:
    """Of the scores by what each user answers to these items and those by all their ratings."""
    history = model.feedback.of(model.seen())
    some = np.zeros(history.shape[1])
    some[asked] = 1
    answers = sp.csr_matrix(history.multiply(some))
    answers.eliminate_zeros()
    y = model.factors.item_factors.astype(float)
    ours = model.factors.fold_in_users(answers).factors @ y.T
    truth = model.factors.user_factors @ y.T
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(truth, axis=1)
    found = np.divide((ours * truth).sum(axis=1), lengths, where=lengths > 0, out=0 * lengths)
    return np.asarray(found)


def test_each_question_raises_the_mean_cosine_most(sample: Ratings) -> None:
    # ν = 0: the ridge is the same after any number of answers, so the solver is a second route.
    spec = ImplicitALS(8, n_epochs=5, unobserved_weight=0.2, regularization=2, frequency_exponent=0)
    model = train(spec, sample, feedback="ones")
    found = model.onboard(5)
    asked: list[int] = []
    for item, score in zip(found["item"], found["score"], strict=True):
        before = cosines(model, asked).mean()
        free = np.setdiff1d(np.argsort(-model.popularity, kind="stable")[:200], asked)
        gains = {int(row): cosines(model, [*asked, int(row)]).mean() - before for row in free}
        row = model.factors.items.row(item)
        assert gains[row] == pytest.approx(max(gains.values()), abs=1e-5)
        assert score == pytest.approx(gains[row], abs=1e-5)
        asked.append(row)


def test_what_divides_people_comes_before_what_everybody_has_seen(blocks: Recommender) -> None:
    # One answer that everybody gives makes a first guess; another one would add nothing.
    assert set(np.argsort(-blocks.popularity)[:2]) == {0, 1}
    first, second = blocks.onboard(2)["item"]
    assert first in (0, 1)
    assert second == 2


def test_who_has_not_seen_what_one_block_has_is_of_the_other(blocks: Recommender) -> None:
    assert blocks.onboard(1, answered={0: 1.0, 2: None})["item"].tolist() == [3]
    assert blocks.onboard(1, answered={0: 1.0, 3: None})["item"].tolist() == [2]


def test_answers_become_the_factors_that_fold_in_finds(sample: Ratings) -> None:
    spec = ImplicitALS(8, n_epochs=5, unobserved_weight=0.2, regularization=2, frequency_exponent=0)
    model = train(spec, sample, feedback="ones")
    crowd, rows = crowd_of(model), [3, 7, 40]
    person = Person(np.zeros(8), crowd.inverse)
    for row in rows:
        person = person.after(crowd.table[row], 1.0, 1.0)
    answers = sp.csr_matrix((np.ones(3, np.float32), rows, [0, 3]), (1, len(crowd.table)))
    assert person.x == pytest.approx(model.factors.fold_in_users(answers).factors[0], rel=1e-3)
    # And an interview that starts there is one in which everybody has given these answers.
    y, others = crowd.table, np.arange(50, 60)
    precision = np.linalg.inv(crowd.inverse) + y[rows].T @ y[rows]
    assert person.inverse == pytest.approx(np.linalg.inv(precision), rel=1e-6, abs=1e-9)
    alike = np.full(len(crowd.truth), 1 / len(crowd.truth))
    interview = Interview(crowd, alike, person, others)
    interview.ask(4)
    rated = crowd.seen[:, [54]].toarray()[:, 0] > 0
    assert np.allclose(interview.x[rated], person.after(y[54], 1.0, 1.0).x)
    assert np.allclose(interview.x[~rated], person.x)


def test_people_are_alike_who_have_seen_the_same(blocks: Recommender) -> None:
    crowd = crowd_of(blocks)
    alike = crowd.alike(np.array([2, 0]), np.array([True, True]))
    assert alike.sum() == pytest.approx(1)
    assert alike[:20] == pytest.approx(1 / (20 + 20 * 0.1 / 0.9))
    assert alike[20:] == pytest.approx(alike[0] * 0.1 / 0.9)
    often = crowd.alike(np.tile([4, 5, 6], 1000), np.zeros(3000, bool))
    assert often.sum() == pytest.approx(1)


def test_nothing_is_asked_twice(model: Recommender) -> None:
    answered: dict[Any, float | None] = {}
    for number in range(12):
        item = int(model.onboard(1, answered=answered)["item"][0])
        assert item not in answered
        answered[item] = None if number % 2 else 4.0
    rest = model.onboard(20, answered=answered)["item"]
    assert rest.is_unique
    assert not set(rest) & set(answered)


def test_the_same_questions_every_time(model: Recommender, sample: Ratings) -> None:
    again = train(model.factors.spec, sample, feedback="ones")
    assert again.onboard(8).equals(model.onboard(8))


def test_conditions_hold_for_questions(model: Recommender) -> None:
    found = model.onboard(1000, where="year < 1980")
    assert set(found["year"] < 1980) == {True}
    assert len(found) == (model.item_table["year"] < 1980).sum()
    assert found["item"].is_unique
    assert "there are no more items" in found.attrs["shortfall"]


@pytest.mark.parametrize(
    "spec",
    [
        PureSVD(6), BPR(6, n_epochs=5), ExplicitALS(6, n_epochs=4),
        ExplicitALS(6, n_epochs=4, implicit_weight=0.1), BayesianMF(4, n_burn_in=3, n_samples=2),
        ImplicitALS(6, n_epochs=4, alpha=10.0), ImplicitALS(6, n_epochs=4, popularity_exponent=0.5),
    ],
    ids=repr,
)  # fmt: skip
def test_every_factorization_asks_about_what_people_know(spec: Spec, sample: Ratings) -> None:
    model = train(spec, sample)
    found = model.onboard(5)
    assert found["item"].is_unique
    assert (found["score"] > 0).all()
    known = model.popularity[model.item_rows(found["item"])]
    assert known.mean() > 2 * model.popularity.mean()
    first = found["item"][0]
    following = model.onboard(3, answered={first: 5.0})
    assert first not in following["item"].tolist()
    assert np.isfinite(following["score"]).all()


def test_models_without_factors_say_so(sample: Ratings) -> None:
    for spec in (EASE(), Popularity()):
        with pytest.raises(ModelError, match="has no factors, so no question is more"):
            train(spec, sample).onboard(3)
