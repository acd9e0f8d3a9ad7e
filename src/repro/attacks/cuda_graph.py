"""A step of an attack captured as CUDA graphs: one for the network's gradient, one for the kernel.

A small network's step is dozens of kernels of a few microseconds each, which take longer to launch than to
run. Replaying them costs one launch. The graphs keep reading the network's parameters where they lie, so they
see every in-place update of an optimiser.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from repro.attacks.checks import check_classes
from repro.attacks.climb import Climb
from repro.core.graphs import Beside
from repro.core.timing import part
from repro.models.divided import communicates

WARM_UP = 3
"""Steps before the capture: cuDNN chooses its algorithms, Triton compiles."""


class GraphedClimb:
    """A climb whose buffers stay, so that its step can be replayed for batch after batch.

    Args:
        climb: the step to capture, on a device with CUDA; its buffers are this one's. Its random state is
            untouched, as a network in eval mode draws nothing.

    Raises:
        RuntimeError: the network does something that a graph cannot hold (reads a value on the host, say).
    """

    def __init__(self, climb: Climb) -> None:
        self.labels = climb.labels = climb.labels.clone()
        self.images, self.attacked, self.sound = climb.images, climb.attacked, climb.sound
        beside = Beside(self.images.device)
        with beside.running():
            self.attacked.copy_(self.images)
            for _ in range(WARM_UP):
                climb.move(self.attacked, climb.gradient(), self.images)
        self._network, self._kernel = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with beside.captured(self._network):
            gradient = climb.gradient()
        with beside.captured(self._kernel, pool=self._network.pool()):
            climb.move(self.attacked, gradient, self.images)
        # The gradient's memory belongs to the graphs' pool, and must not be given back. The climb is not
        # kept: through its move it holds the attack, which holds this.
        self._gradient, self._classes, self._watch = gradient, climb.classes, climb.watch

    def load(self, images: Tensor, labels: Tensor, largest: int | None) -> None:
        """Take another batch of the same shape."""
        check_classes(largest, self._classes)
        self.images.copy_(images)
        self.labels.copy_(labels)
        if self.sound is not None:
            self.sound.fill_(True)

    def step(self) -> None:
        """Move ``attacked`` by one step."""
        with part(self._watch, "network"):
            self._network.replay()
        with part(self._watch, "kernel"):
            self._kernel.replay()


def can_be_graphed(network: nn.Module, images: Tensor) -> bool:
    """Return whether a capture may be tried: on CUDA, all in eval mode, and not within another capture."""
    return (
        images.is_cuda
        and not torch.cuda.is_current_stream_capturing()
        and not communicates()
        and not any(module.training for module in network.modules())
    )


def same_graph(
    network: nn.Module, images: Tensor, order: torch.memory_format, *, checked: bool
) -> tuple[object, ...]:
    """Return a key; batches with equal keys can share a captured step, gradients ``checked`` or not."""
    tensors = (*network.parameters(), *network.buffers())
    return (
        tuple(images.shape),
        images.device,
        order,
        checked,
        tuple(tensor.data_ptr() for tensor in tensors),
        torch.is_autocast_enabled("cuda"),
        torch.get_autocast_dtype("cuda"),
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.cudnn.conv.fp32_precision,  # type: ignore[attr-defined]
    )
