"""Tokens are known by their hashes."""

import time

import pytest
from sqlalchemy import create_engine, text

from recsys.errors import ArgumentError, UnknownIdError
from recsys.ratings.databases import address
from recsys.store.database.ratings_store import RatingsStore


def test_a_token_is_found_by_its_text_alone(store: RatingsStore, store_url: str) -> None:
    one = store.tokens.add("web", ["read", "write", "read"])
    other = store.tokens.add("ops", ["admin"])
    assert one != other
    assert len(one) >= 43  # 256 bits
    found = store.tokens.find(one)
    assert found is not None
    assert (found.name, found.scopes) == ("web", ("read", "write"))
    assert found.is_valid(time.time())
    assert store.tokens.find(one[:-1]) is None
    assert store.tokens.find("") is None
    engine = create_engine(address(store_url))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM tokens")).all()
    engine.dispose()
    assert one not in str(rows)
    assert [token.name for token in store.tokens.list()] == ["web", "ops"]


def test_expired_and_revoked_tokens_are_not_valid(store: RatingsStore) -> None:
    now = time.time()
    text_ = store.tokens.add("web", ["read"], expires=now + 60)
    found = store.tokens.find(text_)
    assert found is not None
    assert found.is_valid(now)
    assert not found.is_valid(now + 60)
    store.tokens.revoke("web")
    found = store.tokens.find(text_)
    assert found is not None
    assert not found.is_valid(now)


def test_the_name_of_a_revoked_token_is_free_again(store: RatingsStore) -> None:
    old = store.tokens.add("web", ["read", "write"])
    store.tokens.revoke("web")
    new = store.tokens.add("web", ["read"])
    assert store.tokens.find(old) is None
    assert [(one.name, one.scopes, one.revoked) for one in store.tokens.list()] == [
        ("web", ("read",), False)
    ]
    assert store.tokens.find(new) is not None


def test_what_is_refused(store: RatingsStore) -> None:
    store.tokens.add("web", ["read"])
    with pytest.raises(ArgumentError, match="there is a token 'web' already"):
        store.tokens.add("web", ["read"])
    with pytest.raises(ArgumentError, match="scopes are read, write, admin, not 'root'"):
        store.tokens.add("x", ["root"])
    for name, scopes in (("", ["read"]), ("x", [])):
        with pytest.raises(ArgumentError, match="a name and at least one scope"):
            store.tokens.add(name, scopes)
    with pytest.raises(UnknownIdError, match="no token 'nobody'"):
        store.tokens.revoke("nobody")
    assert len(store.tokens.list()) == 1
