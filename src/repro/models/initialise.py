"""Weight initialisation of whole networks."""

from __future__ import annotations

from typing import Literal

from torch import nn

Xavier = Literal["xavier_uniform", "xavier_normal"]


def xavier_(network: nn.Module, kind: Xavier) -> None:
    """Initialise every convolution and linear layer in place after Glorot and Bengio (2010); biases become 0.

    Args:
        network: the layers of it and of its children are initialised.
        kind: distribution of the weights; both have the same variance.
    """
    fill = nn.init.xavier_uniform_ if kind == "xavier_uniform" else nn.init.xavier_normal_
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fill(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
