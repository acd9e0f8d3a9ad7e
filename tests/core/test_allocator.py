"""Freed memory stays in the process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from repro.core.allocator import keep_freed_memory

FAULTS = """
import resource, sys
from repro.core.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
import torch
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(16):  # the heap takes a few rounds to grow
    torch.ones(2**24)
before = faults()
for _ in range(4):
    torch.ones(2**24)
print(faults() - before)
"""


def faults(how: str) -> int:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    command = [sys.executable, "-c", FAULTS, how]
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc gives memory back like this")
def test_a_freed_tensor_is_reused_without_page_faults() -> None:
    plain = faults("plain")
    assert plain > 100
    assert faults("keep") < 0.1 * plain


def test_a_c_library_that_does_not_know_how_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_freed_memory()
