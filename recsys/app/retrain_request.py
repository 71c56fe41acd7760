"""What a retraining is asked for: which model, how to train it, and by what gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from recsys.app.in_store import InStore, age_of, keep_for_field, name_field, share_of
from recsys.app.recipe import AUTO, features_field, spec_of
from recsys.app.served_recipe import ServedRecipe
from recsys.app.study import check_gate_metric
from recsys.errors import ArgumentError
from recsys.evaluation.search.limits import budget_field, time_limit_field
from recsys.models.registry import SPECS, make_spec
from recsys.ratings.feedback import Feedback
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.evaluation.gate.gate import Terms
    from recsys.recommend.recommender import Recommender

_K = 10  # length of the lists for metrics that do not say


@dataclass(frozen=True, kw_only=True)
class RetrainRequest(InStore):
    """Which model to train again, how, and by what gate."""

    name: str = name_field()
    search: bool = option(
        False, meaning="Search the hyperparameters again; otherwise those in service are used."
    )
    model: str | None = option(
        None,
        choices=lambda: [AUTO, *SPECS],
        metavar="NAME",
        meaning="Model to train.",
        default_text="the one in service; auto the first time",
    )
    hyperparameters: Mapping[str, Any] = option(
        {},
        flags=("--set",),
        metavar="NAME=VALUE",
        meaning="Hyperparameter to change, such as n_factors=128. Repeatable.",
    )
    feedback: str | None = option(
        None,
        metavar="HOW",
        meaning="How ratings become confidence; see recsys train.",
        default_text="as in service; the first time values, unless auto chooses",
    )
    features: Sequence[str] | None = features_field("as in service; none the first time")
    budget: float = budget_field()
    time_limit: float | None = time_limit_field()
    seed: int = option(0, low=0, meaning="Seed for a first training, a search and the gate.")
    gate: str = option("ndcg@10", metavar="METRIC", meaning="Metric of the gate.")
    liked: str | None = option(
        None,
        metavar="HOW",
        meaning="What counts as liked when the gate compares models, such as at-least=4.",
        default_text="the feedback of the model in service",
    )
    margin: str = option(
        "5%",
        metavar="SHARE|NUMBER",
        meaning="How much worse than the model in service the candidate may be.",
    )
    allow_drift: bool = option(
        False, meaning="Let the gate open even if many old ratings are missing."
    )
    promote_undecided: bool = option(
        False, meaning="Promote even if the gate is undecided; a closed gate stays closed."
    )
    ab: str | None = option(
        None,
        metavar="SHARE",
        meaning="Let the candidate serve this share of the users, such as 10%, instead of "
        "promoting it.",
    )
    keep_for: str = keep_for_field()
    models: str | None = option(
        None,
        metavar="DIR",
        meaning="Folder of the model files; the store records it.",
        default_text="the recorded one, or next to an SQLite file",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.search and (self.model or self.hyperparameters):
            raise ArgumentError(
                "search chooses the model and its hyperparameters; leave out search, or model "
                "and set"
            )
        self.terms()
        self.shared()
        age_of(self.keep_for, "keep-for")

    @property
    def k(self) -> int:
        """Length of the lists."""
        length = self.gate.partition("@")[2]
        return int(length) if length.isdecimal() else _K

    def terms(self) -> Terms:
        """What the gate goes by."""
        from recsys.evaluation.gate.gate import Terms
        from recsys.evaluation.gate.margin import Margin

        check_gate_metric(self.gate, self.k)
        return Terms(self.gate, Margin.parse(self.margin), self.allow_drift)

    def shared(self) -> float | None:
        """The share of the people for the candidate; None to promote it."""
        if self.ab is None:
            return None
        share = share_of(self.ab, "ab")
        if not share:
            raise ArgumentError("ab must be above 0%")
        return share

    def likes(self, current: Recommender) -> Feedback:
        """What counts as liked in the gate."""
        return current.feedback.unfitted if self.liked is None else Feedback.parse(self.liked)

    def candidate(self, current: Recommender | None) -> ServedRecipe:
        """What to train: the recipe in service, with what was asked for in its place."""
        asked = None if self.feedback is None else Feedback.parse(self.feedback)
        if current is None or self.search or self.model is not None:
            name = self.model or ("implicit-als" if self.hyperparameters else AUTO)
            limits = self.budget, self.time_limit
            spec: Any = spec_of(name, self.hyperparameters, self.seed, *limits)
            recipe = ServedRecipe(spec, asked)
            if current is not None:
                recipe = replace(recipe, features=ServedRecipe.of(current).features)
        else:
            recipe = ServedRecipe.of(current)
            if asked is not None:
                recipe = replace(recipe, feedback=asked)
            if self.hyperparameters:
                own = current.fitted.spec
                changed = own.values() | dict(self.hyperparameters)
                recipe = replace(recipe, spec=make_spec(own.name, changed))
        return recipe if self.features is None else replace(recipe, features=self.features)

    @property
    def changes_recipe(self) -> bool:
        """Whether something else than the recipe in service was asked for."""
        given = self.model, self.feedback, self.features
        return self.search or bool(self.hyperparameters) or any(one is not None for one in given)
