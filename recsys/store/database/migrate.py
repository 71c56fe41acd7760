"""Makes the tables of a store, and brings those of an earlier version up to date."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from recsys.store.database.schema import VERSION

_LOCK = 7_315_020_118  # of PostgreSQL, so that two processes do not migrate at once


def migrate(connection: Connection, to: str = VERSION) -> None:
    """Brings the tables to a version, in the transaction of the connection."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def configuration() -> Config:
    """What Alembic has to know."""
    config = Config()
    config.set_main_option("script_location", "recsys.store.database:migrations")
    config.set_main_option("path_separator", "os")
    return config


def versions() -> list[str]:
    """All versions that there have been, the first one first."""
    script = ScriptDirectory.from_config(configuration())
    return [revision.revision for revision in script.walk_revisions()][::-1]


def context(connection: Connection) -> MigrationContext:
    """For comparing the tables of a database with `schema.metadata`."""
    return MigrationContext.configure(connection, opts={"compare_type": True})
