"""Batch norms in eval mode, multiplied into the convolutions before them.

In eval mode a batch norm is a fixed scale and shift per channel, which the convolution's weight and bias can
carry; that saves a pass over every feature map, forwards and backwards.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

SAMPLE = 2
"""Images on which a folded network must agree with the original before it is used."""


class Folded:
    """A network with folded batch norms that follows the original's weights.

    Args:
        graph: the network, in which each convolution of ``pairs`` stands for itself and its batch norm; other
            modules and parameters are the original's own.
        pairs: original convolution, original batch norm, and what stands for both.
    """

    def __init__(
        self, graph: fx.GraphModule, pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d, nn.Conv2d]]
    ) -> None:
        self.graph = graph
        self._pairs = pairs
        self._versions: tuple[int, ...] = ()

    @torch.no_grad()
    def refresh(self) -> None:
        """Take over the original's weights if they changed."""
        versions = tuple(
            tensor._version
            for convolution, norm, _ in self._pairs
            for tensor in (*convolution.parameters(), *norm.parameters(), *norm.buffers())
        )
        if versions == self._versions:
            return
        for convolution, norm, folded in self._pairs:
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
            folded.weight, folded.bias = weight.requires_grad_(False), bias.requires_grad_(False)
        self._versions = versions


def fold(network: nn.Module, images: Tensor) -> Folded | None:
    """Return ``network``, in eval mode, with its batch norms folded; None where that cannot be done.

    It cannot where no batch norm directly follows a plain convolution, where the network's code cannot be
    traced or has hooks, and where the traced network does not give the same logits, for it may contain what a
    trace loses, such as a change of number format.

    Args:
        network: images to one tensor or a tuple of them.
        images: a batch (N, C, H, W), of which the first two are tried.
    """
    modules = dict(network.named_modules())
    if not any(isinstance(module, nn.BatchNorm2d) for module in modules.values()):
        return None
    if any(module._forward_hooks or module._forward_pre_hooks for module in modules.values()):
        return None
    try:
        graph = fx.Tracer().trace(network)
    except Exception:  # a network's own code can fail in any way when given a stand-in for its images
        return None
    folded = _folded(network, modules, graph)
    if folded is None:
        return None
    folded.refresh()
    return folded if _agree(network, folded.graph, images[:SAMPLE]) else None


def _folded(network: nn.Module, modules: dict[str, nn.Module], graph: fx.Graph) -> Folded | None:
    calls = [str(node.target) for node in graph.nodes if node.op == "call_module"]
    replaced: dict[str, nn.Module] = {}
    pairs = []
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
        with torch.device("meta"):
            both = nn.Conv2d(
                convolution.in_channels,
                convolution.out_channels,
                convolution.kernel_size,  # type: ignore[arg-type]
                convolution.stride,  # type: ignore[arg-type]
                convolution.padding,  # type: ignore[arg-type]
                convolution.dilation,  # type: ignore[arg-type]
                convolution.groups,
                padding_mode=convolution.padding_mode,
            )
        both.eval()
        pairs.append((convolution, norm, both))
        replaced[names[0]] = both
        node.replace_all_uses_with(before)
        graph.erase_node(node)
    if not pairs:
        return None
    used = {name: module for name, module in modules.items() if name in calls} | replaced
    attributes = {
        str(node.target): _attribute(network, str(node.target))
        for node in graph.nodes
        if node.op == "get_attr"
    }
    return Folded(fx.GraphModule({**used, **attributes}, graph), pairs)


def _attribute(network: nn.Module, path: str) -> object:
    found: object = network
    for name in path.split("."):
        found = getattr(found, name)
    return found


@torch.no_grad()
def _agree(network: nn.Module, folded: nn.Module, images: Tensor) -> bool:
    expected, found = network(images), folded(images)
    if isinstance(expected, Tensor):
        expected, found = (expected,), (found,)
    return all(
        torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(one.abs().max()))
        for one, other in zip(expected, found, strict=True)
    )
