"""`Factors`: what every fit returns, whatever the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.errors import ArgumentError, FitError
from recsys.ids import IdIndex, several
from recsys.models.spec import FloatArray, Progress, Spec


@dataclass(frozen=True, eq=False)
class Factors:
    """Two tables of factors. A score is `mean + user_bias + item_bias + user · item`.

    Immutable; NaN and infinity are refused.
    """

    users: IdIndex
    items: IdIndex
    mean: float
    user_bias: FloatArray
    """(n_users,) float32."""
    item_bias: FloatArray
    """(n_items,) float32."""
    user_factors: FloatArray
    """(n_users, f) float32."""
    item_factors: FloatArray
    """(n_items, f) float32."""
    spec: Spec
    """What made them, which also knows how to fold in."""
    log: tuple[Progress, ...] = ()
    """The training, epoch by epoch."""
    user_scale: FloatArray | None = None
    """(n_users,) what a rating is multiplied by before factorization, for models that scale."""
    item_scale: FloatArray | None = None
    """(n_items,) likewise."""

    def __post_init__(self) -> None:
        width = self.user_factors.shape[1]
        expected = {
            "user_bias": (len(self.users),),
            "item_bias": (len(self.items),),
            "user_factors": (len(self.users), width),
            "item_factors": (len(self.items), width),
            "user_scale": (len(self.users),),
            "item_scale": (len(self.items),),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array is None:
                continue
            if array.shape != shape or array.dtype != np.float32:
                raise ArgumentError(
                    f"{name} must be float32 {shape}, not {array.dtype} {array.shape}"
                )
            if not np.isfinite(array).all():
                raise FitError(
                    f"{self.spec.name}: {name} is not finite; raise the regularization or check "
                    "the ratings for extreme values"
                )
            array.flags.writeable = False
        if not np.isfinite(self.mean):
            raise FitError(f"{self.spec.name}: the mean rating is not finite")

    @cached_property
    def packed_items(self) -> kernels.PackedItems:
        """All items as `kernels.top_k` reads them, kept from the first question on."""
        return self.pack_items()

    def pack_items(self, candidates: npt.NDArray[np.integer] | None = None) -> kernels.PackedItems:
        """The items, or some (increasing rows), as `kernels.top_k` reads them.

        A model of biases alone has one coordinate of zeros, so that there is something to rank by.
        """
        table = self.item_factors
        if not self.n_factors:
            table = np.zeros((len(self.items), 1), np.float32)
        return kernels.packed_items(table, item_bias=self.item_bias, candidates=candidates)

    @property
    def n_factors(self) -> int:
        """Width f of the factors; 0 for models without any."""
        return int(self.user_factors.shape[1])

    def __repr__(self) -> str:
        return (
            f"Factors({self.spec.name}, {len(self.users):,} users x {len(self.items):,} items, "
            f"width {self.n_factors})"
        )

    def predict(self, users: npt.ArrayLike, items: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Scores (n,) float64 of n pairs of external ids; one id on a side serves all pairs.

        Raises:
            UnknownIdError: an id was not in the training data.
        """
        user_rows = self.users.rows(several(users))
        item_rows = self.items.rows(several(items))
        if len(user_rows) != len(item_rows) and 1 not in (len(user_rows), len(item_rows)):
            raise ArgumentError(f"{len(user_rows)} users do not pair with {len(item_rows)} items")
        return self.predict_rows(*np.broadcast_arrays(user_rows, item_rows))

    def predict_rows(
        self, user_rows: npt.NDArray[np.integer], item_rows: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float64]:
        """Scores (n,) float64 of pairs of row numbers, in bounded memory."""
        scores: npt.NDArray[np.float64]
        scores = self.user_bias[user_rows].astype(np.float64) + self.item_bias[item_rows]
        scores += self.mean
        block = 1 << 16
        for start in range(0, len(scores) if self.n_factors else 0, block):
            x = self.user_factors[user_rows[start : start + block]].astype(np.float64)
            y = self.item_factors[item_rows[start : start + block]]
            scores[start : start + block] += np.einsum("nf,nf->n", x, y)
        return scores
