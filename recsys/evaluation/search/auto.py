"""`auto`: an `ImplicitALS` whose hyperparameters suit the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recsys.evaluation.search.kinds import kinds_of_feedback
from recsys.evaluation.search.limits import budget_field, time_limit_field
from recsys.evaluation.search.record import record
from recsys.evaluation.search.rounds import WIDEST, Rounds
from recsys.evaluation.search.rule import RULE, Point
from recsys.evaluation.search.trials import Bench, most_parts
from recsys.evaluation.search.work import Ledger
from recsys.models.common import OnEpoch
from recsys.models.implicit_als import ImplicitALS
from recsys.models.kept import NOTHING, Kept
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import Chosen, OnSearch
from recsys.settings import NamedSettings, option

_BYTES_PER_RATING = 16  # value, column and time


@dataclass(frozen=True)
class Auto(NamedSettings):
    """Chooses the hyperparameters of `ImplicitALS`, and how ratings enter it, for the data at hand.

    It starts from a rule for the unobserved weight and the regularization, and checks it on a
    tenth of the ratings that it is given: settings around the rule are fitted with narrow factors
    and few epochs, the best of them wider and longer. The setting with the highest NDCG@10 is what
    the model is then trained with, on all ratings. The same data and seed choose the same, to the
    bit, on any number of threads; unless a time limit cuts the search.
    """

    noun: ClassVar[str] = "setting"
    name: ClassVar[str] = "auto"
    predicts_ratings: ClassVar[bool] = False

    budget: float = budget_field()
    time_limit: float | None = time_limit_field()
    seed: int = option(0, low=0, meaning="Seed for the held-out ratings, the trials and the fit.")

    def choose(
        self,
        ratings: Ratings,
        feedback: Feedback | None = None,
        on_search: OnSearch | None = None,
        kept: Kept = NOTHING,
        rule: Point = RULE,
    ) -> Chosen:
        """The model for these ratings; see `recsys.recommend.chosen.Chooser`.

        Args:
            ratings: what the model will be trained on.
            feedback: how they enter the training; None to choose that, too.
            on_search: called after each trial.
            kept: trials that a checkpoint has.
            rule: where the search starts.
        """
        kinds = kinds_of_feedback(ratings) if feedback is None else [feedback]
        liked = (feedback or Feedback()).likes(ratings)
        ledger = Ledger(self.budget, self.time_limit)
        bench = Bench(ratings, liked, ledger, self.seed, on_search, kept)
        rounds = Rounds(bench, kinds, self.seed, rule)
        if self.budget:
            rounds.run()
        chosen = bench.spec(rounds.chosen, rounds.n_epochs)
        return Chosen(chosen, rounds.chosen.feedback, record(self.to_dict(), bench, rounds))

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Fitted:
        """The chosen model, fitted to the ratings as they are; its `spec` says what was chosen.

        `recsys.train` chooses how ratings enter the training, too.
        """
        return self.choose(ratings, Feedback()).spec.fit(ratings, on_epoch)

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that a search and its final fit allocate at most: those of the widest factors, and
        copies of the ratings without the validation part.
        """
        parts = (
            most_parts(n_ratings) * 2 * _BYTES_PER_RATING * n_ratings
        )  # as they are and as confidences
        return self.widest(n_users, n_items).training_memory(n_users, n_items, n_ratings) + parts

    def widest(self, n_users: int, n_items: int) -> ImplicitALS:
        """The widest model that may be chosen."""
        return ImplicitALS(n_factors=max(1, min(WIDEST, n_users, n_items)), seed=self.seed)


def auto(budget: float = 8.0, seed: int = 0, time_limit: float | None = None) -> Auto:
    """A model that chooses its hyperparameters for the data; `train` and `evaluate` take it.

    >>> auto(budget=0)
    Auto(budget=0.0, time_limit=None, seed=0)

    Args:
        budget: work of the search, in fits of the chosen width; 0 takes everything from a rule.
        seed: of the held-out ratings, the trials and the fit.
        time_limit: seconds after which no trial starts.
    """
    return Auto(budget, time_limit, seed)
