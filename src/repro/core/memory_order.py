"""Which networks may lay out their images and feature maps channels last."""

from __future__ import annotations

import torch
from torch import nn

NARROW = 16
"""Input channels below which a 1 x 1 convolution stays out of channels-last order on the CPU."""


def fastest_order(network: nn.Module, device: torch.device) -> torch.memory_format:
    """Return the order in which ``network`` runs fastest on ``device``: channels last wherever it is safe.

    On the CPU it is not safe for networks with a narrow 1 x 1 convolution: oneDNN 3.12 (torch 2.13) corrupts
    the heap in the backward pass of such a one with stride 2 and 4 input channels. Networks without a
    convolution have nothing to gain. A layer that says ``as_product`` is a matrix product, not oneDNN's
    convolution.
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    if device.type == "cuda":
        return torch.channels_last
    narrow = any(
        module.kernel_size == (1, 1)
        and module.in_channels // module.groups < NARROW
        and not getattr(module, "as_product", False)
        for module in convolutions
    )
    return torch.contiguous_format if narrow or not convolutions else torch.channels_last
