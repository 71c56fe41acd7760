"""Types that all models share, and `Progress`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Rows = npt.NDArray[np.integer]
Side = Literal["users", "items"]


@dataclass(frozen=True)
class Progress:
    """One epoch of training, as `on_epoch` receives it."""

    epoch: int
    """1 for the first."""
    n_epochs: int
    """Number of epochs at most."""
    loss: float
    """Training loss after the epoch, in the unit that the spec's docstring gives."""
    seconds: float
    """Since the fit began."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Terms of the loss, where the model reports them: fit, unobserved, regularization."""


OnEpoch = Callable[[Progress], None]
