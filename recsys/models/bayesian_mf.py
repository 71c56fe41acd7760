"""Bayesian matrix factorization: the mean of many draws, and how far they are apart."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.lazy import sp
from recsys.models.alternating import OnState, State, continued, is_due
from recsys.models.arrays import check_above_zero
from recsys.models.chain import Chain, Sample
from recsys.models.common import FloatArray, OnEpoch, Progress, Rows, Side
from recsys.models.explicit_als import mean_rating
from recsys.models.factors import Embeddings, Factorization, Factors, Solved
from recsys.models.gibbs import Prior, drawn, links_of, posterior
from recsys.models.posterior import Posterior
from recsys.models.spec import PeakMemory
from recsys.settings import hyper, option
from recsys.threads import one_blas_thread

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_OTHER = {"user": "item", "item": "user"}


@dataclass(frozen=True)
class BayesianMF(Factorization):
    """The posterior mean of a factorization with biases, by Gibbs sampling.

        r ~ N(μ + b_u + b_i + x_u·y_i, 1/α)
        (x_u, b_u) ~ N(m + Wᵀ s_u, Λ⁻¹),  s_u = 1/√#u for each item that u has rated
        (y_i, b_i) likewise, with links to the users who have rated i

    m, Λ and W of each side and α are sampled, too (see `recsys.models.gibbs`), so there is no
    regularization to tune. Without `implicit_features`, W = 0 (Salakhutdinov, Mnih 2008, "Bayesian
    Probabilistic Matrix Factorization using Markov Chain Monte Carlo", with biases). With them, the
    model also uses who rated what, regardless of the rating: the idea of SVD++ (Koren 2008), for
    both sides.

    A sweep samples all items, then all users. The first `n_burn_in` sweeps are discarded; of the
    others every `thinning`th is kept, `n_samples` in total. `Factors` concatenates them, each
    scaled by 1/√n_samples, so that a dot product is the mean over the samples. For items, these are
    the samples; for users, their conditional mean given the rest of the sample, which has less
    noise. That mean solves the row problem of the sample, so folding in a training user returns
    their stored factors. `Factors.state` has the users' samples and the priors. A row without
    ratings has the mean of its prior.

    Ratings are standardized inside; results do not depend on their unit. The loss that `on_epoch`
    receives is the mean squared error of one sample on the training ratings.
    """

    name: ClassVar[str] = "bayesian-mf"
    predicts_ratings: ClassVar[bool] = True
    resumable: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = (
        "scale", "noise", "user_draws", "item_biases", "prior_user_mean", "prior_item_mean",
        "prior_user_precision", "prior_item_precision",
    )  # fmt: skip
    peak_memory: ClassVar[PeakMemory] = PeakMemory(70, 10, 70)

    n_factors: int = hyper(
        16, low=1, high=512, typical=(8, 32), log=True, symbol="f",
        meaning="Width of the factors of one sample.",
    )  # fmt: skip
    n_burn_in: int = hyper(
        30,
        low=0,
        typical=(20, 100),
        tuned=False,
        meaning="Number of burn-in sweeps, which are discarded.",
    )
    n_samples: int = hyper(
        60,
        low=1,
        high=1000,
        typical=(20, 150),
        tuned=False,
        symbol="K",
        meaning="Number of samples kept.",
    )
    thinning: int = hyper(
        2,
        low=1,
        typical=(1, 5),
        tuned=False,
        meaning="Keep one sample every this many sweeps.",
    )
    implicit_features: bool = option(
        True, meaning="Whether prior means also depend on who rated what."
    )
    seed: int = hyper(0, low=0, meaning="Seed for the sampler.")

    @property
    def n_epochs(self) -> int:
        """Sweeps in all."""
        return self.n_burn_in + self.n_samples * self.thinning

    def _fit(
        self,
        ratings: Ratings,
        on_epoch: OnEpoch | None,
        start: State | None,
        warm: Any,
        on_state: OnState | None,
    ) -> Factors:
        rng = np.random.default_rng(self.seed)
        chain = Chain(ratings.matrix, self.n_factors, self.implicit_features, rng)
        kept: list[Sample] = []
        log: list[Progress] = []
        # Hashing the ratings takes time that only a training that can be continued needs.
        fingerprint = ratings.fingerprint if start is not None or on_state is not None else ""
        if start is not None:
            width = self.n_factors + 1
            shapes = (ratings.n_users, width), (ratings.n_items, width)
            start = continued(start, self.to_dict(), fingerprint, shapes, self.n_epochs)
            kept += chain.go_on(start)
            log += start.log
        began = time.perf_counter() - (log[-1].seconds if log else 0.0)
        with one_blas_thread(), closing(chain):
            for epoch in range(len(log) + 1, self.n_epochs + 1):
                loss = chain.sweep() * chain.scale**2
                if epoch > self.n_burn_in and (epoch - self.n_burn_in) % self.thinning == 0:
                    kept.append(chain.sample())
                progress = Progress(epoch, self.n_epochs, loss, time.perf_counter() - began)
                log.append(progress)
                if on_epoch is not None:
                    on_epoch(progress)
                if on_state is not None and epoch < self.n_epochs and is_due(on_state):
                    about: dict[str, Any] = {"spec": self.to_dict(), "fingerprint": fingerprint}
                    # Without a name, so that it is gone before the next one is made.
                    on_state(replace(chain.state(epoch, kept), log=tuple(log), **about))
        return _factors(self, ratings, chain.scale, kept, tuple(log))

    def state_shapes(self, factors: Factors) -> Mapping[str, tuple[int, ...]]:
        """Those of every array.

        Raises:
            ArgumentError: the factors are not as wide as all samples together, or a scale or noise
                is not above 0.
        """
        check_above_zero(factors.state, "scale", "noise")
        n, width = self.n_samples, self.n_factors + 1
        if factors.n_factors != n * self.n_factors:
            raise ArgumentError(
                f"{self.name} needs factors of width {n * self.n_factors}, not {factors.n_factors}"
            )
        n_users, n_items = len(factors.users), len(factors.items)
        shapes: dict[str, tuple[int, ...]] = {
            "scale": (1,), "noise": (n,), "user_draws": (n_users, n, width),
            "item_biases": (n_items, n), "user_links": (n_users, n, width),
            "item_links": (n_items, n, width),
        }  # fmt: skip
        for side in _OTHER:
            shapes |= {
                f"prior_{side}_mean": (n, width),
                f"prior_{side}_precision": (n, width, width),
            }
        return shapes

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most, mostly for the samples and their arrangement."""
        links = 2 if self.implicit_features else 0
        rows = (5 + links) * n_users + (3 + links) * n_items
        samples = 4 * (self.n_factors + 1) * self.n_samples * rows
        return super().training_memory(n_users, n_items, n_ratings) + samples

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The posterior mean of each row given each sample's items, biases and priors."""
        return self._fold_in(factors, matrix, "users")

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Likewise, given the users."""
        return self._fold_in(factors, matrix, "items")

    def solved(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Solved:
        """Users' posterior means, and draws around them as `user_draws`; of items the draws.

        An item that joins after the training has no link: who rated it says nothing more.
        """
        drawn = self._drawn(factors, matrix, side)
        if side == "users":
            return Solved(self.fold_in_users(factors, matrix), {"user_draws": drawn})
        embeddings = _embeddings(drawn, float(np.float32(factors.state["scale"][0])))
        return Solved(embeddings, {"item_biases": drawn[:, :, -1].copy()})

    def _drawn(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> FloatArray:
        # (n, n_samples, f + 1) of each row, given each sample's other side.
        rng = np.random.default_rng(self.seed)
        found = np.empty((matrix.shape[0], self.n_samples, self.n_factors + 1), np.float32)
        for k, sample in enumerate(self._samples(factors, matrix, side)):
            z = rng.standard_normal(found[:, k].shape, np.float32)
            found[:, k] = drawn(posterior(matrix, *sample), sample[-1], z)[0]
        return found

    def contributions(self, factors: Factors, matrix: sp.csr_matrix) -> npt.NDArray[np.float64]:
        """By each sample: the terms of the equations, and with links those of the prior's mean."""
        found = np.empty((matrix.nnz, self.n_samples, self.n_factors))
        samples = self._samples(factors, matrix, "users")
        for k, (targets, against, prior, noise) in enumerate(samples):
            problem = posterior(matrix, targets, against, prior, noise)
            found[:, k] = problem.contributions()[:, :-1]
            if prior.links is not None:
                links = links_of(matrix).data[:, None] * prior.links[matrix.indices]
                _, (normal,) = next(problem.normal_matrices())
                right = links.astype(np.float64) @ prior.precision * noise**2
                found[:, k] += np.linalg.solve(normal, right.T).T[:, :-1]
        unit = math.sqrt(float(factors.state["scale"][0]) / self.n_samples)
        return found.reshape(matrix.nnz, -1) * unit

    def deviations(
        self, factors: Factors, user_rows: Rows, item_rows: Rows
    ) -> npt.NDArray[np.float64]:
        """Standard deviation (n,) of the rating of each pair: of the samples, and of one rating."""
        draws, positions = np.unique(user_rows, return_inverse=True)
        posterior = self.posterior(factors)
        found = posterior.pair_deviations(posterior.of_users(draws), positions, item_rows)
        noise = np.square(factors.state["noise"]).mean()
        return np.asarray(np.sqrt(found**2 + noise * factors.state["scale"][0] ** 2))

    def posterior(self, factors: Factors) -> Posterior:
        """The draws, for expected ratings and how sure they are."""
        return Posterior(self, factors)

    def fold_in_draws(self, factors: Factors, matrix: sp.csr_matrix, seed: int) -> FloatArray:
        """(n, K, f + 1) draws of new users, given the items, biases and priors of each sample.

        All rows have the same noise, so that a person gets the same alone as among others.
        """
        shape = self.n_samples, self.n_factors + 1
        z = np.random.default_rng(seed).standard_normal(shape, np.float32)
        found = np.empty((matrix.shape[0], *shape), np.float32)
        for k, sample in enumerate(self._samples(factors, matrix, "users")):
            rows = posterior(matrix, *sample)
            found[:, k] = drawn(rows, sample[-1], np.tile(z[k], (len(found), 1)))[0]
        return found

    def item_draws(self, factors: Factors, rows: Rows | slice = slice(None)) -> FloatArray:
        """(n_items, K, f) the draws of items, in the unit of standardized ratings."""
        unit = np.float32(math.sqrt(self.n_samples / factors.state["scale"][0]))
        table = factors.item_factors[rows]
        return table.reshape(-1, self.n_samples, self.n_factors) * unit

    def _fold_in(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Embeddings:
        found = np.empty((matrix.shape[0], self.n_samples, self.n_factors + 1), np.float32)
        for k, sample in enumerate(self._samples(factors, matrix, side)):
            found[:, k] = posterior(matrix, *sample).solve()[0]
        return _embeddings(found, float(np.float32(factors.state["scale"][0])))

    def _samples(
        self, factors: Factors, matrix: sp.csr_matrix, side: Side
    ) -> Iterator[tuple[FloatArray, FloatArray, Prior, float]]:
        # Of each sample what the rows of `matrix` are solved from: see `posterior`.
        own, state = ("user" if side == "users" else "item"), factors.state
        if own == "user":
            table, biases = self.item_draws(factors), state["item_biases"]
        else:
            table, biases = state["user_draws"][:, :, :-1], state["user_draws"][:, :, -1]
        targets = (matrix.data - np.float32(factors.mean)) / np.float32(state["scale"][0])
        links = state.get(f"{_OTHER[own]}_links")
        for k in range(self.n_samples):
            against = np.column_stack([table[:, k], np.ones(len(table), np.float32)])
            prior = Prior(
                state[f"prior_{own}_mean"][k],
                state[f"prior_{own}_precision"][k],
                None if links is None else links[:, k],
            )
            yield targets - biases[matrix.indices, k], against, prior, state["noise"][k]


def _factors(
    spec: BayesianMF,
    ratings: Ratings,
    scale: float,
    kept: Sequence[Sample],
    log: tuple[Progress, ...],
) -> Factors:
    # (rows, n, f + 1)
    expected = np.stack([one.expected_users for one in kept], axis=1)
    items = np.stack([one.items for one in kept], axis=1)
    state: dict[str, npt.NDArray[Any]] = {
        "scale": np.array([scale]),
        "noise": np.array([one.noise for one in kept]),
        "user_draws": np.stack([one.users for one in kept], axis=1),
        "item_biases": items[:, :, -1].copy(),
    }
    for side, priors in (
        ("user", [one.user_prior for one in kept]),
        ("item", [one.item_prior for one in kept]),
    ):
        state[f"prior_{side}_mean"] = np.stack([prior.mean for prior in priors])
        state[f"prior_{side}_precision"] = np.stack([prior.precision for prior in priors])
        if spec.implicit_features:
            links = np.stack([cast("FloatArray", prior.links) for prior in priors], axis=1)
            state[f"{_OTHER[side]}_links"] = links
    user, item = _embeddings(expected, scale), _embeddings(items, scale)
    return Factors.of(
        spec, ratings, user.factors, item.factors, mean=mean_rating(ratings.matrix),
        user_bias=user.bias, item_bias=item.bias, log=log, state=state,
    )  # fmt: skip


def _embeddings(rows: FloatArray, scale: float) -> Embeddings:
    # Samples (rows, n, f + 1) of standardized ratings, side by side in the unit of the ratings.
    n = rows.shape[1]
    factors = rows[:, :, :-1] * np.float32(math.sqrt(scale / n))
    return Embeddings(
        rows[:, :, -1].mean(axis=1) * np.float32(scale), factors.reshape(len(rows), -1)
    )
