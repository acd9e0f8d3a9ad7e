"""Which of a kernel's two implementations runs: plain torch, or Triton where it takes the tensors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from importlib.util import find_spec
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


@cache
def triton_works(device: torch.device) -> bool:
    """Return whether Triton compiles and runs a kernel on this CUDA device; tried once.

    ``triton`` comes with torch's CUDA builds, but it takes a C compiler when it is used first.
    """
    if find_spec("triton") is None:
        return False
    try:
        from repro.attacks.kernels.fused.dat_step import dat_step

        one = torch.ones(1, device=device)
        works = bool(dat_step(one, one, step_size=1.0, clamp=1.0, low=-1.0, high=1.0) == 0)
    except Exception as error:  # whatever the compiler, the driver or the machine lacks
        lines = str(error).strip().splitlines()
        why = f"{type(error).__name__}: {lines[-1] if lines else ''}"
    else:
        why = "a kernel's result is wrong"
        if works:
            return True
    warnings.warn(f"attacks run in plain torch, slower: Triton cannot be used here ({why})", stacklevel=2)
    return False


def use_fused(*tensors: Tensor) -> bool:
    """Return whether the Triton kernel takes these: float32 on CUDA, and no gradient flows through it."""
    return all(
        tensor.is_cuda
        and tensor.dtype == torch.float32
        and not (tensor.requires_grad and torch.is_grad_enabled())
        for tensor in tensors
    ) and triton_works(tensors[0].device)


def fused_or(plain: Callable[P, R]) -> Callable[P, R]:
    """Return ``plain``, or for tensors that it takes its twin in ``kernels.fused``, named alike.

    ``plain`` takes any floating format, its tensors by position; it stays there as ``__wrapped__``.
    """
    twins = f"{__package__}.fused.{plain.__module__.rpartition('.')[2]}"

    @wraps(plain)
    def kernel(*args: P.args, **kwargs: P.kwargs) -> R:
        tensors = [value for value in args if isinstance(value, Tensor)]
        if not use_fused(*tensors):
            return plain(*args, **kwargs)
        with torch.cuda.device(tensors[0].device):  # Triton launches on the current one
            fused: Callable[P, R] = getattr(import_module(twins), plain.__name__)
            return fused(*args, **kwargs)

    return kernel
