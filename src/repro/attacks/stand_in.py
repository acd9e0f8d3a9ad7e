"""A traced copy of a network in eval mode that gives the same logits faster on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from repro.attacks.execution import Execution
from repro.attacks.folding import FoldedConvolution, fold
from repro.attacks.winograd import WinogradConvolution, suits

SAMPLE = 2
"""Images on which a stand-in must agree with the original before it is used, together and one by one."""


class StandIn:
    """A network's stand-in, which follows the original's weights.

    Args:
        network: the original.
        graph: the network, with some modules replaced; the others and the parameters are the original's own.
        parts: what stands for convolutions; one that has another's weights comes after it.

    Attributes:
        one_by_one: whether an image's outputs are known to be the same without the others of its batch.
    """

    def __init__(
        self,
        network: nn.Module,
        graph: fx.GraphModule,
        parts: Sequence[FoldedConvolution | WinogradConvolution],
    ) -> None:
        self.graph = graph
        self.one_by_one = False
        self._parts = parts
        self._followed = [*network.parameters(), *network.buffers()]
        self._versions: list[int] = []

    def refresh(self) -> None:
        """Take over the original's weights if they changed."""
        versions = [tensor._version for tensor in self._followed]
        if versions != self._versions:
            for part in self._parts:
                part.refresh()
            self._versions = versions


def stand_in(network: nn.Module, images: Tensor, execution: Execution) -> StandIn | None:
    """Return a stand-in for ``network``, in eval mode; None where there is none.

    There is none where nothing in the network can be done faster, where its code cannot be traced or has
    hooks, and where the traced network does not give the same logits, for it may contain what a trace loses,
    such as a change of number format.

    Args:
        network: images to one tensor or a tuple of them; weights are float32.
        images: a batch (N, C, H, W), of which the first two are tried.
        execution: what may be used.
    """
    modules = dict(network.named_modules())
    if any(module._forward_hooks or module._forward_pre_hooks for module in modules.values()):
        return None
    if not any(_can_be_faster(module, execution) for module in modules.values()):
        return None
    try:
        graph = fx.Tracer().trace(network)
    except Exception:  # a network's own code can fail in any way when given a stand-in for its images
        return None
    folded = fold(graph, modules) if execution.fold_batch_norm else {}
    used = {str(node.target) for node in graph.nodes if node.op == "call_module"}
    held: dict[str, nn.Module] = {name: modules[name] for name in used} | folded
    fast = {
        name: WinogradConvolution(module)
        for name, module in held.items()
        if isinstance(module, nn.Conv2d)
        and type(module) in (nn.Conv2d, FoldedConvolution)
        and execution.winograd
        and suits(module)
    }
    if not (folded or fast):
        return None
    attributes = {
        str(node.target): _attribute(network, str(node.target))
        for node in graph.nodes
        if node.op == "get_attr"
    }
    traced = fx.GraphModule({**held, **fast, **attributes}, graph)
    found = StandIn(network, traced, [*folded.values(), *fast.values()])
    found.refresh()
    few = images[:SAMPLE] if len(images) > 1 else torch.cat((images, images.flip(-1)))
    logits = _logits(traced, few)
    if not _near(_logits(network, few), logits):
        return None
    single = [_logits(traced, image) for image in few.tensor_split(len(few))]
    found.one_by_one = _near([torch.cat(heads) for heads in zip(*single, strict=True)], logits)
    return found


def _can_be_faster(module: nn.Module, execution: Execution) -> bool:
    """Tell whether a trace, which costs time, may find something to do about ``module``."""
    if isinstance(module, nn.BatchNorm2d):
        return execution.fold_batch_norm
    return execution.winograd and type(module) is nn.Conv2d and suits(module)


def _attribute(network: nn.Module, path: str) -> object:
    found: object = network
    for name in path.split("."):
        found = getattr(found, name)
    return found


@torch.no_grad()
def _logits(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Return the outputs of each of the network's heads."""
    outputs = network(images)
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def _near(expected: Sequence[Tensor], found: Sequence[Tensor]) -> bool:
    return all(
        torch.allclose(one, two, rtol=1e-3, atol=1e-4 * float(one.abs().max()))
        for one, two in zip(expected, found, strict=True)
    )
