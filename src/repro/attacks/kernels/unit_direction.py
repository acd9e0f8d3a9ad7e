"""Vectors of length 1 along given ones."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.attacks.kernels.dispatch import use_fused

TINY = 1e-30


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Return ``values`` (N,) shaped to multiply with ``like`` (N, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))


def unit_direction(vectors: Tensor) -> Tensor:
    """Return each sample of ``vectors`` (N, ...) divided by its L2 norm; a zero sample stays zero.

    A sample is divided by its largest value first: a well-trained classifier's gradients are so small that
    their squares would underflow to 0.
    """
    if use_fused(vectors):
        from repro.attacks.kernels.fused.unit_direction import unit_direction as fused

        return fused(vectors)
    return reference(vectors)


def reference(vectors: Tensor) -> Tensor:
    """Do the same in plain torch, any floating format; gradients flow through it."""
    scaled = vectors / per_image(vectors.flatten(1).abs().amax(dim=1).clamp_min(TINY), vectors)
    return scaled / per_image(lengths(scaled).clamp_min(TINY), vectors)


def lengths(vectors: Tensor) -> Tensor:
    """Return the L2 norm (N,) of each sample of ``vectors`` (N, ...)."""
    norms: Tensor = torch.linalg.vector_norm(vectors.flatten(1), dim=1)
    return norms
