"""Which networks are laid out channels last, and in which order one lies."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from repro.core.memory_order import fastest_order, order_of
from repro.core.spec import Precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("layer", "order"),
    [
        (nn.Conv2d(3, 8, 3), torch.channels_last),
        (nn.Conv2d(16, 8, 1, stride=2), torch.channels_last),
        (nn.Conv2d(4, 8, 1, stride=2), torch.contiguous_format),
        (nn.Conv2d(32, 32, 1, groups=8), torch.contiguous_format),
        (nn.Linear(4, 4), torch.contiguous_format),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv3d(1, 4, 3)), torch.contiguous_format),
    ],
)
def test_channels_last_on_the_cpu_except_around_narrow_1_x_1_convolutions(
    layer: nn.Module, order: torch.memory_format
) -> None:
    assert fastest_order(nn.Sequential(layer, nn.ReLU()), CPU, "float32") is order


@pytest.mark.parametrize(
    ("precision", "order"),
    [
        ("float32", torch.contiguous_format),
        ("tf32", torch.channels_last),
        ("bf16", torch.channels_last),
    ],
)
def test_cuda_takes_channels_last_in_the_formats_of_the_tensor_cores(
    precision: Precision, order: torch.memory_format
) -> None:
    assert fastest_order(nn.Conv2d(4, 8, 1, stride=2), torch.device("cuda"), precision) is order


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_order_of_a_network_is_that_of_the_weights_that_have_one(order: torch.memory_format) -> None:
    # a 1 x 1 convolution and one of a single input channel lie in both orders at once
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten()
    )
    assert order_of(network.to(memory_format=order)) is order
    assert order_of(network[1:]) is None
    assert order_of(network[3:]) is None
