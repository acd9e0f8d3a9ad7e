"""Checkpoints: what goes in comes out, and nothing else is taken for one."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.nested import non_finite
from small_run import small_run

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    seed, dtype = draw(st.integers(0, 99)), draw(st.sampled_from(DTYPES))
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 100
    return values.to(dtype)


KEYS = st.text(max_size=6) | st.integers(-5, 5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
STATES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS | tensors(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(KEYS, inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return (
            isinstance(b, Tensor)
            and (a.dtype, a.shape) == (b.dtype, b.shape)
            and (a.numel() == 0 or a.stride() == b.stride())  # an empty tensor has no order
            and torch.equal(a, b)
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(state=STATES)
def test_any_nested_state_comes_back_as_it_was(tmp_path: Path, state: dict[Any, Any]) -> None:
    path = tmp_path / "any.safetensors"
    header = {"step": 3, "spec": {"seed": 1}}
    sha256 = checkpoint.save(path, state, header)
    loaded = checkpoint.load(path)
    assert same(loaded.state, state)
    assert loaded.header == header
    assert loaded.sha256 == sha256
    assert checkpoint.save(path, loaded.state, header) == sha256


def test_awkward_tensors_come_back(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.randn(6, 4))
    state: dict[str, Any] = {
        "a/b": {"c": torch.ones(1)},
        "a": {"b/c": torch.zeros(1)},  # the same path as the one above
        "tied": [weight, weight, weight[2:4], weight.t()],
        "channels_last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "special": torch.tensor([float("nan"), float("inf"), -0.0]),
        "infinity": float("inf"),
    }
    loaded = checkpoint.load(_saved(tmp_path, state)).state
    assert torch.equal(loaded["a/b"]["c"], torch.ones(1))
    assert torch.equal(loaded["a"]["b/c"], torch.zeros(1))
    for got, expected in zip(loaded["tied"], state["tied"], strict=True):
        assert torch.equal(got, expected)
        assert not got.requires_grad
    assert torch.equal(loaded["channels_last"], state["channels_last"])
    assert loaded["special"].view(torch.int32).tolist() == state["special"].view(torch.int32).tolist()
    assert loaded["infinity"] == float("inf")


def test_the_hash_tells_every_change(tmp_path: Path) -> None:
    base: dict[str, Any] = {"w": torch.zeros(2, 2), "step": 1}
    variants: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (base, {"step": 1}),
        (base, {"step": 2}),
        (base | {"step": 2}, {"step": 1}),
        (base | {"w": torch.zeros(4)}, {"step": 1}),
        (base | {"w": torch.zeros(2, 2, dtype=torch.int32)}, {"step": 1}),
        ({"v": base["w"], "step": 1}, {"step": 1}),
    ]
    hashes = [checkpoint.save(tmp_path / "c", state, header) for state, header in variants]
    assert len(set(hashes)) == len(hashes)


def test_what_cannot_be_stored_is_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="set at a/1"):
        checkpoint.save(tmp_path / "c", {"a": [1, {2}]}, {})
    assert list(tmp_path.iterdir()) == []


def _saved(folder: Path, state: dict[str, Any] | None = None) -> Path:
    path = folder / "checkpoint.safetensors"
    state = state or {"w": torch.arange(50.0), "n": [1, "x"]}
    checkpoint.save(path, state, {"step": 7}, lambda sha256: {"of": sha256[:4]})
    return path


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95, 0.999])
def test_a_truncated_file_is_an_error(tmp_path: Path, share: float) -> None:
    path = _saved(tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ReproError, match="damaged") as caught:
        checkpoint.load(path)
    assert caught.value.where == str(path)
    assert "delete" in caught.value.remedy


def test_every_flipped_byte_is_an_error(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    good = path.read_bytes()
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x10]) + good[position + 1 :])
        with pytest.raises(ReproError):
            checkpoint.load(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="missing") as caught:
        checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert "delete the run's folder" in caught.value.remedy  # with its record a run is not trained again
    with pytest.raises(ReproError, match="missing"):
        checkpoint.load(tmp_path)


def test_foreign_files_are_refused_and_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (Path.touch, (tmp_path / "was_run",))  # type: ignore[return-value]

    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ReproError):
        checkpoint.load(path)
    torch.save({"w": Evil()}, path)
    with pytest.raises(ReproError):
        checkpoint.load(path)
    assert not (tmp_path / "was_run").exists()
    save_file({"w": torch.zeros(3)}, path)
    with pytest.raises(ReproError, match="not a checkpoint of this program"):
        checkpoint.load(path)


def test_a_skeleton_that_speaks_of_other_tensors_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    tensors_ = {"w": torch.zeros(3)}
    texts = {"skeleton": json.dumps({"dict": [["v", {"tensor": "v"}]]}), "header": "{}"}
    sha256 = checkpoint._content_hash(tensors_, texts)
    save_file(tensors_, path, {"format": checkpoint.FORMAT, "sha256": sha256, **texts})
    with pytest.raises(ReproError, match="damaged"):
        checkpoint.load(path)


def test_a_checkpoint_of_another_run_names_what_differs(tmp_path: Path) -> None:
    header = {"spec": small_run(seed=1, options={"a": (1, 2)}).model_dump(mode="json")}
    with pytest.raises(ReproError) as caught:
        checkpoint.require_same_run(header, small_run(options={"a": (1, 3)}), tmp_path / "c")
    assert "seed: 1 in the file, 0 asked" in caught.value.message
    assert "[1, 2]" in caught.value.message
    assert "steps" not in caught.value.message
    with pytest.raises(ReproError, match="names no run"):
        checkpoint.require_same_run({}, small_run(), tmp_path / "c")


def test_names_for_people_do_not_make_another_run(tmp_path: Path) -> None:
    ours = small_run(options={"a": (1, 2)})
    theirs = ours.model_copy(update={"recipe": "other", "stand_ins": ("reduced_budget",)})
    assert ours.run_id == theirs.run_id
    checkpoint.require_same_run({"spec": theirs.model_dump(mode="json")}, ours, tmp_path / "c")
    # also as it comes back from a file, and as python values
    checkpoint.save(tmp_path / "c", {}, {"spec": ours.model_dump(mode="json")})
    checkpoint.require_same_run(checkpoint.load(tmp_path / "c").header, theirs, tmp_path / "c")


def test_bad_tensors_are_found() -> None:
    state = {"a": torch.zeros(2), "n": torch.tensor([1, 2]), "b": torch.tensor([1.0, float("inf")])}
    assert non_finite(state) == ["b"]
    assert non_finite({"n": torch.tensor([1])}) == []
    assert non_finite({"a": torch.zeros(0)}) == []


def test_a_file_replaced_while_it_is_opened_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """safetensors opens a file twice; replaced by a smaller one in between, the second finds it too short."""
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, {"w": torch.zeros(5000)}, {"step": 1})
    calls = []

    def replaced_meanwhile(name: Path, **options: Any) -> Any:
        calls.append(name)
        if len(calls) == 1:
            checkpoint.save(path, {"w": torch.ones(3)}, {"step": 2})
            raise RuntimeError("size is smaller than the required mapping size")
        return safe_open(name, **options)

    monkeypatch.setattr(checkpoint, "safe_open", replaced_meanwhile)
    assert checkpoint.load(path).header["step"] == 2
    assert len(calls) == 2
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ReproError, match="damaged"):
        checkpoint.load(path)
    assert len(calls) == 3  # the same file is not tried again


def test_a_reader_beside_a_writer_sees_whole_files_only(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    code = f"""
import itertools, torch
from pathlib import Path
from repro.core import checkpoint
for step in itertools.count(2):
    size = (7, 20_000)[step % 2]
    checkpoint.save(Path({str(path)!r}), {{"w": torch.full((size,), float(step))}}, {{"step": step}})
"""
    checkpoint.save(path, {"w": torch.ones(3)}, {"step": 1})
    writer = subprocess.Popen([sys.executable, "-c", code])
    try:
        steps: set[int] = set()
        until = time.monotonic() + 60
        while len(steps) < 300 and time.monotonic() < until:
            found = checkpoint.load(path)
            assert set(found.state["w"].tolist()) == {float(found.header["step"])}
            steps.add(found.header["step"])
    finally:
        writer.kill()
        writer.wait()
    assert len(steps) > 50
