"""Which networks are laid out channels last."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from repro.core.memory_order import fastest_order

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("layer", "order"),
    [
        (nn.Conv2d(3, 8, 3), torch.channels_last),
        (nn.Conv2d(16, 8, 1, stride=2), torch.channels_last),
        (nn.Conv2d(4, 8, 1, stride=2), torch.contiguous_format),
        (nn.Conv2d(32, 32, 1, groups=8), torch.contiguous_format),
        (nn.Linear(4, 4), torch.contiguous_format),
    ],
)
def test_channels_last_on_the_cpu_except_around_narrow_1_x_1_convolutions(
    layer: nn.Module, order: torch.memory_format
) -> None:
    assert fastest_order(nn.Sequential(layer, nn.ReLU()), CPU) is order


def test_cuda_always_takes_channels_last() -> None:
    assert fastest_order(nn.Conv2d(4, 8, 1, stride=2), torch.device("cuda")) is torch.channels_last
