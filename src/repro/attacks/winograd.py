"""3 x 3 convolutions with fixed weights by Winograd's F(4 x 4, 3 x 3), on the CPU.

A quarter of the multiplications: Lavin and Gray, "Fast algorithms for convolutional neural networks",
CVPR 2016. Each tile of 4 x 4 outputs comes from 6 x 6 inputs: transform them, multiply with the transformed
weights (36 matrix products over the channels), transform back. An attack's weights are fixed, so theirs are
transformed once, and the gradient with respect to the input is such a convolution too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

TILE, PATCH = 4, 6
TILES = 128
"""Tiles that are worked on at a time: few enough to stay in a core's share of the cache."""
LEAST_SAVING = 2.15
"""Direct multiplications for each one here from which this is faster, for it moves more memory.

Measured on AVX2, 32 images of 4 x 4 to 32 x 32 pixels: 1.2 times as fast at 64 channels (a saving of 2.2),
1.4 at 96, 1.5 at 128, 2 at 512, but 0.7 times at 32 (1.5).
"""

# Points 0, 1, -1, 2, -2 and infinity.
INPUT = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=torch.float64,
)
WEIGHT = (
    torch.tensor(
        [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64
    )
    / 24
)
OUTPUT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], dtype=torch.float64
)
INPUTS, WEIGHTS, OUTPUTS = (torch.kron(matrix, matrix).float() for matrix in (INPUT, WEIGHT, OUTPUT))


def saving(inputs: int, outputs: int) -> float:
    """Return the multiplications of the direct convolution for each one of Winograd's, given its channels."""
    direct = TILE**2 * 9 * inputs * outputs
    transforms = PATCH**4 * inputs + PATCH**2 * TILE**2 * outputs
    return direct / (PATCH**2 * inputs * outputs + transforms)


def suits(convolution: nn.Conv2d) -> bool:
    """Tell whether a convolution is of the kind that this is for, and wide enough to gain from it."""
    return (
        convolution.kernel_size == (3, 3)
        and convolution.stride == convolution.padding == convolution.dilation == (1, 1)
        and convolution.groups == 1
        and convolution.padding_mode == "zeros"
        and saving(convolution.in_channels, convolution.out_channels) >= LEAST_SAVING
    )


def transform(weight: Tensor) -> Tensor:
    """Return the transformed weights, float32 (36, in, out), of a convolution's (out, in, 3, 3)."""
    made, wide = weight.shape[:2]
    spectra = WEIGHTS @ weight.permute(2, 3, 1, 0).reshape(9, wide * made).float()
    return spectra.view(PATCH * PATCH, wide, made)


def convolve(images: Tensor, filters: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the convolution with padding 1, (N, out, H, W), laid out channels last.

    Its rounding errors are some four times those of the direct float32 convolution.

    Args:
        images: float32 (N, in, H, W), of any layout; H and W divisible by 4.
        filters: transformed weights (36, in, out).
        bias: (out,).
    """
    number, _, height, width = images.shape
    rows, columns = height // TILE, width // TILE
    made, wide = filters.shape[2], filters.shape[1]
    chunk = min(number, max(1, TILES // (rows * columns)))
    source = images.permute(0, 2, 3, 1)
    result = images.new_empty(number, height, width, made)
    padded = images.new_zeros(chunk, height + 2, width + 2, wide)
    down, along = padded.stride(1), padded.stride(2)
    patches = padded.as_strided(
        (PATCH, PATCH, chunk, rows, columns, wide),
        (down, along, padded.stride(0), TILE * down, TILE * along, 1),
    )
    tiles = images.new_empty(PATCH, PATCH, chunk, rows, columns, wide)
    spectra = images.new_empty(PATCH * PATCH, tiles[0, 0].numel())
    products = images.new_empty(PATCH * PATCH, chunk * rows * columns, made)
    pixels = images.new_empty(TILE * TILE, products[0].numel())
    placed = pixels.view(TILE, TILE, chunk, rows, columns, made).permute(2, 3, 0, 4, 1, 5)
    for start in range(0, number, chunk):
        held = min(chunk, number - start)
        padded[:held, 1:-1, 1:-1].copy_(source[start : start + held])
        tiles.copy_(patches)
        torch.mm(INPUTS, tiles.view(PATCH * PATCH, -1), out=spectra)
        torch.bmm(spectra.view(PATCH * PATCH, -1, wide), filters, out=products)
        torch.mm(OUTPUTS, products.view(PATCH * PATCH, -1), out=pixels)
        target = result[start : start + held].view(held, rows, TILE, columns, TILE, made)
        if bias is None:
            target.copy_(placed[:held])
        else:
            torch.add(placed[:held], bias, out=target)
    return result.permute(0, 3, 1, 2)


class WinogradConvolution(nn.Module):
    """Stands for a convolution whose weights are fixed, and follows them when told to.

    Args:
        convolution: one that ``suits``. It does the work itself under autocast, and where height or width
            are not divisible by 4.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.filters: Tensor | None = None
        self.filters_back: Tensor | None = None

    @torch.no_grad()
    def refresh(self) -> None:
        """Transform the weights, and where it pays those that lead a gradient back to the input."""
        weight = self.convolution.weight
        self.filters = transform(weight)
        if saving(*weight.shape[:2]) >= LEAST_SAVING:
            self.filters_back = transform(weight.flip(2, 3).transpose(0, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature maps (N, out, H, W) of ``images`` float32 (N, in, H, W)."""
        whole = images.shape[2] % TILE == images.shape[3] % TILE == 0
        plain = images.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        if self.filters is None or not (whole and plain):
            return self.convolution(images)  # type: ignore[no-any-return]
        back, weight, bias = self.filters_back, self.convolution.weight, self.convolution.bias
        return _Convolve.apply(images, self.filters, back, weight, bias)  # type: ignore


class _Convolve(torch.autograd.Function):
    """The convolution, differentiable once, with respect to its images alone."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, filters: Tensor, back: Tensor | None, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        ctx.back, ctx.weight = back, weight  # fixed weights, neither inputs to differentiate by nor results
        return convolve(images, filters, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.back is None:
            slope = F.conv_transpose2d(gradient, ctx.weight, padding=1)
        else:
            slope = convolve(gradient, ctx.back)
        return slope, None, None, None, None
