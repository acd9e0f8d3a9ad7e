"""Files, step log, timing, device, provenance, the torchvision import."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from repro.core.device import apply_precision, autocast, choose_device
from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, read_json, remove_leftovers, replacing, sha256_file
from repro.core.jsonl import StepLog, lines_around, mark_of, read_lines
from repro.core.provenance import provenance
from repro.core.timing import Stopwatch

CPU = torch.device("cpu")


def interrupted_write(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a" / "value.json"
    atomic_write_json(path, {"a": 1})
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(ValueError, match="JSON compliant"):
        atomic_write_json(path, {"a": float("nan")})
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(path)
    assert read_json(path, remedy="none") == {"a": 1}
    assert [p.name for p in path.parent.iterdir()] == ["value.json"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal, sys; from repro.core.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    (tmp_path / "kept.json").write_text("{}")
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "value.json")], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]


def test_damaged_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    path.write_text('{\n"a": 1,\n"b" 2}')
    with pytest.raises(ReproError, match="damaged") as caught:
        read_json(path, remedy="delete it")
    assert (caught.value.line, caught.value.remedy) == (3, "delete it")
    with pytest.raises(ReproError, match="missing"):
        read_json(tmp_path / "other.json", remedy="make it")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReproError):
        read_json(path, remedy="delete it")


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256_file(tmp_path / "f").startswith("ba7816bf8f01cfea")


def test_the_log_goes_on_after_the_resumed_step(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with StepLog(path) as log:
        for step in (5, 10, 15):
            mark = log.mark  # in the end: before the line of step 15
            log.write({"step": step, "metrics": {"loss": step / 3}})
    with path.open("a") as file:
        file.write('{"step": 20, "met')  # the process was killed here
    assert [line["step"] for line in read_lines(path)] == [5, 10, 15]
    before, later = lines_around(path, mark)
    assert [[line["step"] for line in part] for part in (before, later)] == [[5, 10], [15]]
    with StepLog(path, keep=mark) as log:
        log.write({"step": 15, "again": True})
        assert log.mark == mark_of(path.read_bytes())
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 15]
    assert lines[1]["metrics"]["loss"] == 10 / 3
    assert lines[2] == {"step": 15, "again": True}
    with StepLog(path), pytest.raises(ValueError, match="JSON compliant"):
        StepLog(path).write({"step": 1, "loss": float("inf")})


def test_a_log_that_is_damaged_half_way_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with StepLog(path) as log:
        for step in (5, 10, 15):
            log.write({"step": step})
    for damaged in (b"\0\0\0", b"[5]", b'{"step": "10"}', b'{"no_step": 1}', b"\xff", b""):
        lines = path.read_bytes().split(b"\n")
        lines[1] = damaged
        other = tmp_path / "damaged.jsonl"
        other.write_bytes(b"\n".join(lines))
        with pytest.raises(ReproError, match="is damaged") as caught:
            read_lines(other)
        assert (caught.value.line, caught.value.where) == (2, str(other))
        with pytest.raises(ReproError, match="not as it was"):
            StepLog(other, keep=mark_of(path.read_bytes()))
        assert other.read_bytes() == b"\n".join(lines)


def test_a_stopwatch_counts_only_between_start_and_stop() -> None:
    watch = Stopwatch(CPU)
    began = time.perf_counter()
    for _ in range(2):
        watch.start()
        watch.start()  # counts already: no effect
        time.sleep(0.02)
        watch.stop()
        watch.stop()
        time.sleep(0.1)
    assert 0.04 <= watch.seconds <= time.perf_counter() - began - 0.2


@pytest.mark.parametrize("text", ["gpu", "cuda:x", "cpu:0", "", "cuda:", "cuda:999", "cuda:-1"])
def test_a_device_that_is_not_there_is_an_error(text: str) -> None:
    with pytest.raises(ReproError):
        choose_device(text)


def test_devices_that_are_there() -> None:
    assert choose_device("cpu") == choose_device(" CPU ") == CPU
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_number_formats() -> None:
    a = torch.rand(4, 4)
    with autocast("bf16", CPU):
        assert (a @ a).dtype == torch.bfloat16
    with autocast("float32", CPU):
        assert (a @ a).dtype == torch.float32
    apply_precision("float32", CPU)
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    with pytest.raises(ReproError, match="tf32"):
        apply_precision("tf32", CPU)


def test_provenance_is_json_and_names_the_essentials() -> None:
    found = json.loads(json.dumps(provenance(CPU)))
    assert found["packages"]["torch"] == torch.__version__
    assert found["device"]["name"]
    assert found["threads"] == torch.get_num_threads()
    assert found["settings"]["deterministic"] is True
    assert bool(found["code"]["commit"]) != bool(found["code"].get("no_commit"))  # the one or why not


def test_torchvision_imports_beside_any_torch() -> None:
    code = (
        "from repro.core.vision import torchvision; import torch\n"
        "from torchvision.transforms import v2\n"
        "flipped = v2.functional.horizontal_flip(torch.arange(4).view(1, 1, 4))\n"
        "assert flipped.flatten().tolist() == [3, 2, 1, 0]\n"
        "assert torchvision.utils.make_grid(torch.zeros(4, 3, 2, 2)).shape == (3, 6, 18)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
