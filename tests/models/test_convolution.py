"""The cheaper forms of two convolutions: equal to torch's own up to rounding, gradients of gradients too."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from repro.core.memory_order import fastest_order
from repro.models import infomax_gan, sngan, ssgan
from repro.models.convolution import conv_and_halve, pointwise

ORDERS = [torch.contiguous_format, torch.channels_last]


def plain_halved(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.avg_pool2d(F.conv2d(maps, weight, bias, padding=1), 2)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("ours", "theirs", "kernel"), [(conv_and_halve, plain_halved, 3), (pointwise, F.conv2d, 1)]
)
@pytest.mark.parametrize("biased", [True, False])
def test_value_and_gradients(ours, theirs, kernel: int, biased: bool, order: torch.memory_format) -> None:
    draw = torch.Generator().manual_seed(1)
    maps = torch.randn(3, 5, 8, 12, generator=draw, dtype=torch.float64).contiguous(memory_format=order)
    weight = torch.randn(7, 5, kernel, kernel, generator=draw, dtype=torch.float64)
    bias = torch.randn(7, generator=draw, dtype=torch.float64) if biased else None
    wanted = [tensor.requires_grad_() for tensor in (maps, weight, bias) if tensor is not None]
    found = []
    for convolve in (ours, theirs):
        out = convolve(maps, weight, bias)
        slopes = torch.autograd.grad(out.square().sum(), wanted, create_graph=True)
        penalty = torch.autograd.grad(slopes[0].square().sum(), wanted)
        found.append([out, *slopes, *penalty])
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("family", [sngan, ssgan, infomax_gan])
def test_discriminators_lie_channels_last_on_the_cpu(family, size: int) -> None:
    """Their narrow 1x1 convolutions are matrix products, which oneDNN's fault does not reach."""
    network = family.Discriminator(size, width=0.03)
    assert fastest_order(network, torch.device("cpu"), "float32") is torch.channels_last
    placed = network.to(memory_format=torch.channels_last)
    logits = placed(torch.randn(4, 3, size, size).contiguous(memory_format=torch.channels_last))
    logits.sum().backward()
    assert all(p.grad is not None for p in placed.last.parameters())


def test_in_place_steps_leave_the_generators_gradients_alone() -> None:
    """Against difference quotients in double precision."""
    torch.manual_seed(0)
    network = sngan.Generator(32, width=0.03, latent_dim=4).double()
    z = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda latents: network(latents).mean(dim=(1, 2, 3)), (z,), atol=1e-6)
