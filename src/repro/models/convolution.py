"""Convolutions in forms that cost less than torch's own calls and give the same maps up to rounding."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

_CORNERS = ((1, 0, 1, 0), (0, 1, 1, 0), (1, 0, 0, 1), (0, 1, 0, 1))


def conv_and_halve(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the 3x3 convolution of ``maps``, then the mean of each 2x2 square.

    The mean of four shifted 3x3 windows is one 4x4 window with stride 2: 16 products for each value of the
    result instead of 36, and the map of full size is never made.

    Args:
        maps: (N, in, H, W), H and W even.
        weight: (out, in, 3, 3).
        bias: (out,) or None.
    """
    window = sum((F.pad(weight, corner) for corner in _CORNERS[1:]), F.pad(weight, _CORNERS[0]))
    return F.conv2d(maps, window / 4, bias, stride=2, padding=1)


def pointwise(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the 1x1 convolution of ``maps`` as one matrix product over all their places.

    With maps in channels-last order nothing is copied; the result is in that order. It also keeps narrow maps
    out of oneDNN's convolutions, see ``core/memory_order.py``.

    Args:
        maps: (N, in, H, W).
        weight: (out, in, 1, 1).
        bias: (out,) or None.
    """
    return F.linear(maps.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)


class Convolution(nn.Conv2d):
    """A convolution that keeps the size of the map; Xavier-uniform, as SN-GAN and WGAN-GP have it.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the square kernel.
        gain: of the Xavier initialisation.
        bias: whether there is one.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, gain: float, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias)
        nn.init.xavier_uniform_(self.weight, gain)
        self.as_product = kernel_size == 1

    def weights(self) -> Tensor:
        """Return the weight (out, in, k, k) of this pass."""
        return self.weight

    def forward(self, input: Tensor, halve: bool = False) -> Tensor:
        """Return the maps (N, out, H, W) of maps (N, in, H, W).

        Args:
            input: the maps.
            halve: average over squares of 2x2, to (N, out, H/2, W/2); of a 3x3 convolution.
        """
        if halve:
            return conv_and_halve(input, self.weights(), self.bias)
        if self.as_product:
            return pointwise(input, self.weights(), self.bias)
        return F.conv2d(input, self.weights(), self.bias, padding=self.kernel_size[0] // 2)
