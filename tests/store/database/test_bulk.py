"""Many ratings go in and come out as they were."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, inspect, text

import recsys
from recsys.errors import DataError
from recsys.ratings.databases import address
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Rating, UserRating


def assert_alike(found: recsys.Ratings, expected: recsys.Ratings) -> None:
    assert found.fingerprint == expected.fingerprint
    assert found.has_values == expected.has_values
    assert set(found.item_table) == set(expected.item_table)
    for name in expected.item_table:
        assert found.item_table[name].tolist() == expected.item_table[name].tolist()


def test_an_import_comes_back(
    store: RatingsStore, store_url: str, sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.store.database.bulk.PIECE", 5_000)
    seen: list[tuple[int, int | None]] = []
    assert store.importing(sample, lambda *counts: seen.append(counts)) == 8_848
    assert seen == [(5_000, 8_848), (8_848, 8_848)]
    assert_alike(store.ratings(), sample)
    assert_alike(recsys.read_ratings(store_url), sample)
    store.importing(sample)
    assert store.counts()["ratings"] == sample.n_ratings
    assert_alike(store.ratings(), sample)


def test_indexes_are_made_at_the_end_of_a_large_import(
    store: RatingsStore, store_url: str, sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def indexes() -> set[str | None]:
        engine = create_engine(address(store_url))
        with engine.connect() as connection:
            found = {one["name"] for one in inspect(connection).get_indexes("ratings")}
        engine.dispose()
        return found

    def stop(done: int, total: int | None) -> None:
        meanwhile.append(indexes())
        if stops:
            raise KeyboardInterrupt

    meanwhile: list[set[str | None]] = []
    both, stops = indexes(), True
    assert len(both) == 2
    monkeypatch.setattr("recsys.store.database.bulk.PIECE", 5_000)
    store.importing(sample.select(np.arange(sample.n_ratings) < 10), lambda *_: None)
    assert indexes() == both
    with RatingsStore.open(store_url) as other:  # small, or not into an empty store: they stay
        monkeypatch.setattr("recsys.store.database.bulk.MANY", 5)
        other.importing(sample.select(np.arange(sample.n_ratings) < 10))
        assert indexes() == both
    engine = create_engine(address(store_url))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ratings"))
    engine.dispose()
    with pytest.raises(KeyboardInterrupt):
        store.importing(sample, stop)
    assert meanwhile == [set()]
    with RatingsStore.open(store_url):  # what was interrupted is put right
        assert indexes() == both
    store.importing(sample)
    assert indexes() == both
    assert_alike(store.ratings(), sample)


def test_ids_in_text_and_no_values(store: RatingsStore) -> None:
    users = pd.DataFrame({"user_id": ["é'", "b,c", '"'], "age": [1, 2, None]})
    frame = pd.DataFrame(
        {"user_id": ["é'", "b,c", '"'], "item_id": ["007", "\\N", "x\ny"], "t": [0.5, 1.5, 2e9]}
    )
    given = recsys.Ratings.from_frame(frame, rating=None, timestamp="t", users=users)
    store.importing(given)
    assert_alike(store.ratings(), given)
    assert store.ratings().user_table["age"].tolist()[1:] == [2, 1]
    assert store.user("b,c") == {"age": 2}
    found = store.given("b,c")
    assert found is not None
    assert np.isnan(found.values).all()


def test_what_came_later_stays(store: RatingsStore) -> None:
    store.write(1, [Rating(1, 5.0, 2000.0), Rating(2, 5.0, 100.0)])
    frame = pd.DataFrame({"user_id": 1, "item_id": [1, 2, 3], "rating": 2.0, "t": 1000.0})
    store.importing(recsys.Ratings.from_frame(frame, timestamp="t"))
    given = store.given(1)
    assert given is not None
    assert given.values.tolist() == [5.0, 2.0, 2.0]
    store.importing(recsys.Ratings.from_frame(frame))  # without times
    given = store.given(1)
    assert given is not None
    assert given.values.tolist() == [5.0, 2.0, 2.0]


def test_titles_that_are_known_stay(store: RatingsStore) -> None:
    store.put_item(1, "Heat (1995)", {"year": 1995})
    frame = pd.DataFrame({"user_id": 1, "item_id": [1, 2], "rating": 2.0})
    store.importing(recsys.Ratings.from_frame(frame))
    found = store.item(1)
    assert found is not None
    assert found.title == "Heat (1995)"
    about = pd.DataFrame({"item_id": [1, 5], "title": ["Warmth", "Cold"]})
    store.importing(recsys.Ratings.from_frame(frame, items=about))
    found = store.item(1)
    assert found is not None
    assert found.title == "Warmth"
    unrated = store.item(5)
    assert unrated is not None
    assert unrated.title == "Cold"


def test_text_does_not_fit_a_store_of_integers(store: RatingsStore) -> None:
    store.write(1, [Rating(1, 5.0)])
    frame = pd.DataFrame({"user_id": ["a"], "item_id": [1], "rating": 2.0})
    with pytest.raises(DataError, match="user id 'a' is text, .* integers"):
        store.importing(recsys.Ratings.from_frame(frame))
    assert store.counts() == {"users": 1, "items": 1, "ratings": 1}


def test_ratings_since_and_until_part_all_of_them(store: RatingsStore) -> None:
    store.write_many([UserRating(u, i, 3.0, 10.0 * i) for u in range(3) for i in range(4)])
    mark = store.seq
    store.write(0, [Rating(0, 1.0), Rating(9, 5.0)], adopt=[Rating(8, 1.0)])
    store.write(7, [Rating(1, 1.0)], adopt=[Rating(2, 2.0, 5.0)])
    before, after = store.ratings(until=mark), store.ratings(since=mark)
    assert before.n_ratings == 11 + 1  # one was replaced, one adopted
    assert after.n_ratings == 3
    assert store.ratings().n_ratings == before.n_ratings + after.n_ratings
    assert store.ratings(since=0).n_ratings == 14
    with pytest.raises(DataError, match="holds no ratings"):
        store.ratings(since=store.seq)


def test_ratings_without_a_value_are_counted(store: RatingsStore) -> None:
    store.write(1, [Rating(1, 5.0), Rating(2)])
    found = store.ratings()
    assert found.n_ratings == 1
    assert found.account is not None
    assert found.account.dropped == {"no rating": 1}


def test_no_password_is_shown(store: RatingsStore, tmp_path: Path) -> None:
    store.write(1, [Rating(1, 5.0)])
    account = store.ratings().account
    assert account is not None
    assert "sesame" not in account.source + repr(store) + str(store)
