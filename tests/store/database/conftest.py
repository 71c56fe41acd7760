"""A new store in each kind of database."""

from collections.abc import Iterator

import pytest

from recsys.store.database.ratings_store import RatingsStore


@pytest.fixture
def store(store_url: str) -> Iterator[RatingsStore]:
    with RatingsStore.open(store_url, create=True) as opened:
        yield opened
