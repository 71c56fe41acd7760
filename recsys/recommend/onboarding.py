"""What to ask somebody new: the items whose ratings bring their list closest to what it would be.

The questions are chosen greedily by their worth to training users who answer them as if they were
new (GreedyExtend: Golbandi, Koren, Lempel 2010, "On Bootstrapping Recommender Systems").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.csr import entry_rows, with_ones, with_values
from recsys.errors import ModelError
from recsys.lazy import sp
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.recommend.parts import ModelParts
from recsys.recommend.person import as_mapping, ratings_row
from recsys.recommend.tables import item_table, why_filtered
from recsys.threads import one_blas_thread

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]

_USERS = 2000  # who answer
_CANDIDATES = 200  # the most popular items: others have been seen by too few
_PLANNED = 30  # questions chosen one after the other; more are those that would come next
_DOUBT = 0.1  # share of answers in which two people of one taste differ
_TYPICAL = 5  # answers for which ridges are taken
_SAMPLE = 50_000  # ratings from which the noise is measured


@dataclass(frozen=True, eq=False)
class Crowd:
    """Training users who answer in place of a new person, and how answers become factors.

    With w and t of each answer, factors solve (M⁻¹ + Σ w y yᵀ) x = Σ t y, the row problem of the
    model. Models without one get that of ratings t = x·y with noise σ² and x from a normal
    distribution around 0, spread like the users' factors: M = XᵀX / (n σ²), w = 1.
    """

    table: Matrix
    """(n_items, d) y."""
    inverse: Matrix
    """(d, d) M."""
    metric: Matrix
    """(d, d) G = Σ y yᵀ over the items: xᵀGx is the square of all scores that x gives."""
    truth: Matrix
    """(n, d) G x / √(xᵀGx) for the users' own factors x, which come from all their ratings."""
    seen: sp.csc_matrix
    """(n, n_items) 1 where a user has rated an item."""
    weights: sp.csc_matrix
    """(n, n_items) w of their ratings."""
    targets: sp.csc_matrix
    """(n, n_items) t of their ratings."""

    def alike(self, asked: npt.NDArray[np.int64], rated: npt.NDArray[np.bool_]) -> Vector:
        """(n,) how likely the new person is like each user, by who has rated the items asked about.

        Each answer in which they differ divides it by (1 − _DOUBT) / _DOUBT.
        """
        same = (self.seen[:, asked].toarray() > 0) == rated
        differences = (~same).sum(axis=1)
        # From the fewest, or else many answers would make everybody's likelihood 0.
        likely = np.power(_DOUBT / (1 - _DOUBT), differences - differences.min())
        return np.asarray(likely / likely.sum())


class Person(NamedTuple):
    """What somebody's answers so far have made of their factors."""

    x: Vector
    """(d,)"""
    inverse: Matrix
    """(d, d) P = (M⁻¹ + Σ w y yᵀ)⁻¹."""

    def after(self, y: Vector, weight: float, target: float) -> Person:
        """The same after one more answer, about the item y; see `Interview`."""
        moved = self.inverse @ y
        below = 1 + weight * (y @ moved)
        x = self.x + moved * ((target - weight * (y @ self.x)) / below)
        return Person(x, self.inverse - np.outer(moved, moved) * (weight / below))


class Interview:
    """Users who are asked the same questions, and whose factors x follow from the answers.

    How well they are known is the cosine of two vectors of scores of all items, those by x and
    those by all their ratings: xᵀGx* / √(xᵀGx · x*ᵀGx*), and 0 before the first answer. An answer
    about y changes the solution by a multiple of P y, P = (M⁻¹ + Σ w y yᵀ)⁻¹ of the user:

        x ← x + P y (t − w x·y) / (1 + w yᵀPy)        P ← P − w P y yᵀP / (1 + w yᵀPy)

    (Sherman, Morrison 1950), so the cosines after each possible next answer need no solver.
    """

    def __init__(
        self, crowd: Crowd, alike: Vector, start: Person, candidates: npt.NDArray[np.int64]
    ) -> None:
        self._alike = alike
        self._crowd, self._y = crowd, crowd.table[candidates]
        self._seen = crowd.seen[:, candidates].toarray()
        self._weights = crowd.weights[:, candidates].toarray()
        self._targets = crowd.targets[:, candidates].toarray()
        self.x = np.tile(start.x, (len(crowd.truth), 1))
        self._inverse = start.inverse
        # Those of P since then: P y and w / (1 + w yᵀPy) of each question.
        self._changes: list[tuple[Matrix, Vector]] = []
        moves = self._y @ start.inverse
        shape = self._seen.shape
        # yᵀPy and yᵀPGPy of each user and candidate.
        self._spread = np.tile(np.einsum("cd,cd->c", moves, self._y), (shape[0], 1))
        self._square = np.tile(np.einsum("cd,cd->c", moves @ crowd.metric, moves), (shape[0], 1))

    def gains(self) -> Vector:
        """(n_candidates,) by how much asking about each raises the mean cosine."""
        y, metric, truth = self._y, self._crowd.metric, self._crowd.truth
        scores, bent = self.x @ y.T, self.x @ metric
        share = (self._targets - self._weights * scores) / (1 + self._weights * self._spread)
        square = np.einsum("nd,nd->n", self.x, bent)
        along = np.einsum("nd,nd->n", self.x, truth)
        squares = square[:, None] + share * (2 * (self._solved(bent) @ y.T) + share * self._square)
        alongs = along[:, None] + share * (self._solved(truth) @ y.T)
        better = _cosine(alongs, squares) - _cosine(along, square)[:, None]
        return np.asarray(self._alike @ (self._seen * better))

    def ask(self, candidate: int) -> None:
        """Everybody answers who has rated this candidate; w = t = 0 changes nothing."""
        y, weights, targets = (
            self._y[candidate],
            self._weights[:, candidate],
            self._targets[:, candidate],
        )
        moved = self._solved(np.broadcast_to(y, self.x.shape))
        spread = moved @ y
        below = 1 + weights * spread
        self.x = self.x + moved * ((targets - weights * (self.x @ y)) / below)[:, None]
        share, bent = weights / below, moved @ self._crowd.metric
        across = moved @ self._y.T
        square = np.einsum("nd,nd->n", bent, moved)
        self._square -= across * (
            (2 * share)[:, None] * (self._solved(bent) @ self._y.T)
            - (share**2 * square)[:, None] * across
        )
        self._spread -= share[:, None] * across**2
        self._changes.append((moved, share))

    def _solved(self, z: Matrix) -> Matrix:
        # P z, row by row.
        found = z @ self._inverse
        for moved, share in self._changes:
            found -= moved * (share * np.einsum("nd,nd->n", moved, z))[:, None]
        return np.asarray(found)


def _cosine(along: Matrix, square: Matrix) -> Matrix:
    some = square > 0
    return np.divide(
        along,
        np.sqrt(square, where=some, out=np.ones_like(square)),
        where=some,
        out=np.zeros_like(along),
    )


def onboard(
    model: ModelParts, n: int, answered: Mapping[Any, float | None], choice: Choice
) -> Table:
    """The n items to ask about next; see `Recommender.onboard`."""
    answered = as_mapping("answered", answered)
    if "crowd" not in model.derived:
        model.derived["crowd"] = crowd_of(model)
    crowd: Crowd = model.derived["crowd"]
    allowed = model.candidates(choice)
    free = np.arange(len(crowd.table)) if allowed is None else allowed
    asked = model.item_rows(list(answered))
    free = free[~np.isin(free, asked)]
    free = free[np.argsort(-model.popularity[free], kind="stable")[: max(n, _CANDIDATES)]]
    rated = {item: value for item, value in answered.items() if value is not None}
    counted = model.feedback.of(ratings_row(model, rated))
    alike = crowd.alike(asked, np.isin(asked, counted.indices))
    person = Person(np.zeros(len(crowd.inverse)), crowd.inverse)
    for row, weight, target in zip(counted.indices, *_terms(model, counted), strict=True):
        person = person.after(crowd.table[row], weight, target)
    chosen, values = _plan(Interview(crowd, alike, person, free), min(n, len(free)))
    why = "there are no more items to ask about"
    if choice.where is not None and allowed is not None:
        why = why_filtered(model, choice.where, len(allowed), why)
    return item_table(model, free[chosen], values.astype(np.float32), n, why)


def _plan(interview: Interview, n: int) -> tuple[npt.NDArray[np.int64], Vector]:
    # Which candidates to ask about, and what each is worth after those before it.
    chosen: list[int] = []
    values: list[float] = []
    gains = np.zeros(0)
    while len(chosen) < n:
        if len(chosen) < _PLANNED:
            gains = interview.gains()
            gains[chosen] = -np.inf
        best = int(gains.argmax())
        chosen.append(best)
        values.append(gains[best])
        gains[best] = -np.inf
        if len(chosen) < min(n, _PLANNED):
            interview.ask(best)
    return np.array(chosen, np.int64), np.array(values)


def crowd_of(model: ModelParts) -> Crowd:
    """A sample of the training users, the same every time.

    Raises:
        ModelError: the model has no factors or no history.
    """
    if model.fitted.item_vectors is None or not model.fitted.n_factors:
        raise ModelError(
            f"{model.fitted.spec.name} has no factors, so no question is more informative than "
            "another; train a factorization"
        )
    history = model.feedback.of(model.seen())
    active = np.flatnonzero(np.diff(history.indptr))
    rng = np.random.default_rng(0)
    users = np.sort(rng.choice(active, min(_USERS, len(active)), replace=False))
    own = history[users]
    table, inverse = _prior(model, history)
    n_factors = model.factors.n_factors
    metric = np.zeros_like(inverse)  # a bias of the user, the last of d, changes no list
    items = table[:, :n_factors]
    metric[:n_factors, :n_factors] = items.T @ items
    x = np.zeros((len(users), len(inverse)))
    x[:, :n_factors] = model.factors.user_factors[users]
    truth = x @ metric
    length = np.sqrt(np.einsum("nd,nd->n", truth, x))[:, None]
    truth = np.divide(truth, length, where=length > 0, out=np.zeros_like(truth))
    weights, targets = (with_values(own, values).tocsc() for values in _terms(model, own))
    return Crowd(table, inverse, metric, truth, with_ones(own).tocsc(), weights, targets)


def _prior(model: ModelParts, history: sp.csr_matrix) -> tuple[Matrix, Matrix]:
    # y of all items, and M.
    factors = model.factors
    popular = np.sort(np.argsort(-model.popularity, kind="stable")[:_TYPICAL])
    somebody = sp.csr_matrix(
        (np.ones(len(popular), np.float32), popular, np.array([0, len(popular)])),
        shape=(1, len(factors.items)),
    )
    problem = factors.spec.problem_of(factors, somebody, "users")
    if problem is None:
        x = factors.user_factors.astype(np.float64)
        spread = x.T @ x / max(1, len(x))
        return factors.item_factors.astype(np.float64), spread / _noise(model, history)
    start = float(np.max(problem.ridge)) * np.eye(problem.table.shape[1])
    if problem.base is not None:
        base = np.asarray(problem.base, np.float64)
        start += np.diag(base) if base.ndim == 1 else base
    with one_blas_thread():
        inverse = np.asarray(np.linalg.pinv(start, hermitian=True), np.float64)
    return problem.table.astype(np.float64), inverse


def _terms(model: ModelParts, matrix: sp.csr_matrix) -> tuple[Vector, Vector]:
    # w and t of the entries of a matrix of counted ratings.
    factors = model.factors
    problem = factors.spec.problem_of(factors, matrix, "users")
    if problem is not None:
        parts = 1.0 if problem.weights is None else problem.weights, problem.targets
    elif factors.spec.predicts_ratings:
        parts = 1.0, matrix.data - np.float32(factors.mean) - factors.item_bias[matrix.indices]
    else:
        parts = 1.0, 1.0
    terms = np.empty((2, matrix.nnz))
    terms[0], terms[1] = parts
    return terms[0], terms[1]


def _noise(model: ModelParts, history: sp.csr_matrix) -> float:
    # σ², the mean square of t − score.
    rng = np.random.default_rng(0)
    entries = rng.choice(history.nnz, min(_SAMPLE, history.nnz), replace=False)
    users, items = entry_rows(history)[entries], history.indices[entries]
    target = history.data[entries] if model.factors.spec.predicts_ratings else 1.0
    found = float(np.square(target - model.factors.predict_rows(users, items)).mean())
    return max(found, 1e-12)
