"""`Growing`: a model that takes users, items and ratings after its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from recsys.recommend.parts import ModelParts

if TYPE_CHECKING:
    from recsys.models.factors import Embeddings
    from recsys.ratings.arrow_tables import Table
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True, eq=False)
class Growing(ModelParts):
    """Each method returns another model, or embeddings; this one stays as it is."""

    def with_items(self, table: Table) -> Self:
        """The same model with unrated items, known only by their features.

        They can be recommended and compared like all others; answers mark them.

        Args:
            table: a row per item, the ids in a column `item`, and the columns that the model was
                trained with, such as `genres` and `year`; what is missing is unknown.

        Raises:
            ModelError: the model was trained without features of its items.
            ArgumentError: an item is already in the model.
            DataError: the table has no ids.
        """
        from recsys.recommend.described import with_described

        return with_described(self, "items", table)

    def with_users(self, table: Table) -> Self:
        """The same model with users without ratings, known only by their features.

        Args:
            table: a row per user, the ids in a column `user`; see `with_items`.

        Raises:
            ModelError: the model was trained without features of its users, as item–item models
                always are.
            ArgumentError: a user is already in the model.
            DataError: the table has no ids.
        """
        from recsys.recommend.described import with_described

        return with_described(self, "users", table)

    def update(self, new_ratings: Ratings) -> Self:
        """The model with more ratings, without retraining.

        New users and items are added, with their rows of the tables. Repeats are handled as in
        training: the latest rating, or the sum of counts. Users with new ratings and new items are
        solved; trained items keep their factors. New items have no weights in an item–item model.
        `drift` counts what was added.

        Args:
            new_ratings: on the scale of the training ratings.

        Raises:
            ModelError: the model has no history.
            DataError: a value does not suit the model.
            ArgumentError: an id is text where those of the model are whole numbers.
            FitError: a row has no finite solution.
        """
        from recsys.recommend.update import update

        return update(self, new_ratings)

    def fold_in_users(self, ratings: Ratings) -> Embeddings:
        """Biases (n,) and factors (n, f) of users, from their ratings of the model's items.

        Unlike `update`, nothing is added to the model. Rows are in the order of `ratings.users`.

        Raises:
            ModelError: the model has no factors.
            UnknownIdError: the model does not have an item.
            DataError: a value does not suit the model.
        """
        from recsys.recommend.update import fold_in

        return fold_in(self, "users", ratings)

    def fold_in_items(self, ratings: Ratings) -> Embeddings:
        """Likewise of items, from their ratings by the model's users."""
        from recsys.recommend.update import fold_in

        return fold_in(self, "items", ratings)
