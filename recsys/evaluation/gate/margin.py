"""`Margin`: how much worse a candidate may be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from recsys.errors import ArgumentError


@dataclass(frozen=True)
class Margin:
    """How much worse a candidate may be: a share of the served model's mean, or a number.

    >>> Margin.parse("50%").of(0.5), Margin.parse("0.004").of(0.5)
    (0.25, 0.004)
    """

    value: float
    is_share: bool

    @classmethod
    def parse(cls, text: str) -> Margin:
        """The margin for "5%", or for "0.01" in the unit of the metric.

        Raises:
            ArgumentError: the text is neither, or below 0, or a share of 100 % or more.
        """
        number, percent, rest = text.strip().partition("%")
        try:
            value = float(number) / 100 if percent else float(number)
        except ValueError:
            value = math.nan
        if rest or not 0 <= value < (1 if percent else math.inf):
            raise ArgumentError(
                f"margin must be a share such as 5%, or a number of at least 0 in the unit of the "
                f"metric, not {text!r}"
            )
        return cls(value, bool(percent))

    def of(self, mean: float) -> float:
        """The margin in the unit of the metric, where the served model has this mean.

        Raises:
            ArgumentError: a number as large as the mean, which would let everything pass.
        """
        if self.is_share:
            return self.value * mean
        if 0 < abs(mean) <= self.value:
            raise ArgumentError(
                f"margin {self.value:g} would accept any candidate, because the model in service "
                f"has {mean:.4f}; give less, or a share such as 5%"
            )
        return self.value

    def __str__(self) -> str:
        return f"{100 * self.value:g} % of current" if self.is_share else f"{self.value:g}"
