"""Where Triton cannot compile, attacks run in plain torch all the same, and say so once."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("triton") is None, reason="triton is not installed (extra 'interpreter')"
)
# A process that takes its tensors for CUDA's: Triton is here, a C compiler and a GPU's driver are not.
CODE = """
import contextlib, warnings
from unittest import mock
import torch
from repro.attacks.kernels.dispatch import triton_works
from repro.attacks.kernels.steps import linf_step_, l2_step_

images, slope = torch.rand(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
limits = {"step_size": 0.1, "radius": 0.2, "low": 0.0, "high": 1.0}
cuda = mock.patch.object(torch.Tensor, "is_cuda", property(lambda tensor: True))
with cuda, warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for step in (linf_step_, l2_step_, linf_step_):
        found, expected = images.clone(), images.clone()
        step(found, images, slope, **limits)
        step.__wrapped__(expected, images, slope, **limits)
        assert torch.equal(found, expected)
print([str(warning.message) for warning in caught])
"""


def test_triton_is_tried_once_and_replaced_by_plain_torch() -> None:
    kept = {
        name: os.environ[name] for name in ("PYTHONPATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**kept, "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (said,) = eval(done.stdout)
    assert said.startswith("attacks run in plain torch, slower: Triton cannot be used here (")
    assert "Error" in said
