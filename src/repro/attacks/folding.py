"""Batch norms in eval mode, multiplied into the convolutions before them.

In eval mode a batch norm is a fixed scale and shift per channel, which the convolution's weight and bias can
carry; that saves a pass over every feature map, forwards and backwards.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


class FoldedConvolution(nn.Conv2d):
    """Stands for a convolution and the batch norm after it, and follows their weights when told to."""

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        with torch.device("meta"):  # the weights come with ``refresh``
            super().__init__(
                convolution.in_channels,
                convolution.out_channels,
                convolution.kernel_size,  # type: ignore[arg-type]
                convolution.stride,  # type: ignore[arg-type]
                convolution.padding,  # type: ignore[arg-type]
                convolution.dilation,  # type: ignore[arg-type]
                convolution.groups,
                padding_mode=convolution.padding_mode,
            )
        self._pair = convolution, norm

    @torch.no_grad()
    def refresh(self) -> None:
        """Take over the weights of convolution and norm."""
        convolution, norm = self._pair
        assert norm.running_mean is not None
        assert norm.running_var is not None
        weight, bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        self.weight, self.bias = weight.requires_grad_(False), bias.requires_grad_(False)


def fold(graph: fx.Graph, modules: Mapping[str, nn.Module]) -> dict[str, FoldedConvolution]:
    """Take the batch norms that directly follow a plain convolution out of ``graph``.

    Args:
        graph: a traced network, changed in place.
        modules: the network's modules by name.

    Returns:
        What stands for a convolution and its norm, by the convolution's name.
    """
    calls = [str(node.target) for node in graph.nodes if node.op == "call_module"]
    folded = {}
    for node in list(graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
            continue
        names = str(before.target), str(node.target)
        convolution, norm = modules[names[0]], modules[names[1]]
        once = all(calls.count(name) == 1 for name in names)
        if not (type(convolution) is nn.Conv2d and type(norm) is nn.BatchNorm2d and once):
            continue
        if norm.training or norm.running_mean is None or hasattr(convolution, "parametrizations"):
            continue
        folded[names[0]] = FoldedConvolution(convolution, norm)
        node.replace_all_uses_with(before)
        graph.erase_node(node)
    return folded
