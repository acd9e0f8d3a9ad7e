"""The memory order of an attack: tried on the network itself, and taken only where nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attack_networks import CLASSES, Head, built, convolution, differences, images_for, traces
from repro.attacks.attack_mode import attack_mode
from repro.attacks.layout import LEAST_IMAGES, LEAST_STEPS, image_order, laid_out
from repro.attacks.network import Network
from repro.attacks.threat_model import BatchNormMode

LAST, OWN = torch.channels_last, torch.contiguous_format


def order_of(
    module: nn.Module, images: Tensor, steps: int = LEAST_STEPS, mode: BatchNormMode = "eval"
) -> torch.memory_format:
    labels = torch.arange(len(images)) % CLASSES
    network = Network(module)
    with attack_mode(module, mode):
        return image_order(module, images, labels, "cross_entropy", network=network, steps=steps, mode=mode)


class Functional(Head):
    """A convolution that no module of the network shows: 1 x 1, stride 2, few channels."""

    def forward(self, images: Tensor) -> Tensor:
        maps = F.conv2d(images, self.features[0].weight[:, :, :1, :1], stride=2)
        return self.last(maps.mean(dim=(2, 3)))


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("batch norm", LAST),
        ("in place, wide", LAST),
        ("resnet18", LAST),
        ("hooks", LAST),
        ("view", OWN),  # raises in another order
        ("as_strided", OWN),  # is another function in another order, without an error
        ("random", OWN),  # no two passes are equal
        ("bfloat16", OWN),
        ("no parameters", OWN),
    ],
)
def test_the_trial_decides_and_leaves_no_trace(name: str, order: torch.memory_format) -> None:
    network, (images, _) = built(name), images_for(name, LEAST_IMAGES)
    before, state = traces(network), torch.get_rng_state()
    assert order_of(network, images) is order
    assert differences(before, network) == []
    assert torch.equal(torch.get_rng_state(), state)


class Slanted(torch.autograd.Function):
    """Passes its input on; its gradient is 2 % longer where that lies channels last."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        ctx.last = maps.is_contiguous(memory_format=LAST)
        return maps.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * (1.02 if ctx.last else 1.0)


def test_a_gradient_that_is_a_little_wrong_for_every_image_is_seen() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = built("batch norm")

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.inner(Slanted.apply(images))
            return logits

    images, _ = images_for("batch norm", LEAST_IMAGES)
    assert order_of(Network(), images) is OWN


def test_little_work_batch_statistics_and_placed_weights_need_no_trial() -> None:
    images, _ = images_for("batch norm", LEAST_IMAGES)
    network = built("batch norm")
    assert order_of(network, images[1:]) is OWN
    assert order_of(network, images, steps=LEAST_STEPS - 1) is OWN
    assert order_of(network, images, mode="train") is OWN
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert order_of(network, images) is OWN
    assert order_of(network, images.contiguous(memory_format=LAST)) is LAST
    assert order_of(network.to(memory_format=LAST), images) is OWN  # its maps are channels last already


def test_a_narrow_pointwise_convolution_is_found_wherever_it_is_called() -> None:
    """oneDNN corrupts the heap in its backward pass; a trial must not even begin it."""
    images, _ = images_for("batch norm", LEAST_IMAGES)
    torch.manual_seed(0)
    assert order_of(Functional(convolution()), images) is OWN
    assert order_of(Head(nn.Conv2d(3, 8, 1, stride=2)), images) is OWN


def test_weights_are_laid_out_for_a_while_and_come_back_after_an_error() -> None:
    network = built("tied and shared")
    before = traces(network)
    expected = network(images_for("hooks")[0])
    with pytest.raises(ArithmeticError), laid_out(network, LAST):
        assert network.first.weight.is_contiguous(memory_format=LAST)
        assert network.first.weight is network.second.weight
        torch.testing.assert_close(network(images_for("hooks")[0]), expected)
        raise ArithmeticError
    assert differences(before, network) == []
