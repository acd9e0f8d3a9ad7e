"""Which of a kernel's two implementations runs: plain torch, or Triton where it takes the tensors."""

from __future__ import annotations

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
def triton_installed() -> bool:
    """Return whether the package ``triton`` is here; it comes with torch's CUDA builds."""
    return find_spec("triton") is not None


def use_fused(*tensors: Tensor) -> bool:
    """Return whether the Triton kernel takes these: float32 on CUDA, and no gradient flows through it."""
    return triton_installed() and all(
        tensor.is_cuda
        and tensor.dtype == torch.float32
        and not (tensor.requires_grad and torch.is_grad_enabled())
        for tensor in tensors
    )


def fused_or(plain: Callable[P, R]) -> Callable[P, R]:
    """Return ``plain``, or for tensors that it takes its twin in ``kernels.fused``, named alike.

    ``plain`` takes any floating format, its tensors by position; it stays there as ``__wrapped__``.
    """
    twins = f"{__package__}.fused.{plain.__module__.rpartition('.')[2]}"

    @wraps(plain)
    def kernel(*args: P.args, **kwargs: P.kwargs) -> R:
        chosen = plain
        if use_fused(*(value for value in args if isinstance(value, Tensor))):
            chosen = getattr(import_module(twins), plain.__name__)
        return chosen(*args, **kwargs)

    return kernel
