"""`Ratings`: who rated what, how high and when, as one immutable sparse matrix."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from recsys.csr import entry_rows, frozen, frozen_csr
from recsys.errors import ArgumentError, DataError
from recsys.ids import IdIndex
from recsys.immutable import Immutable
from recsys.ratings.account import Account
from recsys.ratings.accounting import Decided, account_of
from recsys.ratings.arrow_tables import Table, as_frame, as_table, raw_of_named
from recsys.ratings.assembly import assemble
from recsys.ratings.encoding import encode
from recsys.ratings.frames import raw_of, table_rows
from recsys.ratings.item_tables import aligned
from recsys.ratings.matrices import matrix_ids, raw_of_matrix
from recsys.ratings.raw import RawRatings
from recsys.ratings.source import INCOMPLETE, Duplicates, Incomplete, missing_values
from recsys.ratings.times import fingerprint_blocks
from recsys.ratings.unrated import NOTHING_MORE, Unrated, joined, placed
from recsys.ratings.values import understood

IntArray = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Ratings(Immutable):
    """User–item ratings. Every array is read-only; changes make a new `Ratings`."""

    users: IdIndex
    items: IdIndex
    matrix: sp.csr_matrix
    """(n_users, n_items) float32 CSR, sorted, without duplicates. All ones if the source has no
    rating values; a stored zero is a rating of zero."""
    timestamps: npt.NDArray[np.float64] | None
    """(n_ratings,) float64 seconds since 1970 with fractions, in the order of `matrix.data`; None
    if there are none."""
    item_table: pd.DataFrame
    """One row per item in row order, with what is known of it (title, year, genres, ...)."""
    has_values: bool = True
    """False if the source has no rating values (implicit feedback)."""
    notes: tuple[str, ...] = ()
    """In words: what was removed, and why."""
    account: Account | None = None
    """What was understood of the source; None for ratings that were not read from one."""
    user_table: pd.DataFrame = None  # type: ignore[assignment]  # None makes one without columns
    """One row per user in row order, with what is known of them (age, gender, occupation, ...)."""
    unrated: Unrated = NOTHING_MORE
    """What the tables say of items and users without ratings, who are not in the indexes."""

    def __post_init__(self) -> None:
        if self.user_table is None:
            empty = pd.DataFrame(index=pd.RangeIndex(len(self.users)))
            object.__setattr__(self, "user_table", empty)

    @property
    def n_users(self) -> int:
        """Number of users: rows of the matrix."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items: columns of the matrix."""
        return len(self.items)

    @property
    def n_ratings(self) -> int:
        """Number of ratings: entries of the matrix."""
        return int(self.matrix.nnz)

    @property
    def density(self) -> float:
        """Share of the user–item pairs that have a rating, 0 to 1."""
        return self.n_ratings / max(1, self.n_users * self.n_items)

    def __repr__(self) -> str:
        return (
            f"Ratings({self.n_users:,} users, {self.n_items:,} items, {self.n_ratings:,} ratings, "
            f"density {self.density:.2%})"
        )

    def _repr_html_(self) -> str:
        from recsys import notebook

        lines = [
            ("users", f"{self.n_users:,}"),
            ("items", f"{self.n_items:,}"),
            ("ratings", f"{self.n_ratings:,} ({self.density:.2%} of all pairs)"),
        ]
        if self.account is not None:
            lines += self.account.lines()
        elif self.n_ratings:
            low, high = self.matrix.data.min(), self.matrix.data.max()
            lines.append(("values", f"{low:g} to {high:g}"))
        return notebook.block("Ratings", notebook.pairs(lines))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of ids, matrix and timestamps; equal for equal data in any order."""
        digest = hashlib.sha256()
        for index in (self.users, self.items):
            text = not index.is_integer
            digest.update("\0".join(index.ids).encode() if text else index.ids.tobytes())
        for array in (self.matrix.indptr.astype(np.int64), self.matrix.indices, self.matrix.data):
            digest.update(np.ascontiguousarray(array).data)
        if self.timestamps is not None:
            for block in fingerprint_blocks(self.timestamps):
                digest.update(block)
        return digest.hexdigest()

    @classmethod
    def from_frame(
        cls,
        frame: Table,
        user: str = "user_id",
        item: str = "item_id",
        rating: str | None = "rating",
        timestamp: str | None = None,
        items: Table | None = None,
        *,
        users: Table | None = None,
        duplicates: Duplicates | None = None,
        missing: Sequence[float] | None = None,
        incomplete: Incomplete = "error",
    ) -> Ratings:
        """Ratings from a table with one row per rating.

        Args:
            frame: a DataFrame, or a table with the Arrow PyCapsule interface, such as those of
                pyarrow, polars and DuckDB.
            user: column of user ids, integers or strings.
            item: column of item ids.
            rating: column of ratings, finite numbers; None for implicit feedback (all ones).
            timestamp: column of seconds since 1970, or of dates; None if there is none.
            items: table with one row per item and the ids in a column called as in `frame`, or
                `item`.
            users: likewise of the users.
            duplicates: what counts when a user rated an item several times: the `latest` rating
                (by timestamp, then by position), the `mean`, the `max`, the `sum`, the `count` of
                rows, or an `error`; by default the latest of ratings and the sum of counts and
                events.
            missing: values that stand for "not rated", whose rows are left out; by default −1
                where it is apart from a scale of positive ratings.
            incomplete: what becomes of rows without an id or value: an `error`, or `drop`.

        Raises:
            ArgumentError: `frame` is not a table, or two roles have the same column.
            DataError: a column is missing, or a value in it is not an id, rating or time.
        """
        named = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
        tables = Unrated(
            None if items is None else table_rows(as_frame(items, "items"), item, "item"),
            None if users is None else table_rows(as_frame(users, "users"), user, "user"),
        )
        table, missing = as_table(frame, "frame"), missing_values(missing)
        if incomplete not in INCOMPLETE:
            allowed = ", ".join(INCOMPLETE)
            raise ArgumentError(f"incomplete must be one of {allowed}, not {incomplete!r}")
        drops = incomplete == "drop"
        if isinstance(table, pd.DataFrame):
            raw, layout = raw_of(table, named, drops), "DataFrame"
        else:
            raw, layout = raw_of_named(table, named, drops), "Arrow table"
        return cls.of(raw, tables, duplicates, "the table", layout, missing)

    @classmethod
    def from_matrix(
        cls,
        matrix: Any,
        users: npt.ArrayLike | None = None,
        items: npt.ArrayLike | None = None,
        *,
        item_table: Table | None = None,
    ) -> Ratings:
        """Ratings from a matrix with a row per user and a column per item.

        Args:
            matrix: sparse matrix or array of SciPy, whose stored zeros are ratings of zero and
                whose repeated entries are summed, as SciPy does; or dense array, in which NaN is
                no rating, and neither is 0 unless there is a NaN.
            users: (n_rows,) their ids; by default the numbers of the rows from 0.
            items: (n_columns,) their ids; by default the numbers of the columns from 0.
            item_table: table with one row per item and the ids in the column `item`.

        Returns:
            Ratings of all rows and columns, also of those without a rating.

        Raises:
            ArgumentError: `matrix` is not a matrix of numbers, or the ids do not fit.
            DataError: a value is not finite, or there are none.
        """
        raw = raw_of_matrix(matrix, users, items, "the matrix")
        table = None
        if item_table is not None:
            table = table_rows(as_frame(item_table, "item_table"), "item", "item")
        found = cls.of(raw, Unrated(table), "error", "the matrix", "matrix")
        n_rows, n_columns = np.shape(matrix)
        rows, _ = encode(matrix_ids(users, n_rows, "user"), "user", "users")
        columns, _ = encode(matrix_ids(items, n_columns, "item"), "item", "items")
        about, rest = aligned(table, columns, "the matrix")
        return replace(found.reindex(rows, columns, about), unrated=Unrated(rest))

    @classmethod
    def of(
        cls,
        raw: RawRatings,
        tables: Unrated,
        duplicates: str | None,
        source: str,
        layout: str,
        missing: Sequence[float] | None = None,
    ) -> Ratings:
        """Ratings from what a layout read, with their account.

        Args:
            raw: the columns; they are taken out, so that each is freed once it is used.
            tables: what is known of the items and users, with their ids in the columns `item` and
                `user`.
            duplicates: what counts when a user rated an item several times; None for what suits
                the kind of feedback.
            source: name of the data, for messages and the account.
            layout: name of the layout.
            missing: values that stand for "not rated"; None for the rule of `values.understood`.

        Raises:
            DataError: there are no ratings, a value is not an id, or a table does not fit.
        """
        n_read = raw.n_rows
        kind, why = understood(raw, missing)
        n_rows = raw.n_rows
        if n_read and not n_rows:
            raise DataError(
                f"{source}: every rating stands for 'not rated'; choose other values with missing= "
                "(on the command line --missing)"
            )
        duplicates = duplicates or ("latest" if kind == "ratings" else "sum")
        parts = assemble(raw.columns, tables, duplicates, source)
        made = cls(**parts._asdict())
        summed = duplicates in ("sum", "count") and made.n_ratings < n_rows
        if summed and kind != "counts":
            kind, why = "counts", f"repeats: the {duplicates} of each user and item"
        decided = Decided(kind, why, n_rows, duplicates, source, layout)
        return replace(made, account=account_of(parts, raw, decided))

    def select(self, keep: npt.NDArray[np.bool_]) -> Ratings:
        """The ratings for which `keep` (n_ratings,) is true; all users and items stay."""
        kept_before = np.concatenate([[0], np.cumsum(keep)])
        matrix = sp.csr_matrix(
            (
                self.matrix.data[keep],
                self.matrix.indices[keep],
                kept_before[self.matrix.indptr],
            ),
            shape=self.matrix.shape,
        )
        timestamps = None if self.timestamps is None else self.timestamps[keep]
        return replace(self, matrix=frozen_csr(matrix), timestamps=frozen(timestamps))

    def with_values(self, values: npt.ArrayLike) -> Ratings:
        """The same pairs with other values (n_ratings,), in the order of `matrix.data`."""
        data = np.array(values, dtype=np.float32)
        if data.shape != (self.n_ratings,):
            raise ArgumentError(f"values must be ({self.n_ratings},), not {data.shape}")
        matrix = sp.csr_matrix(
            (data, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape, copy=False
        )
        return replace(self, matrix=frozen_csr(matrix))

    def at_least_active(self, per_user: int = 1, per_item: int = 1) -> Ratings:
        """Ratings in which every user has at least `per_user` and every item `per_item` ratings.

        Users and items with fewer are removed, repeatedly, until none is left (the k-core).

        Raises:
            ArgumentError: a number is negative or not whole.
            DataError: no ratings are left.
        """
        for name, least in (("per_user", per_user), ("per_item", per_item)):
            if not isinstance(least, int | np.integer) or least < 0:
                raise ArgumentError(f"{name} must be a whole number of at least 0, not {least!r}")
        keep = self._core(per_user, per_item)
        if not keep.any():
            raise DataError(
                f"no ratings are left with at least {per_user} per user and {per_item} per item; "
                "lower these numbers"
            )
        core = self.select(keep).without_empty()
        note = (
            f"users with fewer than {per_user} and items with fewer than {per_item} ratings "
            f"removed: {self.n_users - core.n_users:,} of {self.n_users:,} users, "
            f"{self.n_items - core.n_items:,} of {self.n_items:,} items, "
            f"{self.n_ratings - core.n_ratings:,} of {self.n_ratings:,} ratings"
        )
        return replace(core, notes=(*self.notes, note))

    def _core(self, per_user: int, per_item: int) -> npt.NDArray[np.bool_]:
        rows, columns = entry_rows(self.matrix), self.matrix.indices
        keep = np.ones(self.n_ratings, bool)
        while True:
            per_row = np.bincount(rows[keep], minlength=self.n_users)
            per_column = np.bincount(columns[keep], minlength=self.n_items)
            stay = keep & (per_row[rows] >= per_user) & (per_column[columns] >= per_item)
            if stay.sum() == keep.sum():
                return keep
            keep = stay

    def without_empty(self) -> Ratings:
        """The same ratings without the users and items that have no rating."""
        users = np.flatnonzero(np.diff(self.matrix.indptr))
        items = np.flatnonzero(np.bincount(self.matrix.indices, minlength=self.n_items))
        matrix = self.matrix[users][:, items]
        return replace(
            self,
            users=IdIndex(self.users.ids[users], self.users.kind),
            items=IdIndex(self.items.ids[items], self.items.kind),
            matrix=frozen_csr(matrix.astype(np.float32)),
            item_table=self.item_table.iloc[items].reset_index(drop=True),
            user_table=self.user_table.iloc[users].reset_index(drop=True),
        )

    def with_unrated(self) -> Ratings:
        """The same ratings over all items and users of the tables, also those without ratings.

        Items whose ids are text where those of the ratings are whole numbers stay out.
        """
        users, user_table = joined(self.users, self.user_table, self.unrated.users)
        items, item_table = joined(self.items, self.item_table, self.unrated.items)
        if users is self.users and items is self.items:
            return self
        return self.reindex(users, items, item_table, user_table)

    def reindex(
        self,
        users: IdIndex,
        items: IdIndex,
        item_table: pd.DataFrame,
        user_table: pd.DataFrame | None = None,
    ) -> Ratings:
        """The same ratings over larger indexes, which must contain all of these users and items.

        Of users that are not in this index, nothing is known unless there is a `user_table`.
        """
        rows = users.rows(self.users.ids)
        columns = items.rows(self.items.ids)
        counts = np.zeros(len(users), np.int64)
        counts[rows] = np.diff(self.matrix.indptr)
        # Indexes are in increasing order, so the entries stay in order.
        matrix = sp.csr_matrix(
            (
                self.matrix.data,
                columns[self.matrix.indices].astype(np.int32),
                np.concatenate([[0], np.cumsum(counts)]),
            ),
            shape=(len(users), len(items)),
        )
        if user_table is None:
            user_table = placed(self.user_table, rows, len(users))
        return replace(
            self, users=users, items=items, matrix=frozen_csr(matrix), item_table=item_table,
            user_table=user_table,
        )  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """A row per rating with the columns user, item, rating and, if known, timestamp."""
        rows = entry_rows(self.matrix)
        columns: dict[str, Any] = {
            "user": self.users.ids[rows],
            "item": self.items.ids[self.matrix.indices],
            "rating": self.matrix.data,
        }
        if self.timestamps is not None:
            columns["timestamp"] = self.timestamps
        return pd.DataFrame(columns)


def overview(ratings: Ratings) -> Mapping[str, Any]:
    """Numbers by name that describe the ratings: counts, density, medians and mean."""
    per_user = np.diff(ratings.matrix.indptr)
    per_item = np.bincount(ratings.matrix.indices, minlength=ratings.n_items)
    return {
        "users": ratings.n_users,
        "items": ratings.n_items,
        "ratings": ratings.n_ratings,
        "density": ratings.density,
        "ratings per user, median": float(np.median(per_user)),
        "ratings per item, median": float(np.median(per_item)),
        "mean rating": float(ratings.matrix.data.mean(dtype=np.float64)),
    }
