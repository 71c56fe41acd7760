"""`SplitChoice`: how ratings are split into training and test, as declared settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsys.errors import ArgumentError
from recsys.ratings.source import Source
from recsys.settings import Settings, near, option
from recsys.visible import brief

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings
    from recsys.ratings.splits import Split

HOW = ("random", "leave-last", "by-time", "held-out-users", "held-out-items", "given")


@dataclass(frozen=True)
class SplitChoice(Settings):
    """How to split the ratings. The fields are the keys of a split in a recipe file."""

    how: str = option(
        "random", meaning="How the ratings are split.", choices=HOW, flags=("--split",)
    )
    folds: int = option(
        1,
        low=1,
        meaning="Number of folds of a random split, each the test part once; 1 draws a single "
        "test part.",
    )
    test: float | None = option(
        None,
        low=0,
        above=True,
        high=1,
        meaning="Share of the ratings in the test part; with held-out-users, of the ratings of "
        "the held-out users; with held-out-items, of the items.",
        default_text="0.1; held-out-users 0.2",
    )
    users: float = option(
        0.1,
        low=0,
        above=True,
        meaning="Number or share of users that held-out-users holds out.",
    )
    last: int = option(
        1, low=1, meaning="Number of each user's latest ratings that leave-last puts in the test."
    )
    held_out: str | None = option(
        None,
        meaning="File with the test ratings of the split given; the other file is the training "
        "part.",
        metavar="FILE",
    )
    seed: int = option(0, low=0, meaning="Seed for the random draws.")

    def __post_init__(self) -> None:
        if self.how not in HOW:
            # Named as on the command line, where the field is --split.
            raise ArgumentError(
                f"split must be one of {', '.join(HOW)}, not {brief(self.how)}{near(self.how, HOW)}"
            )
        super().__post_init__()
        if self.folds != 1 and self.how != "random":
            raise ArgumentError(f"folds must be 1 for the split {self.how}, not {self.folds!r}")
        if (self.held_out is None) == (self.how == "given"):
            raise ArgumentError(
                "held_out and the split given need each other: a file of test ratings"
            )

    def make(self, ratings: Ratings, source: Source) -> Iterable[Split]:
        """The splits of ratings that were read from `source`.

        A file of held-out ratings is read as the training ratings were.

        Raises:
            ArgumentError: a number does not fit these ratings.
            DataError: a part is empty, there are no timestamps, or the held-out file is bad.
        """
        # Declaring and checking a choice needs no pandas; making the split does.
        from recsys.ratings import readers, splits

        if self.held_out is not None:
            return [splits.given(ratings, readers.read_held_out(self.held_out, source, ratings))]
        if self.how == "leave-last":
            return [splits.leave_last(ratings, self.last)]
        if self.how == "by-time":
            return [splits.by_time(ratings, self._share(0.1))]
        if self.how == "held-out-users":
            return [splits.held_out_users(ratings, self.users, self._share(0.2), self.seed)]
        if self.how == "held-out-items":
            return [splits.held_out_items(ratings, self._share(0.1), self.seed)]
        if self.folds != 1:
            return splits.kfold(ratings, self.folds, self.seed)
        return [splits.random(ratings, self._share(0.1), self.seed)]

    def _share(self, default: float) -> float:
        return default if self.test is None else self.test
