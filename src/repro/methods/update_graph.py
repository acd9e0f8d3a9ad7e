"""Whole updates of a GAN's networks as CUDA graphs: one launch for some thousand small kernels.

The first updates run as they are (cuDNN chooses its algorithms, Triton compiles, Adam makes its moments) and
train like any other. The next one is captured, which runs nothing, and from then on each update copies its
inputs into the captured ones' places and replays. What an update needs of chance and of the data it is given
as inputs; it draws nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from repro.core.graphs import Beside
from repro.core.timing import SplitWatch

WARM_UP = 3
"""Updates before the capture."""

Record = dict[str, Tensor]
Update = Callable[..., Record]


class _Captured:
    """One captured update with its inputs and results, whose memory stays, and its timed parts."""

    def __init__(self, update: Update, inputs: tuple[Tensor, ...], beside: Beside, watch: SplitWatch) -> None:
        self.inputs = tuple(tensor.clone() for tensor in inputs)
        self.graph, self.watch = torch.cuda.CUDAGraph(), watch
        with watch.capturing() as self.parts, beside.captured(self.graph):
            self.record = update(*self.inputs)

    def __call__(self, inputs: tuple[Tensor, ...]) -> Record:
        for place, tensor in zip(self.inputs, inputs, strict=True):
            place.copy_(tensor)
        self.graph.replay()
        self.watch.replayed(self.parts)
        return self.record


class UpdateGraphs:
    """The captured updates of one method, by name.

    A graph reads and writes networks and moments where they lie. Whoever puts other tensors in their places
    must ``forget`` the graphs; whoever changes how an update is done must give it another name.

    Args:
        enabled: False runs every update as it is.
        watch: where updates add up the time of their attacks.
    """

    def __init__(self, enabled: bool, watch: SplitWatch) -> None:
        self.enabled, self.watch = enabled, watch
        self._done: dict[str, int] = {}
        self._captured: dict[str, _Captured] = {}

    def run(self, name: str, update: Update, *inputs: Tensor) -> Record:
        """Do one update and return what it logs; a later update of that name may overwrite it.

        Args:
            name: which update.
            update: takes ``inputs``, changes networks and optimisers, returns what to log.
            inputs: on the CUDA device, of the same shapes each time.

        Raises:
            RuntimeError: the update does something that a graph cannot hold (reads a value on the host, say).
        """
        if not self.enabled:
            return update(*inputs)
        done = self._done.get(name, 0)
        self._done[name] = done + 1
        beside = Beside(inputs[0].device)
        if done < WARM_UP:
            with beside.running():
                return update(*inputs)
        if name not in self._captured:
            self._captured[name] = _Captured(update, inputs, beside, self.watch)
        return self._captured[name](inputs)

    def forget(self) -> None:
        """Drop all graphs; the next updates warm up anew."""
        self._done.clear()
        self._captured.clear()
