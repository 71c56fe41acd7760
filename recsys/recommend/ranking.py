"""`Ranker`: what evaluation asks of anything that recommends, and the ranker of every fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.models.common import FloatArray, Progress, Rows
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.recommend.index import Excluded, Found, Index, index_of


@runtime_checkable
class Ranker(Protocol):
    """Anything that can name the best items of a block of users.

    A ranker may also have `scores(users, history) -> (n, n_items)` and `predicted(users, history,
    pairs) -> (nnz,)`; without them, what is measured from scores or predictions is left out.
    """

    def best(
        self, users: Rows, history: sp.csr_matrix, k: int, excluded: sp.csr_matrix
    ) -> npt.NDArray[np.int32]:
        """Item rows (n, k) of each user, best first; −1 where a list ends.

        Args:
            users: (n,) rows of the users in the training.
            history: (n, n_items) CSR, the counted feedback that is known of them.
            k: length of the lists.
            excluded: (n, n_items) CSR; its entries are not to be returned.
        """


@dataclass(frozen=True, eq=False)
class FittedRanker:
    """Ranks by the scores of a fit."""

    fitted: Fitted
    folds_in: bool = False
    """The users were not in the training: what is known of them comes from the history."""
    candidates: Rows | None = None
    """Increasing item rows that may be recommended; None for all."""
    exclude_seen: bool = True
    """False recommends what is excluded, too."""
    feedback: Feedback | None = None
    """How the history enters the fold-in, where it is not the feedback of the training yet."""
    index: Index = field(default=None)  # type: ignore[assignment]  # None makes an exact one

    def __post_init__(self) -> None:
        if self.index is None:
            object.__setattr__(self, "index", index_of(self.fitted))

    @property
    def log(self) -> tuple[Progress, ...]:
        """The training, epoch by epoch."""
        return self.fitted.log

    def people(self, users: Rows, history: sp.csr_matrix) -> Any:
        """The users as the fit sees them."""
        if self.folds_in:
            if self.feedback is not None:
                history = self.feedback.of(history)
            return self.fitted.fold_in_users(history)
        return self.fitted.people(users, history)

    def ranked(self, people: Any, k: int, excluded: Excluded | None = None) -> Found:
        """Item rows (n, k) int32 and scores (n, k) float32 of people; −1 and NaN at the end."""
        queries, offsets = self.fitted.queries(people)
        rows, scores = self.index.search(
            queries, k, excluded if self.exclude_seen else None, self.candidates
        )
        scores += offsets[:, None]
        return rows, scores

    def best(
        self, users: Rows, history: sp.csr_matrix, k: int, excluded: sp.csr_matrix
    ) -> npt.NDArray[np.int32]:
        """The k best items of each user; see `Ranker`."""
        return self.ranked(self.people(users, history), k, excluded)[0]

    def scores(self, users: Rows, history: sp.csr_matrix) -> FloatArray:
        """Scores (n, n_items) float32; minus infinity for items that are no candidates."""
        scores = self.fitted.scores(self.people(users, history))
        if self.candidates is not None:
            others = np.ones(scores.shape[1], bool)
            others[self.candidates] = False
            scores[:, others] = -np.inf
        return scores

    def predicted(self, users: Rows, history: sp.csr_matrix, pairs: sp.csr_matrix) -> FloatArray:
        """Scores (nnz,) float32 of the entries of `pairs` (n, n_items)."""
        return self.fitted.pair_scores(self.people(users, history), pairs)
