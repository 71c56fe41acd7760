"""Ratings in tables of a database, whoever made them."""

import datetime
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

import recsys
from recsys.errors import ArgumentError, DataError, StoreUnavailable
from recsys.ratings.databases import address

Fill = Callable[..., str]


@pytest.fixture
def filled(store_url: str) -> Fill:
    """Runs statements in an empty database of each kind, and returns its address."""

    def fill(*statements: str) -> str:
        engine = create_engine(address(store_url))
        with engine.begin() as connection:
            for one in statements:
                connection.execute(text(one))
        engine.dispose()
        return store_url

    return fill


def entries(ratings: recsys.Ratings) -> dict[tuple[Any, Any], float]:
    coo = ratings.matrix.tocoo()
    users, items = ratings.users.ids.tolist(), ratings.items.ids.tolist()
    return {
        (users[u], items[i]): float(v) for u, i, v in zip(coo.row, coo.col, coo.data, strict=True)
    }


ORDERS = (
    "CREATE TABLE orders (customer_id INTEGER, sku VARCHAR(20), quantity NUMERIC(6, 2), at BIGINT)",
    "INSERT INTO orders VALUES (1, 'a', 2, 1500000000), (1, 'b', 1.5, 1500000001), "
    "(2, 'a', 300, 1500000002)",
)


def test_the_only_table_with_users_and_items_is_read(filled: Fill) -> None:
    url = filled(*ORDERS, "CREATE TABLE other (id INTEGER)")
    ratings = recsys.read_ratings(url)
    assert entries(ratings) == {(1, "a"): 2.0, (1, "b"): 1.5, (2, "a"): 300.0}
    assert ratings.timestamps is None
    ratings = recsys.read_ratings(url, timestamp="at", table="orders")
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [1500000000.0, 1500000001.0, 1500000002.0]
    account = ratings.account
    assert account is not None
    assert account.layout == "SQL"
    assert account.kind == "counts"
    assert "sesame" not in account.source


def test_a_query_with_whatever_names(filled: Fill) -> None:
    url = filled(*ORDERS)
    query = (
        'SELECT customer_id AS "who: me", sku, quantity FROM orders '
        "WHERE sku LIKE 'a%' AND ':x' = ':x' AND quantity < 100"
    )
    assert entries(recsys.read_ratings(url, query=query, user="who: me")) == {(1, "a"): 2.0}
    assert entries(recsys.read_ratings(url, query=query, user="1", item="2")) == {(1, "a"): 2.0}


def test_odd_names_of_tables_and_columns(filled: Fill) -> None:
    url = filled(
        'CREATE TABLE "my ratings" ("user id" INTEGER, "the%item" VARCHAR(9))',
        "INSERT INTO \"my ratings\" VALUES (1, '007')",
    )
    ratings = recsys.read_ratings(url, item="the%item")
    assert entries(ratings) == {(1, "007"): 1.0}
    assert not ratings.has_values


def test_titles_and_people_come_from_their_tables(filled: Fill) -> None:
    url = filled(
        "CREATE TABLE ratings (user_id INTEGER, movie_id INTEGER, stars REAL)",
        "INSERT INTO ratings VALUES (1, 10, 4), (2, 20, 3)",
        "CREATE TABLE movies (movie_id INTEGER, title VARCHAR(50), genres VARCHAR(50))",
        "INSERT INTO movies VALUES (10, 'Heat (1995)', 'Crime|Drama'), (30, 'Alien (1979)', NULL)",
        "CREATE TABLE users (user_id INTEGER, age INTEGER)",
        "INSERT INTO users VALUES (1, 30), (2, NULL)",
    )
    ratings = recsys.read_ratings(url)
    assert ratings.item_table["title"].tolist()[0] == "Heat (1995)"
    assert ratings.item_table["year"].tolist()[0] == 1995
    assert ratings.user_table["age"].tolist()[0] == 30
    assert ratings.with_unrated().items.ids.tolist() == [10, 20, 30]


def test_tables_of_other_things_are_left_alone(filled: Fill) -> None:
    url = filled(
        "CREATE TABLE ratings (user_id INTEGER, item_id INTEGER)",
        "INSERT INTO ratings VALUES (1, 10)",
        "CREATE TABLE items (price INTEGER)",
        "CREATE TABLE users (user_id INTEGER, name VARCHAR(9))",
        "INSERT INTO users VALUES (77, 'other')",
    )
    ratings = recsys.read_ratings(url)
    assert list(ratings.item_table.columns) == []
    assert ratings.account is not None
    assert any("users is not used" in remark for remark in ratings.account.remarks)


def test_dates_become_seconds(filled: Fill) -> None:
    url = filled(
        "CREATE TABLE ratings (user_id INTEGER, item_id INTEGER, date TIMESTAMP)",
        "INSERT INTO ratings VALUES (1, 10, '2020-01-02 03:04:05'), (1, 20, '2020-01-03 00:00:00')",
    )
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC).timestamp()
    timestamps = recsys.read_ratings(url).timestamps
    assert timestamps is not None
    assert timestamps.tolist() == [moment, 1578009600.0]


def test_values_that_are_missing(filled: Fill) -> None:
    url = filled(
        "CREATE TABLE ratings (user_id INTEGER, item_id INTEGER, rating REAL, time BIGINT)",
        "INSERT INTO ratings VALUES (1, 10, 4, 1500000005), (1, 20, NULL, 1500000000), "
        "(2, 10, 3, NULL)",
    )
    ratings = recsys.read_ratings(url)
    assert entries(ratings) == {(1, 10): 4.0, (2, 10): 3.0}
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [1500000005.0, 1500000000.0]
    assert ratings.account is not None
    assert ratings.account.dropped == {"no rating": 1}
    assert "1 row without a time" in " ".join(ratings.account.remarks)
    filled("DELETE FROM ratings WHERE rating IS NOT NULL", "UPDATE ratings SET time = NULL")
    ratings = recsys.read_ratings(url)
    assert not ratings.has_values
    assert ratings.timestamps is None


def test_ids_that_stop_being_numbers(filled: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys.ratings.query._CHUNK", 2)
    url = filled(
        "CREATE TABLE ratings (user_id VARCHAR(9), item_id VARCHAR(9))",
        "INSERT INTO ratings VALUES ('1', '5'), ('2', '6'), ('3', '007'), ('4', '8')",
    )
    ratings = recsys.read_ratings(url)
    assert ratings.users.ids.tolist() == [1, 2, 3, 4]
    assert ratings.items.ids.tolist() == ["007", "5", "6", "8"]


@pytest.mark.parametrize(
    ("statements", "settings", "words"),
    [
        ((), {}, "no table"),
        (("CREATE TABLE x (a INTEGER)",), {}, "no user column among 'a'"),
        (("CREATE TABLE x (a INTEGER)", "CREATE TABLE y (a INTEGER)"), {}, "none among 'x', 'y'"),
        ((*ORDERS, "CREATE TABLE b (user_id INTEGER, item_id INTEGER)"), {},
         "'b', 'orders'; name it with table= or query="),
        (ORDERS, {"table": "order"}, "no table 'order'; it has 'orders'"),
        (ORDERS, {"user": "who"}, "no column 'who' for the user"),
        (ORDERS, {"query": "SELECT FROM WHERE"}, "syntax"),
        (ORDERS, {"query": "DELETE FROM orders"}, "a query begins with SELECT, not 'DELETE"),
        (ORDERS, {"query": "WITH x AS (SELECT 1) INSERT INTO orders SELECT 1, 'z', 1, 1"},
         "readonly|SELECT|syntax"),
        (ORDERS, {"query": "SELECT * FROM orders WHERE sku = 'q'"}, "holds no ratings"),
        (ORDERS, {"query": "SELECT customer_id, sku, sku AS rating FROM orders"},
         "row 0: 'rating' is 'a', not a number"),
        (ORDERS, {"query": "SELECT customer_id, NULL AS item_id FROM orders"},
         "row 0: 'item_id' is missing"),
        (ORDERS, {"query": "SELECT customer_id, '' AS item_id FROM orders"},
         "row 0: 'item_id' is empty"),
        (ORDERS, {"query": "SELECT customer_id, sku, 1e300 AS rating FROM orders"},
         "not a finite number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(
    filled: Fill, statements: tuple[str, ...], settings: dict[str, str], words: str
) -> None:
    url = filled(*statements)
    with pytest.raises(DataError, match=words) as error:
        recsys.read_ratings(url, **settings)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert "sesame" not in str(error.value)
    if statements == ORDERS:  # nothing was written
        assert len(entries(recsys.read_ratings(url))) == 3


def test_a_file_of_sqlite_needs_no_address(tmp_path: Path) -> None:
    file = tmp_path / "shop.bin"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE ratings (user_id, item_id)")
        connection.execute("INSERT INTO ratings VALUES (1, 2)")
        connection.execute("CREATE TABLE items (item_id, attributes)")
        connection.execute("INSERT INTO items VALUES (2, ?)", [json.dumps({"title": "Heat"})])
        connection.commit()
    assert recsys.read_ratings(file).item_table["title"].tolist() == ["Heat"]


def test_table_and_query_are_for_databases(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item\n1,2\n")
    with pytest.raises(ArgumentError, match="for databases"):
        recsys.read_ratings(tmp_path / "r.csv", table="ratings")
    with pytest.raises(ArgumentError, match="not both"):
        recsys.read_ratings("sqlite:///x.db", table="a", query="b")


def test_what_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        recsys.read_ratings(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(StoreUnavailable, match="u:PASSWORD@127.0.0.1:1/x: not available now"):
        recsys.read_ratings("postgresql://u:secret@127.0.0.1:1/x")
    with pytest.raises(DataError, match="mysql://u:PASSWORD@h/x: no such file .* sqlite:///FILE"):
        recsys.read_ratings("mysql://u:secret@h/x")
