"""`Metric`: all that the package knows about one metric."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from recsys.errors import ArgumentError
from recsys.evaluation.metrics.inputs import INPUTS

Group = Literal[
    "accuracy", "further accuracy", "predicted ratings", "beyond accuracy", "catalogue", "sampled"
]
GROUPS: tuple[Group, ...] = get_args(Group)
"""The tables of the report, in order."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    The parameters of `function` say what it needs: each is an input that one of the classes in
    `recsys.evaluation.metrics.inputs` provides. That class also says what the function returns.
    """

    name: str
    """What columns, JSON and the command line call it, without the @k."""
    label: str
    """What readers see."""
    meaning: str
    """In one line; a ratio names its denominator."""
    group: Group
    function: Callable[..., Any]
    higher_is_better: bool | None = True
    """None where neither direction is better."""
    at_k: bool = True
    """Whether it depends on the length k of the lists; its column ends in @k."""
    baseline: str = "popularity"
    """The model that every other is compared with."""
    pooled: bool = False
    """Whether it is a mean over all test ratings, so that users with more ratings weigh more."""
    power: int = 1
    """Pooled values are combined as (Σ n·valueᵖ / Σ n)^(1/p): 2 for a root mean square."""
    curve: Callable[..., Any] | None = None
    """Returns values (n, length) for lists of 1, 2, ... items from the same inputs; or None."""
    compared: bool = False
    """Whether the JSON holds its values per user, which `recsys compare` tests."""
    place: int = 100
    """Position within the group."""

    def __post_init__(self) -> None:
        if self.group not in GROUPS:
            raise ArgumentError(f"{self.name}: group must be one of {', '.join(GROUPS)}")
        _ = self.inputs  # raises where nothing provides what the function needs

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The inputs of the function by name."""
        return tuple(inspect.signature(self.function).parameters)

    @cached_property
    def inputs(self) -> type:
        """The class of inputs that provides all the function needs.

        Raises:
            ArgumentError: there is none.
        """
        for kind in INPUTS:
            if set(self.needs) <= set(vars(kind)):
                return kind
        raise ArgumentError(f"{self.name} needs {', '.join(self.needs)}, which no inputs provide")

    def column(self, k: int) -> str:
        """Its name in a table for lists of k items."""
        return f"{self.name}@{k}" if self.at_k else self.name

    def value(self, inputs: Any) -> Any:
        """What `function` returns for these inputs; None where one it needs is not available."""
        return _applied(self.function, self.needs, inputs)

    def values_by_length(self, inputs: Any) -> Any:
        """What `curve` returns for these inputs."""
        assert self.curve is not None  # callers ask only metrics that have one
        return _applied(self.curve, tuple(inspect.signature(self.curve).parameters), inputs)


def _applied(function: Callable[..., Any], needs: tuple[str, ...], inputs: Any) -> Any:
    given = {name: getattr(inputs, name) for name in needs}
    return None if any(value is None for value in given.values()) else function(**given)
