"""What `train` asks of a search: a model and how ratings enter it, chosen for the data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from recsys.models.kept import NOTHING, Kept

if TYPE_CHECKING:
    from recsys.models.spec import Spec
    from recsys.ratings.feedback import Feedback
    from recsys.ratings.ratings import Ratings


class Searching(NamedTuple):
    """How far a search is, as `on_search` receives it after each trial."""

    share: float
    """Of the work that the search may do, 0 to 1."""
    n_trials: int
    best: float
    """Best value of the metric so far."""
    metric: str = "ndcg@10"
    model: str = ""
    """Name of the model that has the best value, where there are several."""


OnSearch = Callable[[Searching], None]


@dataclass(frozen=True)
class Chosen:
    """What a search chose."""

    spec: Spec
    """The model, with all its hyperparameters."""
    feedback: Feedback
    """How ratings enter its training."""
    record: Mapping[str, Any]
    """What was tried and why this was chosen, ready for JSON; it is kept with the model."""

    def _repr_html_(self) -> str:
        from recsys import notebook

        rows = [("model", self.spec.name), ("feedback", str(self.feedback))]
        rows += [(name, str(value)) for name, value in self.spec.changed().items()]
        metric, value = self.record.get("metric"), self.record.get("validation")
        if metric and value is not None:
            users = f"{self.record.get('users', 0):,} users of a validation part"
            rows.append((str(metric), f"{value:.4f} ({users})"))
        rows.append(("trials", f"{len(self.record.get('trials', ())):,}"))
        rows.append(("the same without a search", f"recsys train {self.record['recipe']}"))
        return notebook.block("Chosen", notebook.pairs(rows), notes=self.record["remarks"])


@runtime_checkable
class Chooser(Protocol):
    """Something that chooses a model for some ratings, such as `recsys.auto()`."""

    def choose(
        self,
        ratings: Ratings,
        feedback: Feedback | None = None,
        on_search: OnSearch | None = None,
    ) -> Chosen:
        """The model for these ratings. See `choose` for the parameter `kept` that it may have.

        Args:
            ratings: what the model will be trained on; nothing else may be looked at.
            feedback: how they enter the training; None to choose that, too.
            on_search: called after each trial; an exception stops the search.
        """


def choose(
    chooser: Chooser,
    ratings: Ratings,
    feedback: Feedback | None,
    on_search: OnSearch | None,
    kept: Kept = NOTHING,
) -> Chosen:
    """What `chooser` chooses. Where its `choose` has a parameter `kept`, trials that a checkpoint
    has are not made again.
    """
    more = {"kept": kept} if "kept" in inspect.signature(chooser.choose).parameters else {}
    return chooser.choose(ratings, feedback, on_search, **more)


def record(
    searched: Mapping[str, Any], spec: Spec, feedback: Feedback, **found: Any
) -> dict[str, Any]:
    """What is kept of a choice, ready for JSON: `Chosen.record`.

    Args:
        searched: the settings of what chose.
        spec: the model that was chosen.
        feedback: how ratings enter it.
        found: what else there is to say: the metric, its value, the trials.
    """
    own = {"searched": dict(searched), "spec": spec.to_dict(), "feedback": str(feedback)}
    return own | {"recipe": recipe(spec, feedback), "remarks": []} | found


def recipe(spec: Spec, feedback: Feedback) -> str:
    """The options of `recsys train` that train a model without a search.

    >>> from recsys.models.implicit_als import ImplicitALS
    >>> from recsys.ratings.feedback import Feedback
    >>> recipe(ImplicitALS(n_factors=32, seed=1), Feedback(ones=True))
    '--model implicit-als --feedback ones --set n_factors=32 --set seed=1'
    """
    entering = "" if str(feedback) == "values" else f" --feedback {feedback}"
    settings = "".join(f" --set {name}={value}" for name, value in spec.changed().items())
    return f"--model {spec.name}{entering}{settings}"
