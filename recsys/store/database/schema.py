"""The tables of a ratings store.

Ids are text; whether they stand for integers is in `meta`, for each side. `seq` numbers the
changes of ratings and items in the order in which they were committed. Changing a table takes a
new file in `migrations/versions`, and `VERSION`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    REAL,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

VERSION = "0002"
"""The migration that makes these tables."""

metadata = MetaData()

# In PostgreSQL, text is compared as bytes, as SQLite and Python do; it is faster, too.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_JSON = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _id(name: str, **options: Any) -> Column[Any]:
    return Column(name, _TEXT, **options)


def _time(name: str, **options: Any) -> Column[Any]:
    # Seconds since 1970 with fractions, as `Ratings.timestamps`.
    return Column(name, Double, **options)


meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text))
"""`user` and `item`: the kind of their ids, "integer" or "text". `values`: what the column was
called that ratings were imported from. `salt`: of the hashes in `audit`."""

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`seq`: the number of the latest change."""

users = Table(
    "users",
    metadata,
    _id("id", primary_key=True),
    Column("attributes", _JSON),
    _time("added", nullable=False),
)

items = Table(
    "items",
    metadata,
    _id("id", primary_key=True),
    Column("title", Text),
    Column("attributes", _JSON),
    _time("added", nullable=False),
    Column("seq", BigInteger, nullable=False),
    Index("items_seq", "seq"),
)

ratings = Table(
    "ratings",
    metadata,
    _id("user_id", nullable=False),
    _id("item_id", nullable=False),
    Column("rating", REAL),
    _time("time"),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("user_id", "item_id"),
    Index("ratings_item_id", "item_id"),
    Index("ratings_seq", "seq"),
    sqlite_with_rowid=False,  # so that the ratings of a person lie next to each other
)
"""`rating` NULL: seen, without a value. `seq` 0: known to the model before it came here."""

requests = Table(
    "requests",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("answer", _JSON, nullable=False),
    _time("time", nullable=False),
    Index("requests_time", "time"),
)
"""Answers to requests with an idempotency key."""

served = Table(
    "served",
    metadata,
    Column("id", Text, primary_key=True),
    _time("time", nullable=False),
    _id("user_id"),
    Column("model", Text, nullable=False),
    Column("arm", Text),
    Column("items", _JSON, nullable=False),
    Index("served_user_id", "user_id"),
    Index("served_time", "time"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("served_id", Text, nullable=False),
    _id("item_id", nullable=False),
    Column("action", Text, nullable=False),
    Column("value", REAL),
    _time("time", nullable=False),
    PrimaryKeyConstraint("served_id", "item_id", "action"),
)

models = Table(
    "models",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    _time("made", nullable=False),
    Column("state", Text, nullable=False),
    Column("spec", Text),
    Column("recipe", _JSON),
    Column("gate", _JSON),
    Column("mark", BigInteger),
    Column("parent", Integer),
    Column("share", REAL),
)
"""`state`: candidate, current, retired, refused or purged. `mark`: the largest `seq` among the
ratings that it was trained on."""

tokens = Table(
    "tokens",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    _time("made", nullable=False),
    _time("expires"),
    Column("revoked", Boolean, nullable=False),
)
"""`hash`: SHA-256 of the token, which itself is nowhere. `scopes`: with blanks between them."""

tombstones = Table(
    "tombstones", metadata, _id("user_id", primary_key=True), _time("time", nullable=False)
)
"""Who was forgotten, and is in models that were trained before."""

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _time("time", nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_hash", Text, nullable=False),
    Column("by", Text),
)
