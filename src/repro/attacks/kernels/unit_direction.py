"""Vectors of length 1 along given ones."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.attacks.kernels.dispatch import fused_or
from repro.attacks.kernels.rows import as_rows, memory_format

TINY = 1e-30


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Return ``values`` (N,) shaped to multiply with ``like`` (N, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))


@fused_or
def unit_direction(vectors: Tensor) -> Tensor:
    """Return each sample of ``vectors`` (N, ...) divided by its L2 norm; a zero sample stays zero.

    A sample is divided by its largest value first: a well-trained classifier's gradients, or those of a
    saturated sigmoid, are so small that their squares would underflow to 0. In plain torch gradients flow
    through it.
    """
    return plain_unit_direction(vectors)


def plain_unit_direction(vectors: Tensor) -> Tensor:
    """Do the same in plain torch whatever the device."""
    largest = flat(vectors).abs().amax(dim=1)  # faster than vector_norm's infinite order
    scaled = vectors / per_image(largest.clamp_min(TINY), vectors)
    return scaled / per_image(lengths(scaled).clamp_min(TINY), vectors)


def lengths(vectors: Tensor) -> Tensor:
    """Return the L2 norm (N,) of each sample of ``vectors`` (N, ...)."""
    norms: Tensor = torch.linalg.vector_norm(flat(vectors), dim=1)
    return norms


def flat(vectors: Tensor) -> Tensor:
    """Return each sample of ``vectors`` (N, ...) as a row, its values in the order of memory.

    Nothing is copied where a sample lies in one piece, channels last included: a copy would cost several
    times as long as the norm that it is for.
    """
    return as_rows(vectors, memory_format(vectors) or torch.contiguous_format)
