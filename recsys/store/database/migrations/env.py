"""Runs migrations on the connection that `migrate` passes. Alembic executes this file."""

from alembic import context


def run() -> None:
    """Runs what `alembic.command` asks for, in the transaction that is open."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, transactional_ddl=True)
    context.run_migrations()


if __name__ == "env_py":  # as Alembic calls it; a plain import runs nothing
    run()
