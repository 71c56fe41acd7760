from __future__ import annotations

import hashlib
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
    ):
        with pytest.raises(ModelFileError, match=why):
            container.read(path, verify=True)
    with pytest.raises(ArgumentError, match="home folder of a user who does not exist"):
        container.read(Path("~nobody-of-this-name/m"), verify=True)
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
    with pytest.raises(OSError, match="No space left") as caught:
        container.write(saved, {"a": np.zeros(9)}, {})
    assert caught.value.filename == str(saved)
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
    """Each file has one value in header and arrays, and is replaced while it is read: no error."""
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
        for i in range(600):
            arrays, about = container.read(path, verify=True, mmap=bool(i % 2))
            assert (arrays["a"] == about["value"]).all()
    finally:
        stop.set()
        writer.join()


def test_what_was_read_into_memory_does_not_depend_on_the_file(saved: Path) -> None:
    """Small files are read by default: writing into them, or cutting them off, changes nothing."""
    for mmap in (None, False):
        before = saved.read_bytes()
        arrays, _ = container.read(saved, verify=True, mmap=mmap)
        os.truncate(saved, 0)
        assert np.array_equal(arrays["a"], np.arange(6.0).reshape(2, 3))
        saved.write_bytes(before)


def test_large_files_are_mapped_by_default(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mapped() -> bool:
        arrays, _ = container.read(saved, verify=True)
        with saved.open("r+b") as stream:
            stream.seek(-5 - 6 * 8, os.SEEK_END)
            byte = stream.read(1)
            stream.seek(-1, os.SEEK_CUR)
            stream.write(bytes([byte[0] ^ 1]))
            stream.flush()
            changed = bool(arrays["a"][0, 0] != 0)
            stream.seek(-1, os.SEEK_CUR)
            stream.write(byte)
        return changed

    assert not mapped()
    monkeypatch.setattr(container, "COPIED", saved.stat().st_size - 1)
    assert mapped()


def test_only_the_file_with_the_digest_is_read(saved: Path) -> None:
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    for text in (digest, digest.upper(), f" {digest}\n"):
        container.read(saved, verify=True, sha256=text)
    container.write(saved, {"a": np.zeros(3)}, {})  # a sound file, and another one
    with pytest.raises(ModelFileError, match=f"not the file with sha256={digest[:12]}"):
        container.read(saved, verify=True, sha256=digest)
    for bad in (digest[:-1], "x" * 64, 3):
        with pytest.raises(ArgumentError, match="sha256 must be 64 hexadecimal digits"):
            container.read(saved, verify=True, sha256=bad)  # type: ignore[arg-type]


def _raw(path: Path, head: str, data: bytes = b"") -> Path:
    path.write_bytes(struct.pack("<Q", len(head.encode())) + head.encode() + data)
    return path


_ABOUT = json.dumps({"__metadata__": {"format": "recsys", "recsys": '{"schema_version": 1}'}})[:-1]


@pytest.mark.parametrize(
    ("tensors", "size", "why"),
    [
        ('"a": ONE, "a": ONE', 4, "a duplicate key"),
        (
            '"a": {"dtype": "F32", "dtype": "F32", "shape": [1], "data_offsets": [0, 4]}',
            4,
            "a duplicate key",
        ),
        ('"a": ONE, "b": ONE', 4, "overlap"),
        ('"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}', 8, "overlap, or with gaps"),
        ('"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}', 4, "overlap, or with gaps"),
        ('"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}', 4, "an invalid shape"),
        ('"a": {"dtype": "F32", "shape": [true], "data_offsets": [0, 4]}', 4, "an invalid shape"),
        ('"a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}', 4, "an invalid shape"),
        ('"a": {"dtype": "F32", "shape": [ONES], "data_offsets": [0, 4]}', 4, "an invalid shape"),
        ('"a": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}', 4, "cut off or altered"),
        ('"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]}', 4, "cut off or altered"),
        ('"a": {"dtype": "F32", "shape": [1], "data_offsets": ["0", "4"]}', 4, "cut off or alt"),
        ('"a": {"dtype": "F32", "shape": [1]}', 4, "data_offsets"),
        ('"a": 3', 0, "cut off or altered"),
        ('"a": ONE', 3, "instead of"),
        ('"a": ONE', 5, "instead of"),
        ('"__metadata__": {}', 0, "a duplicate key"),
    ],
)
def test_arrays_that_do_not_fit_the_file_are_refused(
    tensors: str, size: int, why: str, tmp_path: Path
) -> None:
    one = '{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'
    told = tensors.replace("ONES", ", ".join("1" * 9)).replace("ONE", one)
    path = _raw(tmp_path / "m", f"{_ABOUT}, {told}}}", b"\0" * size)
    with pytest.raises(ModelFileError, match=why) as caught:
        container.read(path, verify=False)
    assert "\n" not in str(caught.value)


def test_a_key_that_is_there_twice_in_what_the_writer_said_is_refused(tmp_path: Path) -> None:
    about = json.dumps('{"schema_version": 1, "schema_version": 1}')
    path = _raw(tmp_path / "m", f'{{"__metadata__": {{"format": "recsys", "recsys": {about}}}}}')
    with pytest.raises(ModelFileError, match="damaged header .a duplicate key"):
        container.read(path, verify=False)


def test_a_huge_header_is_refused_at_once(tmp_path: Path) -> None:
    """It is not even read: this file has none behind its first bytes."""
    with (tmp_path / "m").open("wb") as stream:
        stream.write(struct.pack("<Q", 99_000_000) + b"{")
        stream.truncate(100_000_000)
    with pytest.raises(ModelFileError, match="a header of 99,000,000 bytes"):
        container.read(tmp_path / "m", verify=False)
    with pytest.raises(ArgumentError, match="too many for the header of a model file"):
        container.write(tmp_path / "n", {}, {"log": "x" * (17 << 20)})
    assert not (tmp_path / "n").exists()
