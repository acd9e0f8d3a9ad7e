"""Devices, number formats, device time, and torchvision beside any torch."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
import torch

from repro.core.device import apply_precision, autocast, choose_device
from repro.core.errors import ReproError
from repro.core.timing import Stopwatch

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
