"""CIFAR's pickles: every honest one is read, a hostile one builds nothing and takes no memory."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.data.readers.pickled import MOST_OPCODES, NotArraysError, load_arrays

LIMIT = 1 << 20
HEAD = b"\x80\x02}U\x04data"  # a dict whose key `data` waits for its value
REBUILD = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"


def load(folder: Path, content: bytes, most_bytes: int = LIMIT) -> dict[bytes | str, object]:
    path = folder / "batch"
    path.write_bytes(content)
    return load_arrays(path, most_bytes)


def array_of(dtype: bytes, shape: bytes, content: bytes) -> bytes:
    """Return a dict that holds one array, as Python 2 wrote it."""
    kind = b"cnumpy\ndtype\nU" + bytes([len(dtype)]) + dtype + b"K\x00K\x01\x87R"
    state = b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    raw = b"T" + len(content).to_bytes(4, "little") + content
    return HEAD + REBUILD + b"(K\x01" + shape + kind + state + b"\x89" + raw + b"tbs."


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_python_3_writes_is_read(tmp_path: Path, protocol: int, order: str) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (7, 12), dtype=np.uint8)
    record = {b"data": rows.copy(order), b"labels": [0, 5, 255, -3], b"names": [b"a", "b"], "n": 70_000}  # type: ignore[call-overload]
    read = load(tmp_path, pickle.dumps(record, protocol=protocol))
    assert np.array_equal(read.pop(b"data"), rows)  # type: ignore[arg-type]
    assert read == {key: value for key, value in record.items() if key != b"data"}


def test_pickles_as_python_2_wrote_them_are_read(tmp_path: Path) -> None:
    """The original files are protocol-2 pickles with byte strings and numpy's old module names."""
    pixels = bytes(range(6))
    record = load(tmp_path, array_of(b"u1", b"K\x02K\x03\x86", pixels)[:-2] + b"sU\x06labels](K\x05K\x07es.")
    assert isinstance(record[b"data"], np.ndarray)
    assert record[b"data"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert record[b"labels"] == [5, 7]


HOSTILE = {
    "objects": (array_of(b"O8", b"K\x01\x85", (0xDEAD_BEEF).to_bytes(8, "little")), "not of bytes"),
    "many": (array_of(b"f8", b"K\x01\x85", bytes(8)), "not of bytes"),
    "shape": (array_of(b"u1", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", bytes(8)), "do not fill"),
    "negative shape": (array_of(b"u1", b"J\xff\xff\xff\xffJ\xf8\xff\xff\xff\x86", bytes(8)), "do not fill"),
    "name": (b"\x80\x02cos\nsystem\nU\x04trueq\x00\x85R.", "refers to os.system"),
    "name on the stack": (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01a\x85R.", "refers to os.system"),
    "large name": (b"\x80\x02r\xff\xff\xff\x0f.", "fit together"),
    "memo": (b"\x80\x02}r\xff\xff\xff\x0fU\x01aK\x01", "too early"),
    "bytes": (b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little"), "too early"),
    "bytearray": (b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little"), "too early"),
    "unfilled": (HEAD + b"cnumpy\nndarray\n)R.", "calls ndarray"),
    "large integer": (HEAD + b"\x8a\x05\x00\x00\x00\x00\x01s.", "32 bits"),
    "long digits": (HEAD + b"L" + b"9" * 5000 + b"L\ns.", "opcode LONG"),
    "nested list": (HEAD + b"]q\x00h\x00as.", "holds a list"),
    "tuple as key": (b"\x80\x02}" + b")" + b"q\x00h\x00\x86" * 60 + b"K\x01s.", "key of it is a tuple"),
    "tuple as name": (b"\x80\x04)" + b"\x94h\x00\x86" * 40 + b"0\x8c\x01a\x93.", "POP"),
    "no dict": (b"\x80\x02K\x01.", "int stands where a dict"),
    "too many": (b"\x80\x02" + b"N" * MOST_OPCODES + b".", "more than 1,000,000 opcodes"),
    "copies": (
        b"\x80\x02c_codecs\nencode\nq\x00X\x10\x27\x00\x00" + b"a" * 10_000
        + b"q\x01X\x06\x00\x00\x00latin1q\x02" + b"h\x00h\x01h\x02\x86R" * 1000 + b".",
        "more bytes than it holds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_pickle_builds_nothing_and_takes_no_memory(tmp_path: Path, kind: str) -> None:
    content, why = HOSTILE[kind]
    tracemalloc.start()
    try:
        with pytest.raises(NotArraysError, match=why):
            load(tmp_path, content, most_bytes=LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30 * len(content) + (1 << 18)


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "batch"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: takes no room
    with pytest.raises(NotArraysError, match="at most"):
        load_arrays(path, LIMIT)


HONEST = pickle.dumps({b"data": np.arange(24, dtype=np.uint8).reshape(2, 12), b"labels": [1, 2]}, protocol=2)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(HONEST) - 1), st.integers(0, 255)), max_size=8),
    st.integers(0, len(HONEST)),
    st.binary(max_size=20),
)
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, int]], cut: int, tail: bytes
) -> None:
    content = bytearray(HONEST)
    for position, value in edits:
        content[position] = value
    try:
        record = load(tmp_path_factory.getbasetemp(), bytes(content[:cut]) + tail)
    except NotArraysError:
        return
    for value in record.values():
        assert value is None or isinstance(value, int | bytes | str | list | dict | tuple | np.ndarray)
        assert not isinstance(value, np.ndarray) or value.dtype == np.uint8
