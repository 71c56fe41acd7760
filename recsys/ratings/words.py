"""What feedback is called in sentences: people rated items, or there are interactions of theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from recsys.ratings.account import Account


@dataclass(frozen=True)
class Words:
    """The words for one kind of feedback."""

    value: str = "rating"
    """One value: rating, count, hours, or value."""
    one: str = "rating"
    """What links a user and an item: rating, or interaction."""
    many: str = "ratings"
    did: str = "rated"
    """What somebody did with an item, as a participle: rated, or seen."""
    before: str = "rated"
    """What stands before a value: rated 4, count 2, hours 12."""
    best: str = "Rated highest"
    """Heading of the items of a user with the highest values."""

    def said(self, text: str) -> str:
        """A text about ratings in these words; only for texts of ours, without names of others.

        >>> SEEN.said("a rating of the most rated item, by number of ratings")
        'an interaction of the most seen item, by number of interactions'
        """
        if self.one == "rating":
            return text
        own = {"a rating": f"an {self.one}", "rating": self.one, "ratings": self.many}
        return re.sub(
            r"\b(a rating|ratings?|rated)\b", lambda found: own.get(found[0], self.did), text
        )


RATED = Words()
"""Of ratings on a scale."""
SEEN = Words("value", "interaction", "interactions", "seen", "seen", "Seen")
"""Where it is only known that there was an interaction."""


def words_of(account: Mapping[str, Any] | None) -> Words:
    """The words for feedback, by its saved account; those of ratings where there is none."""
    if not account:
        return RATED
    read = Account.from_dict(account)
    if read.kind == "counts":
        return replace(SEEN, value=read.noun, before=read.noun)
    return RATED if read.kind == "ratings" else SEEN
