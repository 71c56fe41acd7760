"""Draws from a posterior: how sure a score is, and the scores of one draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.lazy import sp
from recsys.models.common import FloatArray, Rows
from recsys.threads import one_blas_thread

_NUMBERS = 1 << 22  # numbers of all samples of such pairs: 16 MB
_IN_CACHE = 1 << 16  # scores of people that are summed over the samples together


@dataclass(frozen=True, eq=False)
class Posterior:
    """The draws of a `BayesianMF`: of its items, and of users given the items of each sample.

    Their scores are expected ratings, without the noise of a single rating. Draws of users are
    (n, K, f + 1) in the unit of standardized ratings, the last coordinate the bias.
    """

    spec: Any
    """The `BayesianMF`."""
    factors: Any
    """Its `Factors`."""

    @cached_property
    def _vectors(self) -> FloatArray:
        # (K, f, n_items), so that the scores of a sample are one product.
        return np.ascontiguousarray(self.spec.item_draws(self.factors).transpose(1, 2, 0))

    @cached_property
    def _biases(self) -> FloatArray:
        return np.ascontiguousarray(self.factors.state["item_biases"].T)

    @property
    def n_samples(self) -> int:
        """K."""
        return int(self.spec.n_samples)

    def of_users(self, rows: Rows | slice) -> FloatArray:
        """The draws of training users."""
        found: FloatArray = self.factors.state["user_draws"][rows]
        return found

    def of_new(self, history: sp.csr_matrix, seed: int) -> FloatArray:
        """Draws of people with some ratings (n, n_items), each from a generator of this seed."""
        found: FloatArray = self.spec.fold_in_draws(self.factors, history, seed)
        return found

    def scores(self, draws: FloatArray, samples: npt.NDArray[np.integer]) -> FloatArray:
        """(n, n_items) float32 expected ratings of people, each by one sample (n,)."""
        found = np.empty((len(draws), len(self.factors.items)), np.float32)
        with one_blas_thread():
            for k in np.unique(samples):
                them = np.flatnonzero(samples == k)
                found[them] = self._of_sample(draws[them], int(k))
        found *= self._unit
        found += np.float32(self.factors.mean)
        return found

    def deviations(self, draws: FloatArray) -> FloatArray:
        """(n, n_items) float32 standard deviations of the expected ratings of people."""
        n_items = len(self.factors.items)
        found = np.empty((len(draws), n_items), np.float32)
        step = max(1, _IN_CACHE // n_items)
        with one_blas_thread():  # products this small are slower with several
            for start in range(0, len(draws), step):
                found[start : start + step] = self._deviations(draws[start : start + step])
        return found

    def _deviations(self, draws: FloatArray) -> FloatArray:
        total = np.zeros((len(draws), len(self.factors.items)), np.float32)
        squares = np.zeros_like(total)
        # Standardized ratings are around 0, so that float32 has digits enough for the difference.
        for k in range(self.n_samples):
            scores = self._of_sample(draws, k)
            total += scores
            np.multiply(scores, scores, out=scores)
            squares += scores
        total /= self.n_samples
        squares /= self.n_samples
        squares -= np.square(total)
        found: FloatArray = np.sqrt(np.maximum(squares, 0, out=squares), out=squares)
        found *= self._unit
        return found

    def pair_deviations(
        self, draws: FloatArray, rows: npt.NDArray[np.integer], items: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float64]:
        """(p,) of pairs of a position in `draws` and an item row."""
        found = np.empty(len(rows))
        biases = self.factors.state["item_biases"]
        step = max(1, _NUMBERS // (self.n_samples * (self.spec.n_factors + 1)))
        for start in range(0, len(rows), step):
            x, columns = draws[rows[start : start + step]], items[start : start + step]
            table = self.spec.item_draws(self.factors, columns)
            scores = np.einsum("pkf,pkf->pk", x[:, :, :-1], table)
            scores += x[:, :, -1] + biases[columns]
            found[start : start + step] = scores.std(axis=1, dtype=np.float64)
        return found * float(self._unit)

    def _of_sample(self, draws: FloatArray, k: int) -> FloatArray:
        own = draws[:, k]
        found: Any = own[:, :-1] @ self._vectors[k]
        found += own[:, -1:]
        found += self._biases[k]
        return np.asarray(found, np.float32)

    @property
    def _unit(self) -> np.float32:
        return np.float32(self.factors.state["scale"][0])
