"""Version 2: what a service adds: served lists, feedback, models, tokens, forgetting."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Creates the tables that version 2 adds."""
    _traffic()
    _models()
    _people()


def _traffic() -> None:
    op.create_table(
        "served",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("user_id", _TEXT),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("arm", sa.Text),
        sa.Column("items", _JSON, nullable=False),
    )
    op.create_index("served_user_id", "served", ["user_id"])
    op.create_index("served_time", "served", ["time"])
    op.create_table(
        "feedback",
        sa.Column("served_id", sa.Text, nullable=False),
        sa.Column("item_id", _TEXT, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("value", sa.REAL),
        sa.Column("time", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("served_id", "item_id", "action"),
    )


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("spec", sa.Text),
        sa.Column("recipe", _JSON),
        sa.Column("gate", _JSON),
        sa.Column("mark", sa.BigInteger),
        sa.Column("parent", sa.Integer),
        sa.Column("share", sa.REAL),
    )


def _people() -> None:
    op.create_table(
        "tokens",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("expires", sa.Double),
        sa.Column("revoked", sa.Boolean, nullable=False),
    )
    op.create_table(
        "tombstones",
        sa.Column("user_id", _TEXT, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject_hash", sa.Text, nullable=False),
        sa.Column("by", sa.Text),
    )
