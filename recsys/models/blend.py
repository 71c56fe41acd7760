"""`Blend`: several factorizations side by side, as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.models.arrays import check_above_zero
from recsys.models.common import FloatArray, OnEpoch, Progress, Side
from recsys.models.factors import Embeddings, Factorization, Factors, Solved
from recsys.models.members import MemberFits, n_epochs
from recsys.models.registry import SPECS, make_spec
from recsys.models.spec import PeakMemory
from recsys.settings import option, settings_of
from recsys.visible import brief

if TYPE_CHECKING:
    import scipy.sparse as sp

    from recsys.models.alternating import OnState, State
    from recsys.ratings.ratings import Ratings

_PAIRS = 20_000  # random pairs whose scores give a model's scale
_OWN = "own_bias"


@dataclass(frozen=True)
class Blend(Factorization):
    """A weighted sum of the scores of several models, each divided by its standard deviation.

        score = Σ_m w_m s_m(u, i) / σ_m

    s_m is the score of member m and σ_m its standard deviation over random pairs of a user and an
    item, computed once after the fit. A sum of dot products is a dot product of longer vectors, so
    a blend is one `Factors`: the members' factors side by side, those of users times w_m / σ_m. New
    users and items are folded in by each member.

    Members are specs, names of models, or tables with `model` and its hyperparameters. The last two
    take the seed of the blend unless they have their own. `recsys.blend` chooses the weights.

    `Factors.state` has the states of the members, their biases, `means` and `widths`, and w_m / σ_m
    as `scales`. `on_epoch` receives the epochs of the members, one member after another;
    `Factors.log` has one entry, with the sum of their last losses.
    """

    name: ClassVar[str] = "blend"
    resumable: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = ("widths", "scales", "means")
    peak_memory: ClassVar[PeakMemory] = PeakMemory(0, 1)

    of: Sequence[Any] = option(
        ["implicit-als", "normalized-svd"],
        meaning="Members: at least two factorizations, by name or with hyperparameters.",
    )
    weights: Sequence[Any] | None = option(
        None,
        meaning="Weight of each member, above 0.",
        default_text="equal weights",
    )
    seed: int = option(
        0,
        low=0,
        high=2**31 - 1,
        meaning="Seed for the random pairs that set the scales, and for members without a seed.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        members = tuple(self._member(one) for one in self.of)
        if len(members) < 2:
            raise ArgumentError(f"of must name at least two models, not {len(members)}")
        weights = (1.0,) * len(members) if self.weights is None else self.weights
        if len(weights) != len(members):
            raise ArgumentError(
                f"weights must be {len(members)} numbers, one per member of the blend"
            )
        object.__setattr__(self, "of", members)
        object.__setattr__(self, "weights", tuple(map(_weight, weights)))
        exactly = all(one.folds_in_exactly for one in members)
        object.__setattr__(self, "folds_in_exactly", exactly)

    def _member(self, given: Any) -> Factorization:
        settings = dict(given) if isinstance(given, Mapping) else {"model": given}
        spec = given
        if not isinstance(given, Factorization):
            name = str(settings.pop("model", None))
            if name in SPECS and "seed" in {one.name for one in settings_of(SPECS[name])}:
                settings = {"seed": self.seed} | settings
            try:
                spec = make_spec(name, settings)
            except ArgumentError as error:
                raise ArgumentError(f"of: {error}") from None
        if not isinstance(spec, Factorization) or isinstance(spec, Blend):
            raise ArgumentError(f"of must name factorizations, and {spec.name} is not one")
        return spec

    @classmethod
    def parsed(cls, given: Mapping[str, Any], what: str = "") -> Self:
        """The blend with these settings; lists may be texts with commas.

        A setting of a member is named MEMBER.NAME, with the member's model or its number from 1:
        `normalized-svd.n_factors` or `2.n_factors`.

        Raises:
            ArgumentError: a name or a value is wrong.
        """
        own = {name: value for name, value in given.items() if "." not in name}
        if isinstance(own.get("weights"), str):
            own["weights"] = _listed(own["weights"])
        return super().parsed(own | {"of": named_members(given)}, what)

    def values(self) -> dict[str, Any]:
        """Value by name, members as tables."""
        found = super().values()
        return found | {"of": [one.to_dict() for one in self.of], "weights": list(self._weights)}

    def changed(self) -> dict[str, Any]:
        """See `NamedSettings.changed`; members by number, as two may be of the same model."""
        weights = ",".join(f"{weight:g}" for weight in self._weights)
        found = {"of": ",".join(one.name for one in self.of), "weights": weights}
        if self.seed:
            found["seed"] = str(self.seed)
        for i, one in enumerate(self.of, 1):
            own = one.changed()
            own.pop("seed", None)  # that of the blend, unless it is another
            if getattr(one, "seed", self.seed) != self.seed:
                own["seed"] = one.seed
            found |= {f"{i}.{name}": value for name, value in own.items()}
        return found

    def with_seed(self, seed: int) -> Blend:
        """The blend with this seed for its own draws and for every member that draws."""
        members = [replace(one, seed=seed) if hasattr(one, "seed") else one for one in self.of]
        return replace(self, of=members, seed=seed)

    @property
    def n_epochs(self) -> int:
        """Epochs of all members at most; a member without epochs counts as one."""
        return sum(map(n_epochs, self.of))

    @property
    def _weights(self) -> tuple[float, ...]:
        return tuple(self.weights or ())

    def _fit(
        self,
        ratings: Ratings,
        on_epoch: OnEpoch | None,
        start: State | None,
        warm: Any,
        on_state: OnState | None,
    ) -> Factors:
        fits = MemberFits(self, self.of, ratings, on_epoch, on_state)
        fitted = fits.run(start)
        losses = [one.log[-1].loss for one in fitted if one.log]
        return self.joined(ratings, fitted, (Progress(1, 1, float(sum(losses)), fits.seconds),))

    def joined(
        self, ratings: Ratings, fitted: Sequence[Factors], log: tuple[Progress, ...] = ()
    ) -> Factors:
        """The blend of models that are fitted already: what its members found for `ratings`."""
        pairs = self._pairs(ratings)
        scales = [
            weight / (float(np.std(one.predict_rows(*pairs))) or 1.0)
            for weight, one in zip(self._weights, fitted, strict=True)
        ]
        state: dict[str, npt.NDArray[Any]] = {
            "widths": np.array([one.n_factors for one in fitted], np.int64),
            "scales": np.array(scales, np.float32),
            "means": np.array([one.mean for one in fitted], np.float64),
        }
        for i, one in enumerate(fitted):
            own = {f"user_{_OWN}": one.user_bias, f"item_{_OWN}": one.item_bias} | dict(one.state)
            state |= {f"{name}.{i}": array for name, array in own.items()}
        people = [Embeddings(one.user_bias, one.user_factors) for one in fitted]
        users = _side_by_side(people, state["scales"], state["scales"])
        things = [Embeddings(one.item_bias, one.item_factors) for one in fitted]
        items = _side_by_side(things, state["scales"], np.ones(len(fitted), np.float32))
        return Factors.of(
            self,
            ratings,
            users.factors,
            items.factors,
            mean=float(np.sum(state["scales"] * state["means"])),
            user_bias=users.bias,
            item_bias=items.bias,
            log=log,
            state=state,
        )

    def _pairs(self, ratings: Ratings) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        rng = np.random.default_rng(self.seed)
        return rng.integers(ratings.n_users, size=_PAIRS), rng.integers(
            ratings.n_items, size=_PAIRS
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Folded in by each member, and weighted."""
        parts = [one.spec.fold_in_users(one, matrix) for one in members(factors)]
        return _side_by_side(parts, factors.state["scales"], factors.state["scales"])

    def contributions(self, factors: Factors, matrix: sp.csr_matrix) -> npt.NDArray[np.float64]:
        """Those of each member, weighted and side by side."""
        parts = [one.spec.contributions(one, matrix) for one in members(factors)]
        scaled = [part * w for part, w in zip(parts, factors.state["scales"], strict=True)]
        return np.hstack(scaled)

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Folded in by each member."""
        parts = [one.spec.fold_in_items(one, matrix) for one in members(factors)]
        scales = factors.state["scales"]
        return _side_by_side(parts, scales, np.ones_like(scales))

    def solved(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Solved:
        """By each member, with what it keeps and its biases."""
        scales = factors.state["scales"]
        parts = [one.spec.solved(one, matrix, side) for one in members(factors)]
        state: dict[str, npt.NDArray[Any]] = {}
        for i, part in enumerate(parts):
            own = {f"{side[:-1]}_{_OWN}": part.embeddings.bias} | dict(part.state)
            state |= {f"{name}.{i}": rows for name, rows in own.items()}
        of = scales if side == "users" else np.ones_like(scales)
        return Solved(_side_by_side([part.embeddings for part in parts], scales, of), state)

    def state_shapes(self, factors: Factors) -> Mapping[str, tuple[int, ...]]:
        """See `Factorization.state_shapes`.

        Raises:
            ArgumentError: the members' widths are not those of the factors, a scale is not above 0,
                or the state of a member is missing or wrong.
        """
        shapes = dict.fromkeys(self.state_names, (len(self.of),))
        if any(factors.state[name].shape != shape for name, shape in shapes.items()):
            return shapes  # which differ
        widths = factors.state["widths"]
        if (widths < 0).any() or widths.sum() != factors.n_factors:
            raise ArgumentError(f"widths of a blend must add up to {factors.n_factors}")
        check_above_zero(factors.state, "scales")
        try:
            for _ in _members(factors, copied=False):
                pass
        except KeyError as error:
            raise ArgumentError(f"a member of the blend has no {error}") from None
        return shapes

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most: what all members hold, and the blend."""
        sizes = n_users, n_items, n_ratings
        width = sum(getattr(one, "n_factors", 0) + 1 for one in self.of)
        tables = 2 * 4 * width * (n_users + n_items)
        largest: int = max(one.training_memory(*sizes) for one in self.of)
        return tables + largest


def named_members(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members of a blend with these settings, as tables.

    >>> named_members({"of": "pure-svd,popularity", "pure-svd.n_factors": 8})
    [{'model': 'pure-svd', 'n_factors': 8}, {'model': 'popularity'}]

    Raises:
        ArgumentError: `of` is no list, or a setting is one of a model that is no member.
    """
    setting = next(one for one in settings_of(Blend) if one.name == "of")
    of = given.get("of", setting.default)
    found = [_table(one) for one in setting.checked(_listed(of) if isinstance(of, str) else of)]
    for where, value in given.items():
        member, dot, name = where.rpartition(".")
        if not dot:
            continue
        meant = [one for i, one in enumerate(found, 1) if member in (str(i), one.get("model"))]
        if not meant:
            names = ", ".join(str(one.get("model")) for one in found)
            raise ArgumentError(f"the blend has no member {brief(member)}; it has {names}")
        for one in meant:
            one[name] = value
    return found


def members(factors: Factors) -> tuple[Factors, ...]:
    """The models that a blend is made of, as they were before it."""
    if factors not in _MEMBERS:
        _MEMBERS[factors] = tuple(_members(factors))
    return _MEMBERS[factors]


# Taking a blend apart copies its tables, and folding in needs the parts for every question.
_MEMBERS: WeakKeyDictionary[Factors, tuple[Factors, ...]] = WeakKeyDictionary()


def _members(factors: Factors, copied: bool = True) -> Iterator[Factors]:
    # Without copies of the tables the factors of users have another scale.
    spec, state = factors.spec, factors.state
    assert isinstance(spec, Blend)
    ends = np.cumsum(state["widths"])
    for i, (member, width, scale) in enumerate(
        zip(spec.of, state["widths"], state["scales"], strict=True)
    ):
        columns = slice(int(ends[i] - width), int(ends[i]))
        x, y = factors.user_factors[:, columns], factors.item_factors[:, columns]
        own = {
            name.rpartition(".")[0]: array
            for name, array in state.items()
            if name.endswith(f".{i}")
        }
        yield Factors(
            users=factors.users,
            items=factors.items,
            mean=float(state["means"][i]),
            user_bias=own.pop(f"user_{_OWN}"),
            item_bias=own.pop(f"item_{_OWN}"),
            user_factors=x / scale if copied else x,
            item_factors=np.ascontiguousarray(y) if copied else y,
            spec=member,
            state=own,
        )


def _side_by_side(parts: Sequence[Embeddings], of_bias: FloatArray, of: FloatArray) -> Embeddings:
    bias = np.sum([one.bias * scale for one, scale in zip(parts, of_bias, strict=True)], axis=0)
    factors = [one.factors * scale for one, scale in zip(parts, of, strict=True)]
    return Embeddings(np.asarray(bias, np.float32), np.hstack(factors))


def _table(member: Any) -> dict[str, Any]:
    if isinstance(member, Factorization):
        return member.to_dict()
    return dict(member) if isinstance(member, Mapping) else {"model": member}


def _listed(text: str) -> list[str] | None:
    return None if text == "none" else [part.strip() for part in text.split(",")]


def _weight(given: Any) -> float:
    try:
        weight = float(given)
    except (TypeError, ValueError):
        weight = np.nan
    if not 0 < weight < np.inf or isinstance(given, bool):
        raise ArgumentError(f"weights must be numbers above 0, not {brief(given)}")
    return weight
