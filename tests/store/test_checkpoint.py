"""Checkpoints: what they keep, what they refuse, what they leave behind."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recsys
from recsys.errors import ArgumentError, ModelFileError
from recsys.models.alternating import State
from recsys.models.common import Progress
from recsys.models.kept import RESULT, Entry
from recsys.store import container
from recsys.store.checkpoint import Checkpoint, about_ratings, entry_of, state_of

RUN = {"of": "train", "spec": {"model": "implicit-als", "regularization": 0.1}, "ratings": "a" * 64}


class Stopped(Exception):
    pass


class Asking:
    """A host that asks to stop once `stops` is set."""

    def __init__(self) -> None:
        self.stops = False
        self.said: list[str] = []
        self.defers = False

    def asked(self) -> bool:
        return self.stops

    def stop(self, where: str) -> None:
        raise Stopped(where)

    def warn(self, remark: str) -> None:
        self.said.append(remark)

    def say(self, remark: str) -> None:
        self.said.append(remark)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        self.defers = True
        yield
        self.defers = False


@contextmanager
def unfinished(folder: Path) -> Iterator[Checkpoint]:
    """A run that ends with an error."""
    with suppress(Stopped), Checkpoint(folder, RUN) as checkpoint:
        yield checkpoint
        raise Stopped


def entry(number: float) -> Entry:
    return Entry({"numbers": np.array([number])}, {"n": 1})


def refuses() -> Entry:
    raise AssertionError("made again")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def a_state(epoch: int = 2) -> State:
    rng = np.random.default_rng(3)
    log = tuple(Progress(i, 9, 1 / 3 / i, 0.1 * i, {"fit": 0.1}) for i in range(1, epoch + 1))
    tables = rng.random((3, 2), dtype=np.float32), rng.random((4, 2), dtype=np.float32)
    more = {"draws": rng.random((2, 3))}
    return State(epoch, *tables, rng, log, {"model": "m", "n_epochs": 9}, "abc", more, (rng,))


def test_a_state_survives_a_file(tmp_path: Path) -> None:
    state = a_state()
    kept = entry_of(state)
    container.write(tmp_path / "s", kept.arrays, kept.about)
    again = state_of(Entry(*container.read(tmp_path / "s", verify=True)))
    assert (again.epoch, again.log, again.spec, again.fingerprint) == (
        2, state.log, state.spec, "abc",
    )  # fmt: skip
    assert np.array_equal(again.users, state.users)
    assert np.array_equal(again.items, state.items)
    assert np.array_equal(again.more["draws"], state.more["draws"])
    expected = state.rng.random(5)
    assert np.array_equal(again.rng.random(5), expected)
    assert np.array_equal(again.rngs[0].random(5), expected)


def test_a_step_that_was_saved_is_not_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "ck"
    with unfinished(folder) as checkpoint:
        first = checkpoint.part("search").remember("trial-0", {"x": 0.1}, lambda: entry(1 / 3))
        assert not (folder / "search.trial-0.checkpoint").exists()  # not every step costs a file
    with unfinished(folder) as checkpoint:
        part = checkpoint.part("search")
        again = part.remember("trial-0", {"x": 0.1}, refuses)
        assert np.array_equal(again.arrays["numbers"], first.arrays["numbers"])
        assert again.about == {"n": 1}
        # The same step, of something else.
        other = part.remember("trial-0", {"x": 0.2}, lambda: entry(5))
        assert other.arrays["numbers"] == [5]


def test_the_files_of_a_run_that_is_done_are_removed_and_no_others(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "own", RUN, every=0) as checkpoint:
        checkpoint.remember("step", {}, lambda: entry(1))
        assert files(tmp_path / "own") == [
            ".checkpoint.lock", "run.checkpoint", "step.checkpoint",
        ]  # fmt: skip
    assert not (tmp_path / "own").exists()
    (tmp_path / "notes.txt").write_text("mine")
    with Checkpoint(tmp_path, RUN, every=0) as checkpoint:
        checkpoint.remember("step", {}, lambda: entry(1))
    assert files(tmp_path) == ["notes.txt"]


def test_a_run_that_is_done_may_be_kept_until_the_next(tmp_path: Path) -> None:
    with Checkpoint(tmp_path, RUN, keep=True) as checkpoint:
        checkpoint.remember("step", {}, lambda: entry(1))
    with Checkpoint(tmp_path, RUN, keep=True) as checkpoint:
        checkpoint.remember("step", {}, refuses)
    with Checkpoint(tmp_path, RUN | {"of": "another"}, keep=True) as checkpoint:
        assert files(tmp_path) == [".checkpoint.lock", "run.checkpoint"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spec": {"model": "implicit-als", "regularization": 0.2}},
         "regularization was 0.1 and is now 0.2"),
        ({"ratings": "b" * 64}, "other ratings"),
        ({"recsys-mf": "99"}, "recsys-mf was .* and is now 99"),
        ({"features": ["year"]}, r"features was nothing and is now \['year'\]"),
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_run_is_refused(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with unfinished(tmp_path / "ck"):
        pass
    pattern = (
        f"ck belongs to another run: {said}; choose another folder, or remove this one to start"
    )
    with pytest.raises(ArgumentError, match=pattern), Checkpoint(tmp_path / "ck", RUN | change):
        pass
    assert files(tmp_path / "ck") == ["run.checkpoint"]


def test_a_folder_is_used_by_one_process_at_a_time(tmp_path: Path) -> None:
    with Checkpoint(tmp_path, RUN), pytest.raises(ArgumentError, match="in use by another process"):  # noqa: SIM117
        with Checkpoint(tmp_path, RUN):
            pass
    with Checkpoint(tmp_path, RUN):
        pass


def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with unfinished(tmp_path) as checkpoint:
        checkpoint.remember("step", {}, lambda: entry(1))
    file = tmp_path / "step.checkpoint"
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    with Checkpoint(tmp_path, RUN) as checkpoint:  # noqa: SIM117
        with pytest.raises(
            ModelFileError, match=r"altered since.*; remove it to start from the beginning"
        ):
            checkpoint.remember("step", {}, refuses)


def test_a_save_that_fails_is_said_and_the_run_goes_on(
    tmp_path: Path, sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, host, write = recsys.ImplicitALS(8, n_epochs=5), Asking(), container.write
    full = OSError(errno.ENOSPC, "No space left on device")

    def failing(path: Path, *rest: Any) -> None:
        if path.name == "fit.checkpoint" and len(host.said) < 2:
            raise full
        write(path, *rest)

    monkeypatch.setattr(container, "write", failing)
    with Checkpoint(tmp_path, RUN, 0, host) as checkpoint:  # noqa: SIM117
        with checkpoint.fitting("fit", spec) as going_on:
            found = spec.fit(sample, **going_on)
            assert "fit.checkpoint" in files(tmp_path)  # from the third time on
    said = f"checkpoint {tmp_path} could not be saved (No space left on device); the run continues"
    assert host.said == [said, said]
    assert np.array_equal(found.user_factors, spec.fit(sample).user_factors)


def test_in_python_a_save_that_fails_is_a_warning(
    tmp_path: Path, sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = container.write

    def failing(path: Path, *rest: Any) -> None:
        if path.name != "run.checkpoint":
            raise ModelFileError(f"{path}: cannot be written")
        write(path, *rest)

    monkeypatch.setattr(container, "write", failing)
    with pytest.warns(UserWarning, match="could not be saved"):
        recsys.train(recsys.ImplicitALS(8, n_epochs=2), sample, checkpoint=tmp_path, every=0)


def test_the_steps_of_a_part_go_when_its_result_is_there(tmp_path: Path) -> None:
    with unfinished(tmp_path) as checkpoint:
        part = checkpoint.part("measuring")
        part.part("search").remember("trial-0", {}, lambda: entry(1))
        checkpoint.remember("measuring-too", {}, lambda: entry(2))
        checkpoint.save()
        assert "measuring.search.trial-0.checkpoint" in files(tmp_path)
        part.remember(RESULT, {}, lambda: entry(3))
    assert files(tmp_path) == [
        "measuring-too.checkpoint", "measuring.result.checkpoint", "run.checkpoint",
    ]  # fmt: skip


def test_no_folder_and_no_time_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="must be a folder"), Checkpoint(tmp_path / "file", RUN):
        pass
    for bad in (-1, float("nan")):
        with pytest.raises(ArgumentError, match="every must be a time"):
            Checkpoint(tmp_path, RUN, bad)


def test_a_fit_that_is_asked_to_stop_saves_its_epoch_and_goes_on_from_it(
    tmp_path: Path, sample: recsys.Ratings
) -> None:
    spec, host = recsys.ImplicitALS(8, n_epochs=7), Asking()
    whole, received = spec.fit(sample), list[int]()

    def on_epoch(progress: Progress) -> None:
        assert host.defers
        host.stops = progress.epoch == 3
        received.append(progress.epoch)

    def fitted() -> recsys.Factors:
        with (
            Checkpoint(tmp_path, RUN, 1e9, host) as checkpoint,
            checkpoint.fitting("fit", spec) as going_on,
        ):
            return spec.fit(sample, on_epoch, **going_on)

    with pytest.raises(Stopped, match="after epoch 3 of 7"):
        fitted()
    host.stops = False
    again = fitted()
    assert received == [1, 2, 3, 4, 5, 6, 7]
    assert host.said == ["resuming after epoch 3 of 7"]
    assert np.array_equal(again.user_factors, whole.user_factors)
    assert [p.loss for p in again.log] == [p.loss for p in whole.log]


def test_a_model_without_epochs_says_that_there_is_nothing_to_resume(tmp_path: Path) -> None:
    host = Asking()
    with Checkpoint(tmp_path, RUN, 0, host) as checkpoint:  # noqa: SIM117
        with checkpoint.fitting("fit", recsys.EASE()) as going_on:
            assert going_on == {}
    assert host.said == ["ease does not train in epochs, so its fit cannot be resumed"]


def test_ratings_are_told_apart_by_values_and_by_titles(random_ratings: recsys.Ratings) -> None:
    frame = random_ratings.to_frame()
    titles = random_ratings.item_table.assign(item=random_ratings.items.ids)

    def about(rating: float, title: str) -> dict[str, str]:
        frame.loc[0, "rating"], titles.loc[0, "title"] = rating, title
        return about_ratings(recsys.Ratings.from_frame(frame, "user", "item", items=titles))

    first = about(2, "A")
    assert about(2, "A") == first
    assert about(3, "A")["ratings"] != first["ratings"]
    assert about(2, "B") == first | {"tables": about(2, "B")["tables"]}
    assert about(2, "B") != first
