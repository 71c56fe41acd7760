"""Retraining on a made-up shop: promoted, refused, undecided, forgotten, and two at once."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nightly
import numpy as np
import pandas as pd
import pytest
from stores import write

import recsys
from recsys.app import retrain as retraining
from recsys.app.models import ModelsRequest, models
from recsys.app.retrain import Retrained, Watching, retrain
from recsys.app.retrain_request import RetrainRequest
from recsys.app.served_recipe import ServedRecipe
from recsys.errors import ArgumentError, FitError, ModelFileError, StoreBusy, StoreError
from recsys.evaluation.gate.contest import Contest, seen_by
from recsys.recommend.recommender import Recommender
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.model_file import read_about

SMALL: dict[str, Any] = {"model": "pure-svd", "hyperparameters": {"n_factors": 10}}
WIDE = "50%"
"""A margin by which the gate can tell from few people that the same recipe is not worse."""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return nightly.ratings()


@pytest.fixture
def store(store_url: str) -> Iterator[RatingsStore]:
    with RatingsStore.open(store_url, create=True) as opened:
        yield opened


@pytest.fixture
def url(store: RatingsStore, store_url: str, tmp_path: Path) -> str:
    store.models.keep_in(tmp_path / "files")
    return store_url


sqlite_alone = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def run(url: str, watching: Watching | None = None, **given: Any) -> Retrained:
    return retrain(RetrainRequest(store=url, **given), watching)


def at_stage(word: str, do: Any) -> Watching:
    """Does something when the stage with this word begins."""
    return Watching(on_stage=lambda what: do() if word in what else None)


def states(store: RatingsStore) -> list[str]:
    return [one.state for one in store.models.list()]


def test_the_first_run_trains_and_promotes(
    store: RatingsStore, url: str, frame: pd.DataFrame
) -> None:
    write(store, frame[:6000])
    done = run(url, **SMALL)
    assert done.outcome == "first"
    assert done.gate is None
    assert done.sentence == "main: version 1 is in service"
    current = store.models.current("main")
    assert current == done.version
    assert current is not None
    assert (current.mark, current.parent, current.gate) == (store.seq, None, None)
    model = current.load()
    assert model.fitted.spec == recsys.PureSVD(10)
    assert model.seen().nnz == 6000
    assert set(model.fitted.users.ids.tolist()) == set(frame["user"][:6000])
    again = run(url)
    assert again.outcome == "nothing new"
    assert again.sentence == "main: version 1 stays in service; there are no new ratings"
    assert states(store) == ["current"]


def test_new_ratings_make_a_new_version_by_the_same_recipe(
    store: RatingsStore, url: str, frame: pd.DataFrame
) -> None:
    write(store, frame[:5500])
    first = run(url, **SMALL, feedback="ones").version
    write(store, frame[5500:])
    done = run(url, margin=WIDE)
    assert (done.outcome, states(store)) == ("promoted", ["retired", "current"])
    assert done.version is not None
    assert first is not None
    assert done.version.parent == first.version
    assert done.version.mark == store.seq
    assert done.version.recipe == {
        "spec": recsys.PureSVD(10).to_dict(), "feedback": "ones", "features": None,
        "searched": False,
    }  # fmt: skip
    # The promoted model knows everything, also what the gate measured on.
    assert done.version.load().seen().nnz == len(frame)
    # The evidence, as it was at the time.
    assert done.gate is not None
    assert done.version.gate == done.gate.to_dict()
    assert done.version.gate["not_worse"]["n_users"] > 50
    assert done.version.gate["same_world"]["history"]["ratings"] == {"found": 5500, "of": 5500}
    measured = read_about(done.version.file)["measured"]
    assert measured["how"].startswith("of ratings since 2020-09-")
    assert 0 < measured["metrics"]["ndcg@10"]["mean"] < 1
    assert done.to_dict()["version"]["version"] == 2


@sqlite_alone
def test_neither_model_has_seen_what_it_is_asked_for(
    store: RatingsStore, url: str, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Recommender, Contest]] = []
    measured = retraining._measured

    def spy(candidate: Recommender, held: Contest, *rest: Any) -> Any:
        asked.append((candidate, held))
        return measured(candidate, held, *rest)

    monkeypatch.setattr(retraining, "_measured", spy)
    write(store, frame[:6000])
    run(url, **SMALL)
    current = store.models.current("main")
    assert current is not None
    write(store, frame[6000:])
    run(url)
    ((candidate, held),) = asked
    test = held.splits[0].test
    assert test.n_ratings == round((len(frame) - 6000) / 2)
    assert not seen_by(candidate, test).any()
    assert not seen_by(current.load(), test).any()
    # The candidate has learned from what is new, and from nothing later than the test.
    assert candidate.seen().nnz == len(frame) - test.n_ratings
    assert test.timestamps is not None
    assert test.timestamps.min() > frame["timestamp"].iloc[-test.n_ratings - 1] - 1


def test_a_worse_candidate_is_refused(store: RatingsStore, url: str, frame: pd.DataFrame) -> None:
    write(store, frame[:5500])
    run(url, **SMALL)
    write(store, frame[5500:])
    done = run(url, model="popularity")
    assert done.gate is not None
    assert (done.outcome, done.gate.decision) == ("refused", "closed")
    assert "candidate is worse than current" in done.gate.sentence
    assert states(store) == ["current", "refused"]
    assert done.sentence == "main: version 1 stays in service; version 2 was refused"
    # It was trained on everything all the same, so that a person can overrule the gate.
    assert done.version is not None
    assert store.models.promote(2).load().seen().nnz == len(frame)


def test_broken_data_are_refused(store: RatingsStore, url: str, frame: pd.DataFrame) -> None:
    write(store, frame[:5500])
    run(url, **SMALL)
    for user in frame["user"][:5500].unique()[:200]:
        store.forget(int(user))
        store.drop_tombstones(time.time() + 1)  # nobody asked to be forgotten: rows were lost
    write(store, nightly.with_shuffled_items(frame[5500:]).drop_duplicates(["user", "item"]))
    done = run(url, promote_undecided=True)
    assert done.gate is not None
    assert (done.outcome, done.gate.decision) == ("refused", "closed")
    assert "data mismatch: they have only" in done.gate.sentence


@sqlite_alone
def test_too_few_ratings_leave_the_gate_undecided(
    store: RatingsStore, url: str, frame: pd.DataFrame
) -> None:
    write(store, frame[:7000])
    run(url, **SMALL)
    write(store, frame[7000:7040])
    done = run(url)
    assert done.gate is not None
    assert (done.outcome, done.gate.decision) == ("refused", "undecided")
    assert "a decision needs 50 users" in done.gate.sentence
    assert states(store) == ["current", "refused"]
    forced = run(url, promote_undecided=True)
    assert (forced.outcome, states(store)) == ("promoted", ["retired", "refused", "current"])


@sqlite_alone
def test_a_search_is_made_without_the_test_and_kept_as_recipe(
    store: RatingsStore, url: str, frame: pd.DataFrame
) -> None:
    write(store, frame[:5500])
    run(url, **SMALL)
    write(store, frame[5500:])
    searches: list[Any] = []
    watching = Watching(on_search=searches.append)
    done = run(url, watching, search=True, budget=1.0, margin="30%")
    assert done.version is not None
    assert done.version.recipe is not None
    assert done.version.recipe["searched"] is True
    assert done.version.spec == "implicit-als"
    # One search, before the gate: the promoted model has the hyperparameters that were judged.
    shares = [one.share for one in searches]
    assert shares == sorted(shares)
    n = len(searches)
    assert n > 0
    store.models.promote(done.version.version)
    again = run(url, watching, hyperparameters={"seed": 1}, promote_undecided=True)
    assert again.version is not None
    assert again.version.recipe is not None
    expected = done.version.recipe["spec"] | {"seed": 1}
    assert again.version.recipe["spec"] == expected
    assert len(searches) == n


def test_two_at_once_are_safe(store: RatingsStore, url: str, frame: pd.DataFrame) -> None:
    write(store, frame[:3000])
    seen: list[Exception] = []

    def second() -> None:
        with pytest.raises(StoreBusy) as error:
            run(url, **SMALL)
        seen.append(error.value)
        assert run(url, name="other.one", **SMALL).outcome == "first"  # another model may

    assert run(url, at_stage("all ratings", second), **SMALL).outcome == "first"
    assert str(seen[0]).startswith("main is being retrained by another process")
    assert seen[0].exit_code == 7  # type: ignore[attr-defined]
    assert [one.name for one in store.models.list()] == ["other.one", "main"]
    assert run(url).outcome == "nothing new"  # the lock is free again


@sqlite_alone
def test_what_was_promoted_meanwhile_stays(
    store: RatingsStore, url: str, frame: pd.DataFrame
) -> None:
    write(store, frame[:5500])
    run(url, **SMALL)
    first = store.models.current("main")
    assert first is not None
    other = store.models.add("main", first.file)
    write(store, frame[5500:])
    meanwhile = at_stage("all ratings", lambda: store.models.promote(other.version))
    with pytest.raises(StoreError, match="version 2 was promoted meanwhile and stays in service"):
        run(url, meanwhile, margin=WIDE)
    assert states(store) == ["retired", "current", "candidate"]


def test_ratings_that_come_while_it_trains_are_new_to_the_next_run(
    store: RatingsStore, url: str, frame: pd.DataFrame
) -> None:
    write(store, frame[:3000])
    late = frame[3000:3500]
    run(url, at_stage("training", lambda: write(store, late)), **SMALL)
    current = store.models.current("main")
    assert current is not None
    assert current.mark is not None
    assert current.mark < store.seq
    assert run(url, promote_undecided=True).outcome == "promoted"
    assert store.models.arms("main")[0].version.load().seen().nnz == 3500


@sqlite_alone
def test_a_candidate_that_fails_changes_nothing(
    store: RatingsStore, url: str, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, frame[:5500])
    run(url, **SMALL)
    write(store, frame[5500:])

    def fail(*_: Any) -> None:
        raise FitError("no finite solution")

    monkeypatch.setattr(ServedRecipe, "train", fail)
    with pytest.raises(FitError):
        run(url)
    assert states(store) == ["current"]
    assert len(list(store.models.folder().iterdir())) == 1
    monkeypatch.undo()
    assert run(url, margin=WIDE).outcome == "promoted"


@sqlite_alone
def test_a_candidate_serves_a_share(store: RatingsStore, url: str, frame: pd.DataFrame) -> None:
    write(store, frame[:5500])
    assert run(url, **SMALL, ab="10%").outcome == "first"  # there is nobody to share with
    write(store, frame[5500:])
    done = run(url, ab="10%", margin=WIDE)
    assert done.outcome == "shared"
    assert done.sentence == "main: version 2 serves 10 % of the users, version 1 the others"
    assert [arm.share for arm in store.models.arms("main")] == pytest.approx([0.9, 0.1])
    current = store.models.current("main")
    assert current is not None
    assert current.version == 1


def test_who_was_forgotten_is_in_no_model_any_more(
    store: RatingsStore, url: str, frame: pd.DataFrame
) -> None:
    write(store, frame[:5500])
    run(url, **SMALL)
    gone = list(range(40))  # more than a tenth, who are no lost data
    time.sleep(0.01)
    for user in gone:
        store.forget(user)
    write(store, frame[5500:].query("user >= 40"))
    done = run(url, margin=WIDE)
    assert done.outcome == "promoted"
    assert done.version is not None
    users = done.version.load().fitted.users.ids.tolist()
    assert not set(gone) & set(users)
    assert len(users) > 200
    # The first version still has them, and could come back: the tombstone stays.
    purge = ModelsRequest(store=url, action="purge")
    assert (models(purge).done, sorted(store.forgotten())) == ("main: nothing is old enough", gone)
    done_now = models(replace(purge, keep_for="0.001s")).done
    assert done_now == "main: deleted 1 and 40 tombstones"
    assert store.forgotten() == []


@sqlite_alone
def test_old_files_are_deleted_and_what_is_replaced_stays_for_a_rollback(
    store: RatingsStore, url: str, frame: pd.DataFrame
) -> None:
    write(store, frame[:4500])
    run(url, **SMALL)
    write(store, frame[4500:6000])
    run(url, promote_undecided=True)
    write(store, frame[6000:])
    time.sleep(0.05)
    done = run(url, keep_for="0.01s", promote_undecided=True)
    assert [one.version for one in done.purged] == [1]
    assert states(store) == ["purged", "retired", "current"]
    assert store.models.rollback("main").version == 2


@sqlite_alone
def test_a_model_file_that_was_trained_elsewhere_is_a_first_version(
    store: RatingsStore, url: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    write(store, frame)
    ratings = recsys.Ratings.from_frame(frame[:5500], "user", "item", "rating", "timestamp")
    model = recsys.train(recsys.PureSVD(12), ratings, feedback="ones")
    path = recsys.save(model, tmp_path / "mine.safetensors")
    store.forget(1)
    time.sleep(0.01)
    store.models.promote(store.models.add("main", path).version)
    done = run(url)
    assert done.outcome == "promoted"
    assert done.version is not None
    fresh = done.version.load()
    assert (fresh.fitted.spec, str(fresh.feedback)) == (recsys.PureSVD(12), "ones")
    # Nobody knows of when its ratings are, so tombstones stay.
    models(ModelsRequest(store=url, action="purge"))
    assert store.forgotten() == [1]
    done.version.file.unlink()
    write(store, frame[:1].assign(item=3))
    with pytest.raises(ModelFileError):
        run(url)


@sqlite_alone
def test_features_are_used_again(store: RatingsStore, url: str, frame: pd.DataFrame) -> None:
    for item in np.unique(frame["item"]):
        store.put_item(int(item), f"Item {item}", {"genres": "ab"[item % 2]})
    write(store, frame[:5500])
    first = run(url, **SMALL, features=["genres"]).version
    write(store, frame[5500:])
    done = run(url, promote_undecided=True)
    for version in (first, done.version):
        assert version is not None
        assert list(version.load().features) == ["items"]
        assert version.recipe is not None
        assert version.recipe["features"] == ["genres"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"search": True, "model": "ease"}, "search chooses the model and its hyperparameters"),
        ({"gate": "speed"}, "gate must be a metric such as ndcg@10"),
        ({"gate": "coverage@20"}, "gate must not be coverage@20"),
        ({"ab": "0%"}, "ab must be above 0%"),
        ({"ab": "100%"}, "ab must be a share such as 10%, below 100%, not '100%'"),
        ({"ab": "some"}, "ab must be a share"),
        ({"keep_for": "a while"}, "keep-for must be a time such as 30d, 12h or 90s"),
        ({"margin": "-5%"}, "margin must be a share"),
    ],
)
def test_bad_values_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        RetrainRequest(store="sqlite:///nowhere.db", **given)
