"""Why an item has its score for a person: an exact sum, with a share for each of their ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from recsys import notebook
from recsys.lazy import sp
from recsys.ratings.words import RATED, Words, words_of
from recsys.recommend.answer import Table
from recsys.recommend.parts import ModelParts

if TYPE_CHECKING:
    import pandas as pd

NOT_ATTRIBUTABLE = "not attributable"
"""The source of what no rating of the person carries."""

_ROUNDING = 1e-5  # of the score, below which what is left is rounding
_NAMED = 3  # ratings that the sentence names on either side
_SHOWN = 20  # ratings in a notebook
_LEAST = 0.2  # of the largest share, which a rating needs to be named


@dataclass(frozen=True, eq=False)
class Explanation:
    """The terms of one score: mean, biases, and the share of each of the person's ratings.

    What the ratings do not carry is a term of its own, "not attributable": where a model was
    trained by sampling or stochastic gradients, a user's stored factors are not what their ratings
    give, and a prior is the same for everybody.
    """

    item: Any
    """Id."""
    title: str
    score: float
    terms: Mapping[str, float]
    """Mean, user bias, item bias and "not attributable"; those that are 0 are left out."""
    ratings: Table
    """Columns item, rating, share, and those of the item table; largest share first."""
    scale: tuple[float, float] | None = None
    """Of the ratings, where they are ratings and their values count."""
    verb: str = "chose"
    """What the person did with the items, where there is no scale."""
    words: Words = RATED
    """What the ratings are called in texts."""

    def frame(self) -> pd.DataFrame:
        """A row for each term, with the columns source, title, rating, share; they sum to the
        score.
        """
        import pandas as pd

        terms = self.rows()
        return pd.DataFrame(terms, columns=["source", "title", "rating", "share"])

    def _repr_html_(self) -> str:
        rows = self.rows()
        most = sorted(map(abs, self.ratings.column("share")), reverse=True)[:_SHOWN]
        kept = [one for one in rows if one["source"] != "rating" or abs(one["share"]) in most]
        left_out = len(rows) - len(kept)
        rest = sum(one["share"] for one in rows) - sum(one["share"] for one in kept)
        more = [f"{left_out} other {self.words.many} share {rest:+.4f}."] if left_out else []
        columns = {
            "": [one["title"] or one["source"] for one in kept],
            self.words.value: [one["rating"] for one in kept],
            "share": [one["share"] for one in kept],
        }
        title = f"{self.title}: {self.score:.4f}"
        return notebook.block(title, notebook.table(columns), notes=[*more, f"{self.sentence()}."])

    def rows(self) -> list[dict[str, Any]]:
        """The terms, ready for JSON: those of the model first, then the ratings."""
        own = [
            {"source": name, "title": None, "rating": None, "share": share}
            for name, share in self.terms.items()
        ]
        columns = (self.names, self.ratings.column("rating"), self.ratings.column("share"))
        return own + [
            {"source": "rating", "title": title, "rating": rating, "share": share}
            for title, rating, share in zip(*columns, strict=True)
        ]

    @property
    def names(self) -> list[str]:
        """Title of each rated item; its id where it has none."""
        ids = [str(one) for one in self.ratings.column("item")]
        if "title" not in self.ratings.columns:
            return ids
        titles = self.ratings.column("title")
        return [title or one for title, one in zip(titles, ids, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "item": self.item,
            "title": self.title,
            "score": self.score,
            "terms": self.rows(),
            "sentence": self.sentence(),
        }

    def sentence(self, n: int = _NAMED) -> str:
        """The largest shares in words, n on either side: "because you loved X (+0.41)"."""
        shares = self.ratings.column("share")
        named = list(zip(self.names, self.ratings.column("rating"), shares, strict=True))
        most = max((abs(share) for share in shares), default=0.0)
        enough = [one for one in named if abs(one[2]) > _LEAST * most]
        liked = [one for one in enough if one[2] > 0][:n]
        against = [one for one in enough if one[2] < 0][::-1][:n]
        parts = []
        if liked:
            parts.append(f"because you {self._listed(liked, most)}")
        if against:
            parts.append(f"though you {self._listed(against, most)}")
        if not parts:
            return f"not because of anything you {RATED.did if self.scale else self.verb}"
        return ", ".join(parts)

    def _listed(self, named: list[tuple[str, float, float]], most: float) -> str:
        # A verb is said once for the titles that follow it.
        texts, before, places = [], "", 2 if most >= 0.1 else 3 if most >= 0.01 else 4
        for title, rating, share in named:
            verb, sign = self._verb(rating), "−" if share < 0 else "+"
            text = f"{title} ({sign}{abs(share):.{places}f})"
            texts.append(text if verb == before else f"{verb} {text}")
            before = verb
        return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))

    def _verb(self, rating: float) -> str:
        if self.scale is None:
            return self.verb
        low, high = self.scale
        place = (rating - low) / (high - low)
        return (
            "loved"
            if place > 0.9
            else "liked"
            if place > 0.6
            else ("rated" if place > 0.4 else "disliked")
        )


Person: TypeAlias = "tuple[sp.csr_matrix, Any]"
"""The ratings (1, n_items) of somebody, as they gave them, and the person as the fit sees them."""


def user_of(model: ModelParts, user: object) -> Person:
    """A training user, with their stored factors.

    Raises:
        UnknownIdError: the user is not in the data.
        ModelError: the model has no history.
    """
    row = model.fitted.users.row(user)
    history = model.seen()[[row]]
    return history, model.fitted.people(slice(row, row + 1), model.feedback.of(history))


def somebody(model: ModelParts, ratings: sp.csr_matrix) -> Person:
    """A person with some ratings (1, n_items), folded in."""
    return ratings, model.fitted.fold_in_users(model.feedback.of(ratings))


def explain(model: ModelParts, person: Person, item: object) -> Explanation:
    """Why an item, by id or title, has its score for a person; see `Recommender.explain`."""
    return explanations(model, person, np.array([model.item_row(item)]))[0]


def explanations(
    model: ModelParts, person: Person, items: npt.NDArray[np.integer]
) -> list[Explanation]:
    """Why each of some items, given by row, has its score for one person."""
    history, people = person
    fitted, counted = model.fitted, model.feedback.of(history)
    shares = fitted.shares(counted, items)
    given = history.data[np.searchsorted(history.indices, counted.indices)].astype(np.float64)
    pairs = sp.csr_matrix(
        (np.ones(len(items), np.float32), items, [0, len(items)]), shape=history.shape
    )
    scores = fitted.pair_scores(people, pairs).astype(np.float64)
    titles, words = model.items.titles, words_of(model.account)
    found = []
    for i, row in enumerate(items.tolist()):
        own = shares[:, i]
        order = np.lexsort((counted.indices, -own))
        rows = counted.indices[order]
        answer = {"item": fitted.items.ids[rows], "rating": given[order], "share": own[order]}
        one = fitted.items.ids[row]
        title = titles[row] if titles is not None else None
        found.append(
            Explanation(
                item=one.item() if isinstance(one, np.generic) else one,
                title=title or str(one),
                score=float(scores[i]),
                terms=_terms(model, people, row, float(scores[i] - own.sum())),
                ratings=Table(answer, model.items, rows),
                scale=None if model.feedback.ones else model.scale,
                verb="chose" if model.scale is None else "rated",
                words=words,
            )
        )
    return found


def _terms(model: ModelParts, people: Any, row: int, rest: float) -> dict[str, float]:
    # Mean and biases, and what is left of the score when they and the ratings are taken away.
    vectors = model.fitted.item_vectors
    terms = {}
    if vectors is not None:
        mean = float(model.factors.mean)
        user = float(model.fitted.queries(people)[1][0]) - mean
        terms = {"mean": mean, "user bias": user, "item bias": float(vectors[1][row])}
        rest -= sum(terms.values())
    if abs(rest) > _ROUNDING * max(1.0, *map(abs, terms.values()), 1.0):
        terms[NOT_ATTRIBUTABLE] = rest
    return {name: value for name, value in terms.items() if value}
