"""Batches as matrices (N, D) in the order of memory, which is what the kernels read."""

from __future__ import annotations

import torch
from torch import Tensor


def memory_format(batch: Tensor) -> torch.memory_format | None:
    """Return the order of ``batch`` (N, ...): contiguous or channels last; None for any other strides."""
    if batch.is_contiguous():
        return torch.contiguous_format
    if batch.dim() == 4 and batch.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return None


def as_rows(batch: Tensor, order: torch.memory_format) -> Tensor:
    """Return ``batch`` (N, ...) as a matrix (N, D) in the given order: a view where it has that order."""
    if order == torch.channels_last:
        return batch.permute(0, 2, 3, 1).flatten(1)
    return batch.flatten(1)


class Rows:
    """Matrices (N, D) of several equally shaped batches, all in the order of the first one.

    The first batch is written: ``out`` is a view of it, or, if its strides are neither contiguous nor
    channels last, a copy that ``finish`` writes back. The others are views or copies.
    """

    def __init__(self, written: Tensor, *read: Tensor) -> None:
        order = memory_format(written)
        self._written = written
        self._copied = order is None
        self._order = torch.contiguous_format if order is None else order
        self.out = as_rows(written, self._order).contiguous()
        self.inputs = [as_rows(batch, self._order).contiguous() for batch in read]

    def finish(self) -> None:
        """Write the result back where ``out`` is a copy."""
        if self._copied:
            self._written.copy_(self.out.view(self._written.shape))
