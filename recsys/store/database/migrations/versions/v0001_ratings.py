"""Version 1: users, items and ratings."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Creates the tables of version 1."""
    meta = op.create_table(
        "meta", sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text)
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(meta, [{"key": "salt", "value": secrets.token_hex(32)}])
    op.bulk_insert(counters, [{"name": "seq", "value": 0}])
    op.create_table(
        "users",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("attributes", _JSON),
        sa.Column("added", sa.Double, nullable=False),
    )
    op.create_table(
        "items",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("title", sa.Text),
        sa.Column("attributes", _JSON),
        sa.Column("added", sa.Double, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_index("items_seq", "items", ["seq"])
    op.create_table(
        "ratings",
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("item_id", _TEXT, nullable=False),
        sa.Column("rating", sa.REAL),
        sa.Column("time", sa.Double),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "item_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ratings_item_id", "ratings", ["item_id"])
    op.create_index("ratings_seq", "ratings", ["seq"])
    op.create_table(
        "requests",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("answer", _JSON, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
    )
    op.create_index("requests_time", "requests", ["time"])
