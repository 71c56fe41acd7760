from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from store import crafting

import recsys
from recsys.errors import ArgumentError, ModelFileError
from recsys.models.registry import SPECS
from recsys.store.model_file import read_about

GOLDEN = Path(__file__).parent / "golden"
QUICK = {"n_factors": 4}


@pytest.fixture(scope="module")
def model(sample: recsys.Ratings) -> recsys.Recommender:
    return recsys.train(
        recsys.ImplicitALS(8, alpha=2.0), sample, feedback=recsys.Feedback(True, 3.0)
    )


@pytest.fixture
def saved(model: recsys.Recommender, tmp_path: Path) -> Path:
    return recsys.save(model, tmp_path / "m.safetensors")


@pytest.mark.parametrize("name", SPECS)
def test_every_model_survives(
    name: str, sample: recsys.Ratings, random_ratings: recsys.Ratings, tmp_path: Path
) -> None:
    quick = {k: v for k, v in QUICK.items() if hasattr(SPECS[name](), k)}
    for ratings in (sample, random_ratings):
        before = recsys.train(SPECS[name](**quick), ratings)
        after = recsys.load(recsys.save(before, tmp_path / "m"))
        user = ratings.users.ids[3]
        assert after.factors.spec == before.factors.spec
        assert after.factors.log == before.factors.log
        assert after.fingerprint == before.fingerprint
        pd.testing.assert_frame_equal(after.recommend(user), before.recommend(user))
        pd.testing.assert_frame_equal(after.item_table, before.item_table)
        new = {ratings.items.ids[0]: 5.0, ratings.items.ids[2]: 3.0}
        pd.testing.assert_frame_equal(after.recommend_for(new), before.recommend_for(new))


@pytest.mark.parametrize("name", ["implicit-als", "normalized-svd"])
def test_files_of_schema_1_answer_as_they_did(name: str) -> None:
    """Written, and its answers recorded, by recsys-mf 0.1.0."""
    recorded = json.loads((GOLDEN / f"schema1-{name}.json").read_text())
    for verify in (True, False):
        model = recsys.load(GOLDEN / f"schema1-{name}.model", verify=verify)
        factors = model.factors
        assert read_about(GOLDEN / f"schema1-{name}.model")["schema_version"] == 1
        # Hyperparameters that did not exist yet have their defaults.
        assert factors.spec.to_dict() | recorded["spec"] == factors.spec.to_dict()
        assert factors.users.ids.tolist() == recorded["users"]
        assert factors.items.ids.tolist() == recorded["items"]
        assert model.fingerprint == recorded["fingerprint"]
        assert str(model.feedback) == recorded["feedback"]
        assert (factors.mean, len(factors.log)) == (recorded["mean"], recorded["epochs"])
        assert model.item_table["title"].tolist() == recorded["titles"]
        assert model.item_table["year"].tolist() == recorded["years"]
        for user in factors.users.ids[:4]:
            predicted = factors.predict(user, factors.items.ids)
            assert predicted == pytest.approx(recorded["predictions"][str(user)], rel=1e-9)
            assert_alike(model.recommend(user, 5), recorded["recommend"][str(user)])
            assert_alike(model.liked(user, 3), recorded["liked"][str(user)])
        assert_alike(model.recommend_for(recorded["new"], 5), recorded["recommend_for"])


def test_explicit_factors_without_a_scale_fold_in_as_they_did() -> None:
    """Written, and its answers recorded, before ratings were standardized."""
    recorded = json.loads((GOLDEN / "schema2-explicit-als.json").read_text())
    model = recsys.load(GOLDEN / "schema2-explicit-als.model")
    factors, history = model.factors, model.seen()
    assert "scale" not in factors.state
    assert factors.mean == recorded["mean"]
    for side, folded in (
        ("user", factors.fold_in_users(history[:4])),
        ("item", factors.fold_in_items(history.T.tocsr()[:4])),
    ):
        expected = np.array(recorded[f"{side}_factors"])
        assert np.allclose(folded.factors, expected, rtol=1e-5, atol=1e-6)
        assert np.allclose(folded.bias, recorded[f"{side}_bias"], rtol=1e-5, atol=1e-6)
    assert_alike(model.recommend_for(recorded["new"], 5), recorded["recommend_for"])


def assert_alike(answer: pd.DataFrame, recorded: dict[str, list[Any]]) -> None:
    # Scores come from float32 kernels, whose last bits depend on the instruction set.
    assert answer["item"].tolist() == recorded["item"]
    values = "score" if "score" in recorded else "rating"
    assert answer[values].tolist() == pytest.approx(recorded[values], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ["implicit-als", "normalized-svd"])
def test_a_file_of_schema_1_becomes_one_of_schema_2(name: str, tmp_path: Path) -> None:
    old = recsys.load(GOLDEN / f"schema1-{name}.model")
    path = recsys.save(old, tmp_path / "m")
    assert read_about(path)["schema_version"] == 2
    new, new_items = recsys.load(path), {old.item_table["title"][0]: 5.0}
    pd.testing.assert_frame_equal(new.recommend_for(new_items), old.recommend_for(new_items))
    scales = {name for name in crafting.parts(path)[0] if name.startswith("state.")}
    assert scales == ({"state.user_scale", "state.item_scale"} if "svd" in name else set())


def test_an_altered_file_of_schema_1_is_refused(tmp_path: Path) -> None:
    raw = bytearray((GOLDEN / "schema1-implicit-als.model").read_bytes())
    raw[-1] ^= 1
    (tmp_path / "m").write_bytes(raw)
    with pytest.raises(ModelFileError, match="checksum of the file"):
        recsys.load(tmp_path / "m")


def test_answers_identically_in_another_process(model: recsys.Recommender, saved: Path) -> None:
    code = (
        "import sys, recsys; m = recsys.load(sys.argv[1]);"
        "print(m.recommend(7, 20).to_json(double_precision=15));"
        "print(m.recommend_for({3: 5, 9: 4}).to_json(double_precision=15))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(saved)],
        capture_output=True,
        text=True,
        check=True,
        cwd=saved.parent,  # not the checkout, whose package is not the installed one
    )
    first, second = done.stdout.splitlines()
    assert first == model.recommend(7, 20).to_json(double_precision=15)
    assert second == model.recommend_for({3: 5, 9: 4}).to_json(double_precision=15)


@pytest.mark.parametrize("spec", [recsys.ImplicitALS(4), recsys.ItemKNN(3)])
def test_loading_needs_no_pandas(
    spec: recsys.ImplicitALS | recsys.ItemKNN, sample: recsys.Ratings, tmp_path: Path
) -> None:
    path = recsys.save(recsys.train(spec, sample), tmp_path / "m")
    ask = "recsys.load(sys.argv[1]).items.titles; print('pandas' in sys.modules)"
    command = [sys.executable, "-P", "-c", f"import sys, recsys; {ask}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("spec", "other", "why"),
    [
        (recsys.ImplicitALS(4), {"model": "ease"}, "needs its weights"),
        (recsys.ItemKNN(3), {"model": "pure-svd"}, "needs its mean"),
    ],
)
def test_a_spec_of_another_kind_of_model_is_refused(
    spec: Any, other: dict[str, str], why: str, sample: recsys.Ratings, tmp_path: Path
) -> None:
    arrays, about = crafting.parts(recsys.save(recsys.train(spec, sample), tmp_path / "m"))
    crafting.write(tmp_path / "m", arrays, about | {"spec": other})
    with pytest.raises(ModelFileError, match=f"damaged model file .*{why}"):
        recsys.load(tmp_path / "m")


def test_can_be_read_with_safetensors_and_pyarrow_alone(
    model: recsys.Recommender, saved: Path
) -> None:
    """The recipe of docs/model-file.md, which does not use this package."""
    import pyarrow as pa
    from safetensors import safe_open

    with safe_open(saved, framework="np") as file:
        about = json.loads(file.metadata()["recsys"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    users = pa.ipc.open_file(pa.py_buffer(arrays["users"])).read_all()
    items = pa.ipc.open_file(pa.py_buffer(arrays["items"])).read_all()
    assert about["spec"]["model"] == "implicit-als"
    u, i = users["id"].to_pylist().index(42), items["id"].to_pylist().index(17)
    score = about["mean"] + arrays["user_bias"][u] + arrays["item_bias"][i]
    score += arrays["user_factors"][u] @ arrays["item_factors"][i]
    assert score == pytest.approx(model.predict(42, 17)[0], abs=1e-6)
    assert items["title"].to_pylist() == model.item_table["title"].tolist()
    row = slice(*arrays["history_indptr"][u : u + 2])
    assert model.history is not None
    assert np.array_equal(arrays["history_items"][row], model.history[u].indices)
    assert np.array_equal(arrays["history_ratings"][row], model.history[u].data)


def test_the_checksums_are_those_of_the_page(saved: Path, tmp_path: Path) -> None:
    arrays, about = crafting.parts(saved)
    assert crafting.write(tmp_path / "again", arrays, about).read_bytes() == saved.read_bytes()


def test_without_history(model: recsys.Recommender, tmp_path: Path) -> None:
    bare = recsys.load(recsys.save(model, tmp_path / "m", history=False))
    assert bare.history is None
    assert (tmp_path / "m").stat().st_size < recsys.save(model, tmp_path / "n").stat().st_size / 2


def test_nothing_of_a_loaded_model_can_be_written_to(saved: Path) -> None:
    model = recsys.load(saved)
    factors, history = model.factors, model.seen()
    assert history is not None
    for array in (
        factors.user_factors, factors.item_factors, factors.user_bias, factors.item_bias,
        factors.users.ids, factors.items.ids, history.data, history.indices, history.indptr,
    ):  # fmt: skip
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = array[:1]


@pytest.mark.parametrize("spec", [recsys.ImplicitALS(4), recsys.ItemKNN(3)])
def test_large_arrays_are_mapped_not_copied(
    spec: Any, sample: recsys.Ratings, tmp_path: Path
) -> None:
    model = recsys.load(recsys.save(recsys.train(spec, sample), tmp_path / "m"), mmap=True)
    assert model.history is not None
    arrays = [model.history.data, model.history.indices]
    if isinstance(spec, recsys.ItemKNN):
        arrays += [model.factors.weights.data, model.factors.weights.indices]
    else:
        arrays += [model.factors.user_factors, model.factors.item_factors]
    for array in arrays:
        base: Any = array
        while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
            base = base.base
        assert isinstance(base, np.memmap)


def test_an_altered_byte_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    raw = saved.read_bytes()
    rng = np.random.default_rng(0)
    for position in [0, 7, 8, 9, len(raw) - 1, *rng.integers(0, len(raw), 200)]:
        altered = bytearray(raw)
        altered[position] ^= 0x15
        (tmp_path / "altered").write_bytes(altered)
        with pytest.raises(ModelFileError):
            recsys.load(tmp_path / "altered")


def test_ids_in_another_order_are_refused(saved: Path, tmp_path: Path) -> None:
    """A consistent file, but `load` would sort the ids and not the factors."""
    arrays, about = crafting.parts(saved)
    backwards = crafting.table(arrays["users"]).take(np.arange(len(arrays["user_bias"]))[::-1])
    arrays |= {"users": crafting.table_bytes(backwards), "user_bias": arrays["user_bias"][::-1]}
    arrays["user_factors"] = arrays["user_factors"][::-1]
    for name in ("history_indptr", "history_items", "history_ratings"):
        del arrays[name]
    crafting.write(tmp_path / "m", arrays, about)
    with pytest.raises(ModelFileError, match="damaged model file .user ids must increase"):
        recsys.load(tmp_path / "m")


@pytest.mark.parametrize("name", ["users", "items", "user_factors", "item_bias", "history_items"])
def test_a_missing_array_is_named(name: str, saved: Path, tmp_path: Path) -> None:
    arrays, about = crafting.parts(saved)
    del arrays[name]
    crafting.write(tmp_path / "m", arrays, about)
    with pytest.raises(ModelFileError, match=f"damaged model file .*{name}"):
        recsys.load(tmp_path / "m")


def test_a_model_without_users_is_refused(saved: Path, tmp_path: Path) -> None:
    arrays, about = crafting.parts(saved)
    nobody = crafting.table_bytes(crafting.table(arrays["users"]).slice(0, 0))
    arrays |= {"users": nobody, "user_bias": arrays["user_bias"][:0]}
    arrays |= {"user_factors": arrays["user_factors"][:0], "history_indptr": np.zeros(1, int)}
    arrays |= {name: arrays[name][:0] for name in ("history_items", "history_ratings")}
    crafting.write(tmp_path / "m", arrays, about)
    with pytest.raises(ModelFileError, match="no users or no items"):
        recsys.load(tmp_path / "m")


def test_unknown_arrays_and_keys_are_ignored(
    model: recsys.Recommender, saved: Path, tmp_path: Path
) -> None:
    arrays, about = crafting.parts(saved)
    arrays["from_the_future"] = np.zeros(3)
    crafting.write(tmp_path / "m", arrays, about | {"future": [1, {"a": None}]})
    pd.testing.assert_frame_equal(recsys.load(tmp_path / "m").recommend(9), model.recommend(9))


def test_versions_and_machine_are_in_the_header(model: recsys.Recommender, saved: Path) -> None:
    from recsys import kernels, provenance

    about = read_about(saved)
    assert about["machine"]["blas"] == provenance.blas()
    assert about["machine"]["instruction_set"] in kernels.INSTRUCTION_SETS
    assert about["versions"] == provenance.versions()
    assert "measured" not in about


def test_the_account_of_the_training_data_is_kept(model: recsys.Recommender, saved: Path) -> None:
    account = read_about(saved)["account"]
    assert account == recsys.load(saved).account == model.account
    assert account["columns"]["user"]["name"]
    assert account["n_rows"] == model.seen().nnz


def test_account_and_level_are_written_where_they_are_given(
    model: recsys.Recommender, tmp_path: Path
) -> None:
    account, measured = {"user": "column 1", "repeats": 8}, {"metric": "ndcg@10", "mean": 0.25}
    path = recsys.save(model, tmp_path / "m", account=account, measured=measured)
    about = read_about(path)
    assert (about["account"], about["measured"]) == (account, measured)
    recsys.load(path)
    for bad in ({"a": object()}, {"a": float("nan")}, [1]):
        with pytest.raises(ArgumentError, match="account must be a mapping that JSON can hold"):
            recsys.save(model, tmp_path / "n", account=bad)  # type: ignore[arg-type]
    assert not (tmp_path / "n").exists()


def test_keeps_mode_and_link_of_the_file_it_replaces(
    model: recsys.Recommender, tmp_path: Path
) -> None:
    path = recsys.save(model, tmp_path / "private")
    path.chmod(0o600)
    (tmp_path / "current").symlink_to(path)
    before = path.read_bytes()
    recsys.save(model, tmp_path / "current", history=False)
    assert (tmp_path / "current").is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() != before
    assert recsys.load(path).history is None


def test_a_new_file_has_the_mode_of_any_new_file(model: recsys.Recommender, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    path = recsys.save(model, tmp_path / "m")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_umask_is_never_set(
    model: recsys.Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> int:
        raise AssertionError("another thread may create a file meanwhile")

    monkeypatch.setattr(os, "umask", refuse)
    recsys.save(model, tmp_path / "m")


def test_creates_missing_folders(
    model: recsys.Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = recsys.save(model, "~/models/of today/m")
    assert path == tmp_path / "models" / "of today" / "m"
    assert recsys.load("~/models/of today/m").fingerprint == model.fingerprint


def test_misuse_is_one_line(model: recsys.Recommender, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="save takes a Recommender and a path, not Factors"):
        recsys.save(model.factors, tmp_path / "m")
    with pytest.raises(ValueError, match="not str and Recommender"):
        recsys.save("m", model)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="path must be the name of a model file"):
        recsys.load(model)  # type: ignore[arg-type]


def test_saving_over_the_file_that_is_mapped(saved: Path, model: recsys.Recommender) -> None:
    loaded = recsys.load(saved)
    recsys.save(loaded, saved)
    again = recsys.load(saved)
    pd.testing.assert_frame_equal(again.recommend(9), model.recommend(9))
    pd.testing.assert_frame_equal(loaded.recommend(9), model.recommend(9))
