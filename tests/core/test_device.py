"""Devices, number formats, device time, and torchvision beside any torch."""

from __future__ import annotations

import subprocess
import sys
import time
from unittest import mock

import pytest
import torch

from repro.core import timing
from repro.core.device import apply_precision, autocast, choose_device, without_tf32
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch, Stopwatch

CPU = torch.device("cpu")


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


def test_what_a_graph_holds_counts_at_each_replay() -> None:
    """A replay records the events inside its graph anew; the newest counts for all since the last look."""
    took = iter([3.0, 5.0, 7.0])  # milliseconds, at each look

    def event(*, enable_timing: bool, external: bool) -> mock.Mock:
        assert enable_timing
        assert external  # else a capture would make a dependency of it instead of a record
        return mock.Mock(elapsed_time=lambda last: next(took))

    cuda = mock.Mock(is_current_stream_capturing=lambda: True, Event=event)
    watch = SplitWatch(torch.device("cuda"))
    with mock.patch.object(timing.torch, "cuda", cuda):
        with watch.part("network"):  # captured by somebody who counts no replays
            pass
        with watch.capturing() as parts, watch.part("network"):
            pass
        assert watch.seconds == {}
        for _ in range(4):
            watch.replayed(parts)
        assert watch.seconds == pytest.approx({"network": 4 * 0.003})
        assert watch.seconds == pytest.approx({"network": 4 * 0.003})  # no replay, no time
        watch.replayed(parts)
        assert watch.seconds == pytest.approx({"network": 4 * 0.003 + 0.005})


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
    assert not torch.backends.cudnn.allow_tf32  # torch's older name, which raises where the two differ
    assert not torch.backends.cuda.matmul.allow_tf32
    with torch.backends.cudnn.flags():
        pass
    with pytest.raises(ReproError, match="tf32"):
        apply_precision("tf32", CPU)
    with mock.patch.object(torch.cuda, "get_device_capability", return_value=(8, 0)):
        apply_precision("tf32", torch.device("cuda"))
    assert torch.backends.cudnn.allow_tf32
    assert torch.backends.cuda.matmul.allow_tf32
    apply_precision("float32", CPU)
    assert not torch.backends.cudnn.allow_tf32


def formats() -> list[object]:
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    return [
        cuda.allow_tf32, cudnn.allow_tf32,
        cuda.fp32_precision, cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision,
    ]  # fmt: skip


def test_without_tf32_all_is_float32_and_afterwards_as_before() -> None:
    for precision in ("tf32", "float32"):
        with mock.patch.object(torch.cuda, "get_device_capability", return_value=(8, 0)):
            apply_precision(precision, torch.device("cuda"))  # type: ignore[arg-type]
        before = formats()
        with pytest.raises(ZeroDivisionError), without_tf32():
            assert formats() == [False, False, "ieee", "ieee", "ieee"]
            raise ZeroDivisionError
        assert formats() == before


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
