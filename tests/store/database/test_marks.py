"""The mark of a person says whether what they rated is still what it was."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Rating, UserRating

CHANGES = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 2), st.integers(1, 4), st.integers(1, 5)),
    st.tuples(st.just("many"), st.integers(1, 2), st.integers(1, 3), st.integers(1, 5)),
    st.tuples(st.just("adopt"), st.integers(1, 2), st.integers(1, 4), st.integers(1, 5)),
    st.tuples(st.just("remove"), st.integers(1, 2), st.integers(1, 4), st.just(0)),
    st.tuples(st.just("forget"), st.integers(1, 2), st.just(0), st.just(0)),
)
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RatingsStore]:
    folder = tmp_path_factory.mktemp("marks")
    with RatingsStore.open(f"sqlite:///{folder}/store.db", create=True) as opened:
        yield opened


def change(store: RatingsStore, kind: str, user: int, item: int, value: float) -> None:
    history = [Rating(1, 3.0), Rating(2, value)]
    if kind == "write":
        store.write(user, [Rating(item, value)])
    elif kind == "many":
        store.write_many([UserRating(user, one, value) for one in (item, item + 1)])
    elif kind == "adopt":
        store.write(user, [Rating(item, value)], adopt=history)
    elif kind == "remove":
        store.remove(user, item)
    else:
        store.forget(user)


@settings(max_examples=30, deadline=None)
@given(changes=st.lists(CHANGES, min_size=1, max_size=20))
def test_equal_marks_stand_for_equal_ratings(
    kept: RatingsStore, changes: list[tuple[str, int, int, int]]
) -> None:
    known: dict[tuple[int, object], dict[int, float]] = {}
    first = 2 * next(NUMBERS)  # people of whom nobody has heard
    for kind, who, *rest in changes:
        change(kept, kind, first + who, *rest)
        for user in (first + 1, first + 2):
            given = kept.given(user)
            rated = {} if given is None else dict(
                zip(given.items.tolist(), given.values.tolist(), strict=True)
            )  # fmt: skip
            mark = kept.mark(user)
            assert (mark is None) == (not rated)
            assert known.setdefault((user, mark), rated) == rated


def test_each_change_of_a_person_is_another_mark(store_url: str) -> None:
    with RatingsStore.open(store_url, create=True) as store:
        assert store.mark(1) is None
        marks = []
        for value in (4, 4, 5):
            store.write(1, [Rating(7, value)])
            marks.append(store.mark(1))
        store.write(2, [Rating(7, 1)])
        assert store.mark(1) == marks[-1]  # what others do changes nothing
        assert len(set(marks)) == 3
        assert store.mark("nobody") is None


def test_a_store_that_lost_its_tables_says_so(tmp_path: Path) -> None:
    import sqlite3

    from recsys.errors import StoreError

    with RatingsStore.open(f"sqlite:///{tmp_path}/s.db", create=True) as store:
        store.write(1, [Rating(7, 4)])
        with sqlite3.connect(tmp_path / "s.db") as connection:
            connection.execute("DROP TABLE ratings")
        connection.close()
        for ask in (store.given, store.mark):
            with pytest.raises(StoreError, match="no such table: ratings"):
                ask(1)


def test_each_thread_reads_what_was_just_committed_and_keeps_no_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with RatingsStore.open(url, create=True) as store, RatingsStore.open(url) as other:
        store.write(1, [Rating(7, 4)])
        with ThreadPoolExecutor(4) as threads:
            for value in (1, 2, 3, 4, 5):
                other.write(1, [Rating(7, value)])
                read = [threads.submit(store.given, 1) for _ in range(16)]
                found = [one.result() for one in read]
                assert {one.values.item() for one in found if one is not None} == {value}
        other.forget(1)  # empties the log, which a reader that never ends would prevent
        assert (tmp_path / "s.db-wal").stat().st_size == 0
        assert store.given(1) is None
        store.close()
        assert store.given(1) is None  # it connects again
