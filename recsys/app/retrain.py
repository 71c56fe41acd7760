"""Training again on the ratings in a store, and replacing the model in service if the gate opens.

1. Versions that are too old are deleted.
2. The ratings are read. Where the model in service has seen them all, and nothing else was asked
   for, nothing is done.
3. The gate judges the recipe on ratings that neither model has seen; see
   `recsys.evaluation.gate.renewal` for how they are chosen, and why that is fair.
4. The recipe is trained on everything, and put on the shelf with the evidence: as the version in
   service if the gate opened, or for a share of the people; otherwise as a refused one.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from recsys.app.in_store import age_of
from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.app.served_recipe import ServedRecipe
from recsys.app.study import CURRENT
from recsys.errors import FitError, StoreBusy
from recsys.ratings.source import Source

if TYPE_CHECKING:
    from recsys.app.retrain_request import RetrainRequest
    from recsys.evaluation.evaluation import Evaluation
    from recsys.evaluation.gate.contest import Contest
    from recsys.evaluation.gate.gate import Gate
    from recsys.models.common import OnEpoch
    from recsys.ratings.feedback import Feedback
    from recsys.ratings.ratings import Ratings
    from recsys.recommend.chosen import OnSearch
    from recsys.recommend.recommender import Recommender
    from recsys.store.database.ratings_store import RatingsStore
    from recsys.store.database.shelf import Shelf
    from recsys.store.database.versions import Version

Outcome = Literal["first", "promoted", "shared", "refused", "nothing new"]

CANDIDATE = "candidate"


@dataclass(frozen=True)
class Retrained:
    """What a retraining did."""

    outcome: Outcome
    version: Version | None
    """The version that was made; None where nothing was new."""
    before: Version | None
    """The version that was in service."""
    gate: Gate | None
    """None where no model was in service."""
    account: Mapping[str, Any]
    """How many users, items and ratings it was trained on."""
    purged: tuple[Version, ...]
    """Versions whose files were deleted."""
    seconds: float

    @property
    def sentence(self) -> str:
        """What was done, in one line."""
        name = self.version.name if self.version else self.before.name if self.before else ""
        before = "" if self.before is None else f"version {self.before.version}"
        number = "" if self.version is None else f"version {self.version.version}"
        share = 100 * ((self.version.share or 0) if self.version else 0)
        return {
            "first": f"{name}: {number} is in service",
            "promoted": f"{name}: {number} is in service in place of {before}",
            "shared": f"{name}: {number} serves {share:.3g} % of the users, {before} the others",
            "refused": f"{name}: {before} stays in service; {number} was refused",
            "nothing new": f"{name}: {before} stays in service; there are no new ratings",
        }[self.outcome]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "outcome": self.outcome,
            "sentence": self.sentence,
            "version": None if self.version is None else self.version.to_dict(),
            "before": None if self.before is None else self.before.version,
            "gate": None if self.gate is None else self.gate.to_dict(),
            "data": dict(self.account),
            "purged": [one.version for one in self.purged],
            "seconds": self.seconds,
        }


class Watching(NamedTuple):
    """Who is called while it works."""

    on_epoch: OnEpoch | None = None
    on_stage: Callable[[str], None] = lambda what: None
    on_account: OnAccount = no_account
    on_search: OnSearch | None = None


def retrain(request: RetrainRequest, watching: Watching | None = None) -> Retrained:
    """Trains, judges, and promotes or refuses; safe to be run twice at once.

    Raises:
        ArgumentError: the request has a bad value.
        StoreBusy: the same model is being retrained by another process.
        StoreError: the store cannot be used.
        DataError: the ratings do not suit the model.
        FitError: a model has no finite solution.
        ModelFileError: the file of the model in service cannot be read.
    """
    from recsys.store.database.versions import check_name

    check_name(request.name)
    with request.opened() as store, _alone(store, request.name):
        return _Retraining(request, store, watching or Watching()).run()


def _alone(store: RatingsStore, name: str) -> AbstractContextManager[None]:
    # A lock is called by letters and digits, and a model may have others in its name.
    return _Alone(store.lock(f"retrain-{hashlib.sha256(name.encode()).hexdigest()[:16]}"), name)


class _Alone(AbstractContextManager[None]):
    # The lock, with a message that names the model.
    def __init__(self, lock: AbstractContextManager[None], name: str) -> None:
        self._lock, self._name = lock, name

    def __enter__(self) -> None:
        try:
            self._lock.__enter__()
        except StoreBusy:
            raise StoreBusy(
                f"{self._name} is being retrained by another process; this one did nothing"
            ) from None

    def __exit__(self, *error: Any) -> bool | None:
        return self._lock.__exit__(*error)


class _Retraining:
    # One run, while the lock is held.

    def __init__(self, request: RetrainRequest, store: RatingsStore, watching: Watching) -> None:
        self._request, self._store, self._watching = request, store, watching
        self._shelf: Shelf = store.models
        self._started = time.perf_counter()

    def run(self) -> Retrained:
        from recsys.ratings.ratings import overview
        from recsys.store.model_file import read_about

        request, shelf = self._request, self._shelf
        if request.models is not None:
            shelf.keep_in(request.models)
        # Before anything is replaced, so that what is replaced now can be returned to.
        purged = tuple(shelf.purge(request.name, age_of(request.keep_for, "keep-for")))
        before = shelf.current(request.name)
        # Both before the ratings: what comes meanwhile is new to the next retraining, and who is
        # forgotten meanwhile keeps their tombstone.
        read, mark = time.time(), self._store.seq
        if before is not None and before.mark == mark and not request.changes_recipe:
            return self._done("nothing new", None, before, None, {}, purged)
        self._watching.on_stage("reading")
        source = Source(ratings=str(request.store))
        ratings = read_and_account(source, self._watching.on_account)
        current = None if before is None else before.load()
        recipe, gate, measured = request.candidate(current), None, None
        if before is not None and current is not None:
            header = read_about(before.file).get("measured")
            recipe, gate, measured = self._judged(recipe, current, ratings, header)
        self._watching.on_stage("training on all ratings")
        model = self._trained(recipe, ratings)
        opened = gate is None or self._opens(gate)
        version = shelf.add(
            request.name,
            model,
            state="candidate" if opened else "refused",
            measured=measured,
            made=read,
            mark=mark,
            parent=None if before is None else before.version,
            recipe=ServedRecipe.of(model).to_dict() | {"searched": request.search},
            gate=None if gate is None else gate.to_dict(),
        )
        outcome, version = self._placed(version, before, opened)
        return self._done(outcome, version, before, gate, overview(ratings), purged)

    def _trained(self, recipe: ServedRecipe, ratings: Ratings) -> Recommender:
        return recipe.train(ratings, self._watching.on_epoch, self._watching.on_search)

    def _opens(self, gate: Gate) -> bool:
        undecided = gate.decision == "undecided" and self._request.promote_undecided
        return gate.passed or undecided

    def _placed(
        self, version: Version, before: Version | None, opened: bool
    ) -> tuple[Outcome, Version]:
        if not opened:
            return "refused", version
        share = self._request.shared()
        if share is not None and before is not None:
            return "shared", self._shelf.share(version.version, share)
        over = None if before is None else before.version
        promoted = self._shelf.promote(version.version, over=over)
        return ("first" if before is None else "promoted"), promoted

    def _judged(
        self,
        recipe: ServedRecipe,
        current: Recommender,
        ratings: Ratings,
        header: Mapping[str, Any] | None,
    ) -> tuple[ServedRecipe, Gate, Mapping[str, Any] | None]:
        # The recipe with what a search chose, the gate, and the levels that were measured.
        from recsys.evaluation.gate.gate import decide
        from recsys.evaluation.gate.renewal import period, renewal, without_contest
        from recsys.evaluation.gate.world import history_in

        request, terms = self._request, self._request.terms()
        liked = request.likes(current)
        remembered = without_people(current, self._store.forgotten())
        found = () if current.history is None else history_in(remembered, [ratings])
        held = renewal(current, ratings, liked, request.seed)
        if isinstance(held, str):
            return recipe, without_contest(held, found, terms, header), None
        self._watching.on_stage("training the candidate without the newest ratings")
        candidate = self._trained(recipe, held.splits[0].train)
        self._watching.on_stage("measuring the candidate and the model in service")
        result = _measured(candidate, held, request.k, liked)
        how = period(held.splits[0])
        gate = decide(result, CANDIDATE, CURRENT, terms, held, found, header, how)
        chosen = replace(ServedRecipe.of(candidate), features=recipe.features)
        return chosen, gate, _levels(result, how)

    def _done(
        self,
        outcome: Outcome,
        version: Version | None,
        before: Version | None,
        gate: Gate | None,
        account: Mapping[str, Any],
        purged: tuple[Version, ...],
    ) -> Retrained:
        seconds = time.perf_counter() - self._started
        return Retrained(outcome, version, before, gate, account, purged, seconds)


def without_people(model: Recommender, users: Sequence[object]) -> Recommender:
    """The model without the history of some users, who were forgotten."""
    import numpy as np

    from recsys.csr import entry_rows, kept_entries

    if not len(users) or model.history is None:
        return model
    rows = np.array([row for row in model.fitted.users.find(list(users)) if row >= 0], np.int64)
    return replace(
        model, history=kept_entries(model.seen(), ~np.isin(entry_rows(model.seen()), rows))
    )


def _measured(candidate: Recommender, held: Contest, k: int, liked: Feedback) -> Evaluation:
    from recsys.evaluation.protocol.evaluate import evaluate

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        result = evaluate(
            {CANDIDATE: candidate, CURRENT: held.current}, held.splits, k, feedback=liked
        )
    for needed in (CANDIDATE, CURRENT):
        if needed in result.failures:
            raise FitError(f"gate: {needed} failed: {result.failures[needed]}")
    return result


def _levels(result: Evaluation, how: str) -> Mapping[str, Any]:
    # For readers of the file.
    from recsys.evaluation.gate import level

    values = result.values[result.values["model"] == CANDIDATE]
    made = level.Measured(how, result.feedback)
    return level.to_header(values.drop(columns=["model", "fold", "seed"]), made, k=result.k)
