"""Two convolutions in forms that cost less than torch's own calls and give the same maps up to rounding."""

from __future__ import annotations

from torch import Tensor
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
