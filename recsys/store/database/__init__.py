"""The ratings store: ratings, items, served lists, models and tokens in SQLite or PostgreSQL."""

from importlib.util import find_spec

from recsys.errors import ArgumentError

for _name in ("sqlalchemy", "alembic"):
    if find_spec(_name) is None:
        raise ArgumentError(
            f'a ratings store needs {_name}; install it with pip install "recsys-mf[sql]"'
        )
