from __future__ import annotations

import json
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from store import crafting

from recsys.errors import ArgumentError, ModelFileError
from recsys.store import container

DTYPES = [np.dtype(order + code) for order in "<>" for code in
          ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")]  # fmt: skip

any_array = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0))
)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map("state.".__add__)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(5, dtype=np.uint8)}
    container.write(tmp_path / "m", arrays, {"note": "été", "list": [1, None]})
    return tmp_path / "m"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arrays=st.dictionaries(names, any_array, max_size=6), verify=st.booleans())
def test_any_arrays_come_back_to_the_bit(
    arrays: dict[str, np.ndarray], verify: bool, tmp_path: Path
) -> None:
    container.write(tmp_path / "m", arrays, {"state": list(arrays)})
    found, about = container.read(tmp_path / "m", verify=verify)
    assert about["state"] == list(arrays)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        little = array.astype(array.dtype.newbyteorder("<"))
        assert found[name].dtype == little.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == little.tobytes()
        assert not found[name].flags.writeable
        assert found[name].flags.aligned


def test_arrays_that_are_not_contiguous_come_back(tmp_path: Path) -> None:
    table = np.arange(24, dtype=np.float32).reshape(4, 6)
    container.write(tmp_path / "m", {"t": table.T, "every_other": table[::2, 1::3]}, {})
    found, _ = container.read(tmp_path / "m", verify=True)
    assert np.array_equal(found["t"], table.T)
    assert np.array_equal(found["every_other"], table[::2, 1::3])


def test_types_and_names_that_the_format_does_not_have_are_refused(tmp_path: Path) -> None:
    for bad in (np.array(["a"]), np.array([1j]), np.array([None])):
        with pytest.raises(ArgumentError, match="no arrays of type .*'odd'"):
            container.write(tmp_path / "m", {"odd": bad}, {})
    with pytest.raises(ArgumentError, match="cannot name an array"):
        container.write(tmp_path / "m", {"\ud800": np.zeros(1)}, {})
    assert list(tmp_path.iterdir()) == []


def test_the_first_array_starts_at_a_cache_line(saved: Path) -> None:
    assert container.read_header(saved).start % 64 == 0


def test_safetensors_reads_it(saved: Path) -> None:
    from safetensors.numpy import load_file

    assert np.array_equal(load_file(saved)["a"], np.arange(6.0).reshape(2, 3))


def test_a_file_cut_off_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    raw = saved.read_bytes()
    for size in range(len(raw)):
        cut = tmp_path / "cut"
        cut.write_bytes(raw[:size])
        with pytest.raises(ModelFileError, match="cut off|not a recsys model file") as caught:
            container.read(cut, verify=False)
        assert str(cut) in str(caught.value)


def test_appended_bytes_are_refused(saved: Path) -> None:
    with saved.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ModelFileError, match="cut off or altered"):
        container.read(saved, verify=False)


def test_an_altered_byte_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    raw = saved.read_bytes()
    for position in range(len(raw)):
        altered = bytearray(raw)
        altered[position] ^= 0x15
        (tmp_path / "altered").write_bytes(altered)
        with pytest.raises(ModelFileError):
            container.read(tmp_path / "altered", verify=True)


def test_an_altered_array_is_named_where_it_is_verified(saved: Path) -> None:
    raw = bytearray(saved.read_bytes())
    raw[-1] ^= 1
    saved.write_bytes(raw)
    container.read(saved, verify=False)
    with pytest.raises(ModelFileError, match="altered since it was saved .checksum of b."):
        container.read(saved, verify=True)


def test_an_altered_header_is_refused_without_verify(saved: Path) -> None:
    raw = saved.read_bytes()
    saved.write_bytes(raw.replace(b'\\"list\\": [1,', b'\\"list\\": [2,'))
    for read in (container.read_header, lambda path: container.read(path, verify=False)):
        with pytest.raises(ModelFileError, match="checksum of its header"):
            read(saved)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.ones(3, np.float32)}, tmp_path / "other.safetensors")
    (tmp_path / "text").write_text("user,item,rating\n1,2,3\n" * 100)
    (tmp_path / "list").write_bytes(struct.pack("<Q", 2) + b"[]")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "huge header").write_bytes(struct.pack("<Q", 2**62) + b"[")
    for name in ("other.safetensors", "text", "list", "empty", "huge header"):
        with pytest.raises(ModelFileError, match="not a recsys model file"):
            container.read(tmp_path / name, verify=True)


def test_devices_and_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "none", "no such model file"),
        (tmp_path / "none" / "m", "no such model file"),
        (tmp_path, "a folder"),
        (tmp_path / "pipe", "a device or a pipe"),
        (Path("/dev/zero"), "a device or a pipe"),
        (tmp_path / ("a" * 300), "cannot be read .File name too long."),
        (tmp_path / "a\0b", "cannot be read"),
        (Path("~nobody-of-this-name/m"), "no such model file"),
    ):
        with pytest.raises(ModelFileError, match=why):
            container.read(path, verify=True)
    with pytest.raises(ArgumentError, match="path must be the name of a model file, not 3"):
        container.read(3, verify=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["2", None, 0, -1, True, 1.0, [], 10**30])
def test_a_schema_version_that_is_none_is_refused(version: object, tmp_path: Path) -> None:
    crafting.write(tmp_path / "m", {"a": np.zeros(1)}, {"schema_version": version})
    with pytest.raises(ModelFileError, match="schema_version|upgrade"):
        container.read(tmp_path / "m", verify=True)


@pytest.mark.parametrize("versions", [{"recsys-mf": "7.1"}, {"recsys-mf": "7\n1"}, [], None])
def test_a_newer_format_asks_for_an_upgrade(versions: object, tmp_path: Path) -> None:
    about = {"schema_version": 99, "versions": versions}
    crafting.write(tmp_path / "m", {"a": np.zeros(1)}, about)
    with pytest.raises(ModelFileError, match=r"recsys-mf .* in format 99.* upgrade") as caught:
        container.read(tmp_path / "m", verify=True)
    assert "\n" not in str(caught.value)


def test_deep_json_is_refused(tmp_path: Path) -> None:
    crafting.write(tmp_path / "m", {"a": np.zeros(1)}, "[" * 100_000 + "]" * 100_000)
    deep = b'{"a":' * 100_000
    (tmp_path / "n").write_bytes(struct.pack("<Q", len(deep)) + deep)
    for name in "mn":
        with pytest.raises(ModelFileError):
            container.read(tmp_path / name, verify=True)


def test_types_that_models_do_not_have_are_refused(tmp_path: Path) -> None:
    about = json.dumps({"schema_version": 2})
    tensors = {"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    head = json.dumps({"__metadata__": {"format": "recsys", "recsys": about}} | tensors).encode()
    (tmp_path / "m").write_bytes(struct.pack("<Q", len(head)) + head + b"1234")
    with pytest.raises(ModelFileError, match="arrays of type BF16"):
        container.read(tmp_path / "m", verify=False)


def test_a_failed_write_leaves_the_old_file_and_no_other(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelFileError, match=r"cannot be written \(No space left"):
        container.write(saved, {"a": np.zeros(9)}, {})
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        container.write(tmp_path / "m", {"a": np.zeros(9)}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_is_a_model_file_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "m", Path("/dev/null"), tmp_path, tmp_path / "a\0b"):
        with pytest.raises(ModelFileError, match="cannot be written"):
            container.write(path, {"a": np.zeros(1)}, {})


def test_a_reader_never_mixes_two_files(tmp_path: Path) -> None:
    """Each file has one value in header and arrays, and is replaced while it is read."""
    path = tmp_path / "m"
    container.write(path, {"a": np.zeros(1000)}, {"value": 0})
    stop = threading.Event()

    def replace() -> None:
        value = 0
        while not stop.is_set():
            value += 1
            container.write(path, {"a": np.full(1000, value, float)}, {"value": value})

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(300):
            try:
                arrays, about = container.read(path, verify=False)
            except ModelFileError as error:
                assert "replaced while it was read" in str(error)  # noqa: PT017
            else:
                assert (arrays["a"] == about["value"]).all()
    finally:
        stop.set()
        writer.join()
