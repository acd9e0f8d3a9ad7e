"""In which order of memory networks lay out their images and feature maps."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn

from repro.core.spec import Precision

NARROW = 16
"""Input channels below which a 1 x 1 convolution stays out of channels-last order on the CPU."""


def fastest_order(network: nn.Module, device: torch.device, precision: Precision) -> torch.memory_format:
    """Return the order in which ``network`` runs fastest on ``device``: channels last where safe and faster.

    On CUDA it is faster in the formats of the tensor cores: on an H100 whole PGD on PreActResNet-18 takes 0.7
    (TF32) and 0.77 times (bf16) as long as in the usual order, but 1.3 times in float32 (torch 2.11).

    On the CPU it is not safe for networks with a narrow 1 x 1 convolution: oneDNN 3.12 (torch 2.13) corrupts
    the heap in the backward pass of such a one with stride 2 and 4 input channels. Networks without a
    convolution have nothing to gain. A layer that says ``as_product`` is a matrix product, not oneDNN's
    convolution. With weights of five dimensions torch cannot place a network channels last.
    """
    if any(tensor.dim() == 5 for tensor in chain(network.parameters(), network.buffers())):
        return torch.contiguous_format
    convolutions = convolutions_of(network)
    if device.type == "cuda":
        return torch.contiguous_format if precision == "float32" else torch.channels_last
    last = convolutions and not any(map(unsafe, convolutions))
    return torch.channels_last if last else torch.contiguous_format


def convolutions_of(network: nn.Module) -> list[nn.Conv2d]:
    """Return the 2-D convolutions of ``network``; one that makes its weight anew at each pass has none."""
    found = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    return [module for module in found if isinstance(getattr(module, "weight", None), Tensor)]


def unsafe(convolution: nn.Conv2d) -> bool:
    """Return whether a convolution must not run channels last on the CPU."""
    return is_narrow(convolution.weight) and not getattr(convolution, "as_product", False)


def is_narrow(weight: Tensor) -> bool:
    """Return whether ``weight`` (outputs, inputs, ...) is of a narrow 1 x 1 convolution."""
    return weight.shape[1] < NARROW and all(size == 1 for size in weight.shape[2:])


def is_channels_last(tensor: Tensor) -> bool:
    """Return whether ``tensor`` (N, C, H, W) lies channels last and not also in the usual order."""
    last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return last and not tensor.is_contiguous()


def order_of(network: nn.Module) -> torch.memory_format | None:
    """Return the order in which the convolutions' weights of ``network`` lie.

    None where they lie in both (those of one input channel or 1 x 1 do), or there are none.
    """
    weights = [convolution.weight for convolution in convolutions_of(network)]
    if any(map(is_channels_last, weights)):
        return torch.channels_last
    both = all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
    return None if both else torch.contiguous_format
