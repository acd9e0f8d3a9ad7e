"""Which of the two implementations runs."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor


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
