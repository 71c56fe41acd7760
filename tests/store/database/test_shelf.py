"""Versions of models: what serves, who is served by which, and what is deleted."""

import hashlib
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import recsys
from recsys.errors import ArgumentError, ModelFileError, StoreError, UnknownIdError
from recsys.ratings.ratings import Ratings
from recsys.recommend.recommender import Recommender
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.shelf import Shelf
from recsys.store.database.versions import Arm, arm_of

DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(recsys.PureSVD(2), sample)


@pytest.fixture
def shelf(store: RatingsStore, tmp_path: Path) -> Shelf:
    store.models.keep_in(tmp_path / "shelf")
    return store.models


def states(shelf: Shelf) -> list[str]:
    return [one.state for one in shelf.list()]


def test_a_version_is_on_the_shelf_with_its_file(
    shelf: Shelf, model: Recommender, tmp_path: Path
) -> None:
    gate = {"decision": "open"}
    one = shelf.add("main", model, mark=7, parent=None, recipe={"spec": 1}, gate=gate)
    assert (one.version, one.name, one.state, one.spec) == (1, "main", "candidate", "pure-svd")
    assert (one.mark, one.recipe, one.gate) == (7, {"spec": 1}, gate)
    assert one.file.parent == tmp_path / "shelf"
    assert abs(one.made - time.time()) < 60
    assert np.array_equal(one.load().factors.item_factors, model.factors.item_factors)
    assert shelf.list() == (shelf.get(1),) == (one,)
    assert shelf.list("other") == ()
    assert shelf.current("main") is None
    assert shelf.arms("main") == ()
    assert one.to_dict()["file"] == str(one.file)


def test_a_file_is_copied_to_the_shelf(shelf: Shelf, model: Recommender, tmp_path: Path) -> None:
    path = recsys.save(model, tmp_path / "mine.safetensors")
    one = shelf.add("main", path)
    assert one.file.read_bytes() == path.read_bytes()
    path.write_text("something else")
    with pytest.raises(ModelFileError, match=r"mine\.safetensors"):
        shelf.add("main", path)
    assert len(list(one.file.parent.iterdir())) == 1
    assert states(shelf) == ["candidate"]


def test_promoting_and_rolling_back(shelf: Shelf, model: Recommender) -> None:
    with pytest.raises(
        StoreError, match="main: no version is in service, so there is nothing to go back"
    ):
        shelf.rollback("main")
    first, second, third = (shelf.add("main", model) for _ in range(3))
    other = shelf.promote(shelf.add("other", model).version)
    assert shelf.promote(first.version).parent is None
    with pytest.raises(StoreError, match="no version served before 1"):
        shelf.rollback("main")
    shelf.promote(second.version)
    assert shelf.promote(third.version).parent == second.version
    assert states(shelf) == ["retired", "retired", "current", "current"]
    assert shelf.rollback("main").version == second.version
    assert shelf.rollback("main").version == first.version
    assert states(shelf) == ["current", "retired", "retired", "current"]
    assert shelf.promote(first.version).parent is None  # it serves already: nothing changes
    assert shelf.promote(third.version).parent == first.version
    assert shelf.current("other") == other
    with pytest.raises(UnknownIdError, match="there is no model version 9"):
        shelf.promote(9)


def test_a_version_replaces_only_what_it_was_compared_with(
    shelf: Shelf, model: Recommender
) -> None:
    first, second, third = (shelf.add("main", model) for _ in range(3))
    shelf.promote(first.version, over=None)
    shelf.promote(second.version, over=first.version)
    with pytest.raises(StoreError, match="version 2 was promoted meanwhile and stays in service"):
        shelf.promote(third.version, over=first.version)
    with pytest.raises(StoreError, match="meanwhile"):
        shelf.promote(third.version, over=None)
    assert states(shelf) == ["retired", "current", "candidate"]


def test_a_file_that_changed_or_is_gone_is_never_promoted(shelf: Shelf, model: Recommender) -> None:
    first, second = (shelf.add("main", model) for _ in range(2))
    shelf.promote(first.version)
    content = second.file.read_bytes()
    second.file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for why in ("has changed since it was added to the shelf", "is gone"):
        with pytest.raises(ModelFileError, match=why):
            shelf.promote(second.version)
        with pytest.raises(ModelFileError, match=why):
            shelf.share(second.version, 0.1)
        second.file.unlink(missing_ok=True)
    with pytest.raises(ModelFileError):
        second.load()
    assert states(shelf) == ["current", "candidate"]


def test_two_versions_share_the_people(shelf: Shelf, model: Recommender) -> None:
    first, second, third = (shelf.add("main", model) for _ in range(3))
    with pytest.raises(ArgumentError, match="has no version to share with"):
        shelf.share(second.version, 0.1)
    shelf.promote(first.version)
    assert [(arm.label, arm.share) for arm in shelf.arms("main")] == [("current", 1)]
    shelf.share(second.version, 0.1)
    arms = shelf.arms("main")
    assert [(arm.label, arm.version.version) for arm in arms] == [("current", 1), ("candidate", 2)]
    assert [arm.share for arm in arms] == pytest.approx([0.9, 0.1])
    shelf.share(third.version, 0.25)  # in place of the second one
    assert [arm.version.version for arm in shelf.arms("main")] == [1, 3]
    assert states(shelf) == ["current", "retired", "candidate"]
    for share in (-0.1, 1.0):
        with pytest.raises(ArgumentError, match="share must be at least 0 % and below 100 %"):
            shelf.share(third.version, share)
    with pytest.raises(ArgumentError, match="version 1 of main is in service"):
        shelf.share(first.version, 0.1)
    promoted = shelf.promote(third.version)
    assert (promoted.state, promoted.share) == ("current", None)
    assert len(shelf.arms("main")) == 1
    shelf.share(second.version, 0.5)
    assert shelf.share(second.version, 0).state == "retired"
    assert len(shelf.arms("main")) == 1


def test_old_versions_are_purged_and_what_serves_is_not(shelf: Shelf, model: Recommender) -> None:
    now = time.time()
    ages = (40, 40, 40, 40, 10)
    versions = [shelf.add("main", model, made=now - age * DAY) for age in ages]
    other = shelf.add("other", model, made=now - 40 * DAY)
    shelf.promote(versions[1].version)
    shelf.promote(versions[2].version)
    shelf.share(versions[3].version, 0.1)
    left = versions[0].file.with_name("main-20200101-000000-0123abcd.safetensors")
    left.write_bytes(b"of a process that was killed")
    mine = versions[0].file.with_name("main-notes.safetensors")
    mine.write_bytes(b"of somebody else")
    gone = shelf.purge("main", 30 * DAY)
    assert [one.version for one in gone] == [1, 2]
    assert states(shelf) == ["purged", "purged", "current", "candidate", "candidate", "candidate"]
    assert [one.file.exists() for one in versions] == [False, False, True, True, True]
    assert other.file.exists()
    assert left.exists()  # it may be of a process that is about to put it on the shelf
    with pytest.raises(ModelFileError, match="version 2 of main was purged: its file is gone"):
        shelf.rollback("main")
    assert shelf.purge("main", 30 * DAY, now + 2 * DAY) == ()
    assert not left.exists()
    assert mine.exists()


def test_a_file_is_deleted_that_a_killed_purge_has_left(shelf: Shelf, model: Recommender) -> None:
    old = shelf.add("main", model, made=time.time() - 40 * DAY)
    shelf.promote(shelf.add("main", model).version)
    content = old.file.read_bytes()
    assert len(shelf.purge("main", 30 * DAY)) == 1
    old.file.write_bytes(content)  # as if it had been killed before this
    assert shelf.purge("main", 30 * DAY) == ()
    assert not old.file.exists()


def test_files_can_move(shelf: Shelf, model: Recommender, tmp_path: Path) -> None:
    one = shelf.add("main", model)
    with pytest.raises(ArgumentError, match=r"lacks 1 model files, first main-.*; move them there"):
        shelf.keep_in(tmp_path / "elsewhere")
    one.file.parent.rename(tmp_path / "elsewhere")
    shelf.keep_in(tmp_path / "elsewhere")
    assert shelf.promote(one.version).file.parent == tmp_path / "elsewhere"


def test_where_files_are_by_default(
    store: RatingsStore, model: Recommender, tmp_path: Path
) -> None:
    if str(store).startswith("sqlite"):
        assert store.models.add("main", model).file.parent == tmp_path / "store-models"
        return
    with pytest.raises(ArgumentError, match="name a folder once with --models DIR"):
        store.models.add("main", model)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "a b"])
def test_a_name_is_no_path(shelf: Shelf, model: Recommender, name: str) -> None:
    with pytest.raises(ArgumentError, match="name must be 1 to 64 letters"):
        shelf.add(name, model)


def test_many_at_once_leave_one_in_service(shelf: Shelf, model: Recommender) -> None:
    errors: list[Exception] = []

    def add_and_promote() -> None:
        try:
            for _ in range(3):
                shelf.promote(shelf.add("main", model).version)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=add_and_promote) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [one.version for one in shelf.list()] == list(range(1, 13))
    assert sorted(states(shelf)) == ["current"] + ["retired"] * 11


def arms(shelf: Shelf, share: float, version: int = 2) -> tuple[Arm, ...]:
    first = shelf.get(1)
    other = replace(first, version=version, state="candidate", share=share)
    return Arm("current", first, 1 - share), Arm("candidate", other, share)


def test_people_stay_with_their_arm(shelf: Shelf, model: Recommender) -> None:
    shelf.add("main", model)
    people = list(range(20_000))

    def tried(share: float, version: int = 2) -> set[int]:
        both = arms(shelf, share, version)
        return {one for one in people if arm_of(one, both).label == "candidate"}

    tenth, fifth, others = tried(0.1), tried(0.2), tried(0.1, version=3)
    # Binomial, 4 standard deviations.
    assert abs(len(tenth) - 2000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5
    assert abs(len(fifth) - 4000) < 4 * (20_000 * 0.2 * 0.8) ** 0.5
    assert tenth < fifth  # a larger share moves nobody back
    assert tenth == tried(0.1)
    assert abs(len(tenth & others) - 200) < 4 * 200**0.5  # the next trial is on other people
    both = arms(shelf, 0.1)
    assert all(arm_of(str(one), both) is arm_of(one, both) for one in people[:500])
    assert arm_of(None, both).label == "current"
    # The same on every machine: the first 64 bits of SHA-256, as a fraction.
    for one in people[:100]:
        digest = hashlib.sha256(f"main\x002\x00{one}".encode()).hexdigest()
        assert (int(digest[:16], 16) / 2**64 < 0.1) == (one in tenth)
    assert arm_of("ann", both[:1]).label == "current"
