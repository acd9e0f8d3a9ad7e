"""An attack's kernels alone: the one that the device gets, plain torch, torch.compile, and a copy of memory.

``bandwidth`` is what the kernel moves (three reads, one write) per second as a share of what a copy moves.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch._dynamo.exc import TorchDynamoException

from repro.attacks.kernels.dispatch import use_fused
from repro.attacks.kernels.steps import l2_step_, linf_step_
from subjects import seconds

STEPS = {"linf_step": linf_step_, "l2_step": l2_step_}
LIMITS = {"step_size": 0.01, "radius": 0.03, "low": 0.0, "high": 1.0}


@pytest.mark.benchmark(group="kernels")
@pytest.mark.parametrize("side", [32, 64, 128])
@pytest.mark.parametrize("name", STEPS)
def test_kernel(
    name: str,
    side: int,
    benchmark: BenchmarkFixture,
    device: torch.device,
    rounds: int,
) -> None:
    torch.manual_seed(0)
    # on CUDA far more than its cache holds; on the CPU a batch as attacks see it
    samples = 128 if device.type == "cpu" else 2**26 // (3 * side * side)
    images, gradient = torch.rand(samples, 3, side, side, device=device), torch.randn(samples, 3, side, side)
    gradient, attacked = gradient.to(device), images.clone()
    chosen = STEPS[name]
    plain = chosen.__wrapped__  # type: ignore[attr-defined]
    compiled = torch.compile(plain, dynamic=False)

    expected, found = images.clone(), images.clone()
    plain(expected, images, gradient, **LIMITS)
    chosen(found, images, gradient, **LIMITS)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    compiles = True
    try:
        compiled(by_compiler := images.clone(), images, gradient, **LIMITS)
        torch.testing.assert_close(by_compiler, expected, rtol=0, atol=1e-6)
    except TorchDynamoException as error:
        # torch 2.13's compiler for the CPU fails on the L2 step (KeyError: 'buf2')
        warnings.warn(f"torch.compile cannot compile {name}: {error}", stacklevel=1)
        compiles = False

    def timed(call: Callable[[], object]) -> float:
        return seconds(call, device, warmup=3, repeats=max(rounds, 20))

    eager = timed(lambda: plain(attacked, images, gradient, **LIMITS))
    by_compiler_s = timed(lambda: compiled(attacked, images, gradient, **LIMITS)) if compiles else None
    copy = timed(lambda: attacked.copy_(images))
    own = timed(lambda: chosen(attacked, images, gradient, **LIMITS))

    def run() -> None:
        chosen(attacked, images, gradient, **LIMITS)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    benchmark.pedantic(run, rounds=rounds, warmup_rounds=2)
    benchmark.extra_info |= {
        "precision": "float32",
        "implementation": "triton" if use_fused(attacked, images, gradient) else "torch",
        "values": images.numel(),
        "device_s": f"{own:.4g}",
        "eager_ratio": f"{eager / own:.3f}",
        "compile_ratio": "fails" if by_compiler_s is None else f"{by_compiler_s / own:.3f}",
        "bandwidth": f"{(4 / own) / (2 / copy):.3f}",
    }
