"""Several networks of one architecture as one: their weights stacked, their passes one program.

Each network is a group of channels of grouped convolutions. A network must offer ``stages``: its layers in
the order in which they are applied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repro.core.memory_order import order_of
from repro.models.dropout import StreamDropout

Program = Callable[[Tensor, "StackedNetworks"], Tensor]


_CHANNEL_BY_CHANNEL = (
    nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Flatten,
    StreamDropout,
)  # fmt: skip
"""Layers that do to each channel what they would do without the others."""


@runtime_checkable
class Staged(Protocol):
    """A network that is a chain of layers."""

    def stages(self) -> list[nn.Module]:
        """Return the layers in the order in which they are applied."""
        ...


def stackable(network: nn.Module) -> bool:
    """Return whether a network is a chain of layers that all have a grouped form, with no weight frozen."""
    trained = all(weight.requires_grad for weight in network.parameters())
    return trained and isinstance(network, Staged) and all(map(_has_grouped_form, network.stages()))


def _has_grouped_form(layer: nn.Module) -> bool:
    if type(layer) is not nn.Conv2d:  # what inherits from it may compute something else
        return type(layer) in _CHANNEL_BY_CHANNEL
    plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
    return plain and layer.bias is not None


class StackedNetworks(nn.Module):
    """K networks side by side; from the images of all of them, one after the other, to their outputs.

    The networks' own parameters become views into the stacked ones, so that a step of an optimiser over these
    is a step of every network, and each can be saved or evaluated as ever.

    Args:
        networks: of one architecture, each ``stackable``; dropout layers keep their own random streams.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.models = len(networks)
        # in which the networks alone would draw their masks
        self.order = order_of(networks[0]) or torch.contiguous_format
        self.stacked = nn.ParameterDict()
        for name, _ in networks[0].named_parameters():
            together = torch.stack([dict(network.named_parameters())[name].detach() for network in networks])
            self.stacked[_key(name)] = nn.Parameter(together.contiguous())
        for k, network in enumerate(networks):
            for name, parameter in network.named_parameters():
                parameter.data = self.stacked[_key(name)].data[k]
        chains = [cast(Staged, network).stages() for network in networks]
        dropouts = [layers for layers in zip(*chains, strict=True) if isinstance(layers[0], StreamDropout)]
        self.dropouts = nn.ModuleList([nn.ModuleList(layers) for layers in dropouts])
        names = {id(parameter): _key(name) for name, parameter in networks[0].named_parameters()}
        # None stands for dropout
        self._steps = [
            None if isinstance(layer, StreamDropout) else _grouped(layer, names) for layer in chains[0]
        ]

    def forward(self, images: Tensor) -> Tensor:
        """Return the outputs (K * N, ...) of ``images`` (K * N, C, H, W): N for each network in turn."""
        x = self._as_groups(images.view(self.models, -1, *images.shape[1:]))
        dropouts = iter(self.dropouts)
        for step in self._steps:
            x = self._drop(x, cast(nn.ModuleList, next(dropouts))) if step is None else step(x, self)
        return self._apart(x).flatten(0, 1)

    def _as_groups(self, x: Tensor) -> Tensor:
        """Return (N, K * C, ...) of (K, N, C, ...)."""
        return x.transpose(0, 1).flatten(1, 2)

    def _apart(self, x: Tensor) -> Tensor:
        """Return (K, N, C, ...) of the grouped (N, K * C, ...)."""
        return x.view(len(x), self.models, -1, *x.shape[2:]).transpose(0, 1)

    def _drop(self, x: Tensor, layers: nn.ModuleList) -> Tensor:
        if not self.training:
            return x
        masks = [
            cast(StreamDropout, layer).mask(torch.empty_like(part, memory_format=self.order))
            for layer, part in zip(layers, self._apart(x), strict=True)
        ]
        return x * self._as_groups(torch.stack(masks))


def _key(name: str) -> str:
    return name.replace(".", "/")  # a ParameterDict takes no dots


def _grouped(layer: nn.Module, names: dict[int, str]) -> Program:
    """Return what is applied to (N, K * C, H, W) where ``layer`` is to one network's (N, C, H, W)."""
    if not isinstance(layer, nn.Conv2d):
        return lambda x, stack: cast(Tensor, layer(x))
    assert layer.bias is not None
    weight, bias = names[id(layer.weight)], names[id(layer.bias)]
    stride, padding = layer.stride, cast(tuple[int, int], layer.padding)

    def convolve(x: Tensor, stack: StackedNetworks) -> Tensor:
        weights, biases = stack.stacked[weight].flatten(0, 1), stack.stacked[bias].flatten()
        return F.conv2d(x, weights, biases, stride, padding, groups=stack.models)

    return convolve
