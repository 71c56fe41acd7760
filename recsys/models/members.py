"""The members of a blend, fitted one after another in a way that can go on in the middle."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.models.alternating import OnState, State, continued, is_due
from recsys.models.common import OnEpoch, Progress
from recsys.models.factors import Factorization, Factors

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_NOW = "now."  # before the names that the member in training has in `State.more`
_TABLES = "user_bias", "item_bias", "user_factors", "item_factors"


def n_epochs(member: Factorization) -> int:
    """How many epochs it trains for at most; 1 for a model without epochs."""
    return int(getattr(member, "n_epochs", 1))


_NONE = np.zeros((0, 0), np.float32)
_BETWEEN = State(0, _NONE, _NONE, np.random.default_rng(0))  # a state of no member


class MemberFits:
    """The fits of a blend's members.

    Epochs are counted through all members; a member without epochs counts as one. A `State` has the
    tables and generators of the member in training, and in `more` what the members before it have
    found, such as `0.user_factors` and `0.state.user_scale`. Between two members its tables are
    empty.
    """

    def __init__(
        self,
        blend: Factorization,
        of: Sequence[Factorization],
        ratings: Ratings,
        on_epoch: OnEpoch | None,
        on_state: OnState | None,
    ) -> None:
        self._blend, self._of, self._ratings = blend, of, ratings
        self._on_epoch, self._on_state = on_epoch, on_state
        self._ends = np.cumsum([n_epochs(one) for one in of]).tolist()
        self._started = time.perf_counter()
        self._fitted: list[Factors] = []
        self._log: tuple[Progress, ...] = ()

    def run(self, start: State | None = None) -> tuple[Factors, ...]:
        """The fitted members.

        Args:
            start: a state of this fit, to go on from.

        Raises:
            ArgumentError: it is a state of something else.
        """
        now = None if start is None else self._taken_up(start)
        for member in self._of[len(self._fitted) :]:
            self._fitted.append(self._fit(member, now))
            now = None
            if len(self._fitted) < len(self._of) and self.due():
                self.keep(_BETWEEN)
        return tuple(self._fitted)

    def due(self) -> bool:
        """Whether a state is to be kept now."""
        return self._on_state is not None and is_due(self._on_state)

    def keep(self, now: State) -> None:
        """Keeps a state of the member in training, with what the members before it have found."""
        if self._on_state is not None:
            self._on_state(self._state(now))

    @property
    def seconds(self) -> float:
        """Since the fit began."""
        return time.perf_counter() - self._started

    @property
    def _done(self) -> int:
        # Epochs of the members that are fitted, as if none of them had stopped early.
        return int(self._ends[len(self._fitted) - 1]) if self._fitted else 0

    def _fit(self, member: Factorization, now: State | None) -> Factors:
        if not hasattr(member, "n_epochs"):
            found = member.fit(self._ratings)
            self._note(Progress(1, 1, found.log[-1].loss if found.log else 0.0, 0.0))
            return found
        watched = self._on_state is not None and member.resumable
        on_state = _OnMember(self) if watched else None
        return member.fit(self._ratings, self._note, start=now, on_state=on_state)

    def _note(self, progress: Progress) -> None:
        epoch = self._done + progress.epoch
        whole = replace(progress, epoch=epoch, n_epochs=self._ends[-1], seconds=self.seconds)
        self._log = (*self._log, whole)
        if self._on_epoch is not None:
            self._on_epoch(whole)

    def _state(self, now: State) -> State:
        more: dict[str, npt.NDArray[Any]] = {f"{_NOW}{n}": a for n, a in now.more.items()}
        for i, one in enumerate(self._fitted):
            more |= {f"{i}.{name}": array for name, array in _arrays(one).items()}
        return replace(
            now,
            epoch=self._done + now.epoch,
            log=self._log,
            spec=self._blend.to_dict(),
            fingerprint=self._ratings.fingerprint,
            more=more,
        )

    def _taken_up(self, start: State) -> State | None:
        # The state of the member in training; None between two members.
        shapes = start.users.shape, start.items.shape  # which that member checks
        spec, fingerprint = self._blend.to_dict(), self._ratings.fingerprint
        start = continued(start, spec, fingerprint, shapes, self._ends[-1])
        self._log = start.log
        self._started -= start.log[-1].seconds
        for i, end in enumerate(self._ends):
            if end <= start.epoch:
                self._fitted.append(self._restored(i, _named(start.more, f"{i}.")))
        if start.epoch == self._done:
            return None
        member = self._of[len(self._fitted)]
        own = [
            replace(one, epoch=one.epoch - self._done, n_epochs=n_epochs(member))
            for one in start.log
            if one.epoch > self._done
        ]
        return replace(
            start,
            epoch=start.epoch - self._done,
            log=tuple(own),
            spec=member.to_dict(),
            more=_named(start.more, _NOW),
        )

    def _restored(self, i: int, arrays: Mapping[str, npt.NDArray[Any]]) -> Factors:
        tables = {name: arrays[name] for name in _TABLES}
        log = tuple(Progress(1, 1, float(loss), 0.0) for loss in arrays["losses"])
        state, mean = _named(arrays, "state."), float(arrays["mean"][0])
        return Factors.of(self._of[i], self._ratings, **tables, mean=mean, log=log, state=state)


class _OnMember:
    # What a member calls after its epochs; see `recsys.models.alternating.OnState`.
    def __init__(self, fits: MemberFits) -> None:
        self.due, self._keep = fits.due, fits.keep

    def __call__(self, state: State) -> None:
        self._keep(state)


def _arrays(fitted: Factors) -> dict[str, npt.NDArray[Any]]:
    # What a fitted member is made of, and its last loss.
    found = {name: getattr(fitted, name) for name in _TABLES}
    found |= {f"state.{name}": array for name, array in fitted.state.items()}
    losses = np.array([one.loss for one in fitted.log[-1:]], np.float64)
    return found | {"mean": np.array([fitted.mean]), "losses": losses}


def _named(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
