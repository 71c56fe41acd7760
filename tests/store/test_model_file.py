import json
import os
import struct
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import ModelFileError
from recsys.models.registry import SPECS
from recsys.store import model_file

QUICK = {"n_factors": 4}


@pytest.fixture(scope="module")
def model(sample):
    return recsys.train(
        recsys.ImplicitALS(8, alpha=2.0), sample, feedback=recsys.Feedback(True, 3.0)
    )


@pytest.fixture
def saved(model, tmp_path):
    return recsys.save(model, tmp_path / "m.safetensors")


def header(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def write(path, head, data):
    raw = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)


@pytest.mark.parametrize("name", SPECS)
def test_every_model_survives(name, sample, random_ratings, tmp_path):
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


def test_answers_identically_in_another_process(model, saved):
    code = (
        "import sys, recsys; m = recsys.load(sys.argv[1]);"
        "print(m.recommend(7, 20).to_json(double_precision=15));"
        "print(m.recommend_for({3: 5, 9: 4}).to_json(double_precision=15))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(saved)],
        capture_output=True,
        text=True,
        check=True,
        cwd=saved.parent,  # not the checkout, whose package is not the installed one
    )
    first, second = done.stdout.splitlines()
    assert first == model.recommend(7, 20).to_json(double_precision=15)
    assert second == model.recommend_for({3: 5, 9: 4}).to_json(double_precision=15)


def test_is_mapped_not_read(saved):
    loaded = recsys.load(saved)
    base = loaded.factors.user_factors
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_can_be_read_with_safetensors_and_pyarrow_alone(model, saved):
    """The recipe of docs/model-file.md, without a line of this package."""
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
    assert np.array_equal(arrays["history_items"][row], model.history[u].indices)
    assert np.array_equal(arrays["history_ratings"][row], model.history[u].data)


def test_without_history(model, tmp_path):
    bare = recsys.load(recsys.save(model, tmp_path / "m", history=False))
    assert bare.history is None
    assert (tmp_path / "m").stat().st_size < recsys.save(model, tmp_path / "n").stat().st_size / 2


def test_a_file_cut_off_anywhere_is_refused(saved, tmp_path):
    raw = saved.read_bytes()
    for size in (0, 4, 8, 100, 2000, len(raw) // 2, len(raw) - 1):
        cut = tmp_path / "cut"
        cut.write_bytes(raw[:size])
        with pytest.raises(ModelFileError, match="cut off|not a recsys model file") as caught:
            recsys.load(cut)
        assert str(cut) in str(caught.value)


def test_an_altered_byte_anywhere_is_refused(saved, tmp_path):
    raw = saved.read_bytes()
    rng = np.random.default_rng(0)
    for position in [0, 7, 8, 9, len(raw) - 1, *rng.integers(0, len(raw), 200)]:
        altered = bytearray(raw)
        altered[position] ^= 0x15
        (tmp_path / "altered").write_bytes(altered)
        with pytest.raises(ModelFileError):
            recsys.load(tmp_path / "altered")


def test_appended_bytes_are_refused(saved):
    with saved.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ModelFileError, match="altered since it was saved"):
        recsys.load(saved)


def test_foreign_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.ones(3, np.float32)}, tmp_path / "other.safetensors")
    (tmp_path / "text").write_text("user,item,rating\n1,2,3\n" * 100)
    (tmp_path / "list").write_bytes(struct.pack("<Q", 2) + b"[]")
    for name in ("other.safetensors", "text", "list"):
        with pytest.raises(ModelFileError, match="not a recsys model file"):
            recsys.load(tmp_path / name)
    with pytest.raises(ModelFileError, match="no such model file"):
        recsys.load(tmp_path / "none")
    with pytest.raises(ModelFileError, match="a folder"):
        recsys.load(tmp_path)


def test_a_newer_format_asks_for_an_upgrade(saved):
    head, data = header(saved)
    about = json.loads(head["__metadata__"]["recsys"])
    about |= {"schema_version": 99, "versions": {"recsys-mf": "7.1"}}
    head["__metadata__"]["recsys"] = json.dumps(about)
    write(saved, head, data)
    with pytest.raises(ModelFileError, match=r"recsys-mf 7\.1 in format 99.* upgrade"):
        recsys.load(saved)


def test_a_failed_save_leaves_the_old_file_and_no_other(model, saved, monkeypatch):
    before = saved.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_file.os, "fsync", full)
    with pytest.raises(ModelFileError, match=r"cannot be written \(No space left"):
        recsys.save(model, saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]
    with pytest.raises(ModelFileError, match="cannot be written"):
        recsys.save(model, saved.parent / "none" / "m")


def test_a_save_that_is_interrupted_leaves_nothing(model, tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_file.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        recsys.save(model, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_keeps_the_umask(model, tmp_path):
    path = recsys.save(model, tmp_path / "m")
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_misuse_is_one_line(model, tmp_path):
    with pytest.raises(ValueError, match="save takes a Recommender and a path, not Factors"):
        recsys.save(model.factors, tmp_path / "m")
    with pytest.raises(ValueError, match="not str and Recommender"):
        recsys.save("m", model)


def test_saving_over_the_file_that_is_mapped(saved, model):
    loaded = recsys.load(saved)
    recsys.save(loaded, saved)
    again = recsys.load(saved)
    pd.testing.assert_frame_equal(again.recommend(9), model.recommend(9))
    pd.testing.assert_frame_equal(loaded.recommend(9), model.recommend(9))
