"""Migrations of the ratings store, which Alembic runs."""
