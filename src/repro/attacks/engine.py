"""Chooses how a batch is attacked on its device, and keeps what can be used for the next one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from repro.attacks.climb import Climb, Move
from repro.attacks.cuda_graph import GraphedClimb, can_be_graphed, same_graph
from repro.attacks.execution import Execution
from repro.attacks.layout import image_order, laid_out
from repro.attacks.network import Network, ReadLogits
from repro.attacks.threat_model import ThreatModel
from repro.core.timing import SplitWatch

AnyClimb = Climb | GraphedClimb

KEPT = 4
"""Captured graphs that are kept; each holds the memory of one forward and backward pass."""


class Engine:
    """Makes climbs for one attack.

    Args:
        threat: what is climbed, for how long.
        move: the attack's kernel.
        execution: what may be used for speed.
        logits: how class logits are read from what the network returns.
        watch: adds up the time of network and kernel.
    """

    def __init__(
        self,
        threat: ThreatModel,
        move: Move,
        execution: Execution,
        logits: ReadLogits | None = None,
        watch: SplitWatch | None = None,
    ) -> None:
        self.threat, self.move, self.execution = threat, move, execution
        self.logits, self.watch = logits, watch
        self._graphs: dict[tuple[object, ...], GraphedClimb | None] = {}

    @contextmanager
    def climb(
        self, module: nn.Module, images: Tensor, labels: Tensor, largest: int | None = None
    ) -> Iterator[AnyClimb]:
        """Give the climb for a batch; within, the module's weights may lie in another order.

        Args:
            module: held still for the attack (``attack_mode``).
            images: (N, ...) float32.
            labels: int64 (N,).
            largest: the largest label, if values were looked at.
        """
        network, order = Network(module, self.logits), torch.contiguous_format
        if self.execution.channels_last:
            steps, mode = self.threat.steps * self.threat.restarts, self.threat.batch_norm_mode
            loss = self.threat.loss
            order = image_order(module, images, labels, loss, network=network, steps=steps, mode=mode)
        with laid_out(module, torch.contiguous_format if images.is_cuda else order):
            if self.execution.cuda_graph and can_be_graphed(module, images):
                graphed = self._graphed(network, images, labels, order, largest)
                if graphed is not None:
                    yield graphed
                    return
            yield self._climb(network, images, labels, order, largest)

    def _climb(
        self,
        network: Network,
        images: Tensor,
        labels: Tensor,
        order: torch.memory_format,
        largest: int | None,
    ) -> Climb:
        return Climb(
            network,
            self.threat.loss,
            self.move,
            images,
            labels,
            order=order,
            largest=largest,
            watch=self.watch,
        )

    def _graphed(
        self,
        network: Network,
        images: Tensor,
        labels: Tensor,
        order: torch.memory_format,
        largest: int | None,
    ) -> GraphedClimb | None:
        key = same_graph(network.module, images, order, checked=largest is not None)
        if key not in self._graphs:
            climb = self._climb(network, images, labels, order, largest)
            if climb.images is images:
                climb.images = images.clone(memory_format=order)
            while len(self._graphs) >= KEPT:
                self._graphs.pop(next(iter(self._graphs)))
            try:
                self._graphs[key] = GraphedClimb(climb)
            except RuntimeError as error:
                warnings.warn(f"the attack runs without a CUDA graph: {error}", stacklevel=4)
                self._graphs[key] = None
        graphed = self._graphs[key]
        if graphed is not None:
            graphed.load(images, labels, largest)
        return graphed
