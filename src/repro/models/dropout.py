"""Dropout whose masks come from a run's own random stream, so that a resumed run draws the same ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class StreamDropout(nn.Module):
    """In training mode, set each value to 0 with probability ``p`` and divide the others by 1 - p.

    Srivastava et al. (2014); in eval mode the identity, and nothing is drawn.

    Args:
        p: probability of dropping a value, 0 <= p < 1.
        generator: the random stream, on the device of the values.
    """

    def __init__(self, p: float, generator: torch.Generator | None) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout probability {p} is not in [0, 1)")
        if p and generator is None:
            raise ValueError("dropout needs the random stream that its masks are drawn from")
        self.p = p
        self._generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with the same shape."""
        if not self.training or self.p == 0:
            return x
        return x * self.mask(torch.empty_like(x))

    def mask(self, empty: Tensor) -> Tensor:
        """Fill ``empty`` with what values are multiplied by: 0 or 1 / (1 - p), in its memory order."""
        keep = 1 - self.p
        return empty.bernoulli_(keep, generator=self._generator).div_(keep)


def drops(network: nn.Module) -> bool:
    """Return whether a pass through ``network`` in training draws random numbers."""
    return any(isinstance(module, StreamDropout) and module.p > 0 for module in network.modules())
