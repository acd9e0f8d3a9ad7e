"""Chooses how a batch is attacked on its device, and keeps what can be used for the next one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from repro.attacks.climb import Climb, Move
from repro.attacks.cuda_graph import GraphedClimb, can_be_graphed, same_graph
from repro.attacks.execution import Execution
from repro.attacks.layout import image_order, laid_out
from repro.attacks.network import Network, ReadLogits
from repro.attacks.threat_model import ThreatModel
from repro.core.memory_order import is_channels_last
from repro.core.timing import SplitWatch

AnyClimb = Climb | GraphedClimb

KEPT = 4
"""Captured graphs that are kept; each holds the memory of one forward and backward pass."""


class Engine:
    """Makes climbs for one attack.

    Args:
        threat: what is climbed, for how long.
        execution: what may be used for speed.
        logits: how class logits are read from what the network returns.
        watch: adds up the time of network and kernel.
    """

    def __init__(
        self,
        threat: ThreatModel,
        execution: Execution,
        logits: ReadLogits | None = None,
        watch: SplitWatch | None = None,
    ) -> None:
        self.threat, self.execution, self.logits, self.watch = threat, execution, logits, watch
        self._graphs: dict[tuple[object, ...], GraphedClimb | None] = {}

    @contextmanager
    def climb(
        self, module: nn.Module, move: Move, images: Tensor, labels: Tensor, largest: int | None = None
    ) -> Iterator[AnyClimb]:
        """Give the climb for a batch; within, the module's weights may lie in another order.

        Args:
            module: held still for the attack (``attack_mode``).
            move: the attack's kernel; not kept, since the attack keeps this engine.
            images: (N, ...) float32.
            labels: int64 (N,).
            largest: the largest label, if values were looked at.
        """
        network, order = Network(module, self.logits), torch.contiguous_format
        if self.execution.channels_last:
            steps, mode = self.threat.steps * self.threat.restarts, self.threat.batch_norm_mode
            loss = self.threat.loss
            order = image_order(module, images, labels, loss, network=network, steps=steps, mode=mode)
        fresh = partial(
            Climb,
            network,
            self.threat.loss,
            move,
            images,
            labels,
            order=order,
            largest=largest,
            watch=self.watch,
        )
        tried = not (images.is_cuda or is_channels_last(images))
        with laid_out(module, order if tried else torch.contiguous_format):
            graphed = None
            if self.execution.cuda_graph and can_be_graphed(module, images):
                key = same_graph(module, images, order, checked=largest is not None)
                if key not in self._graphs:
                    self._graphs[key] = self._captured(fresh())
                graphed = self._graphs[key]
            if graphed is not None:
                graphed.load(images, labels, largest)
            yield graphed or fresh()

    def _captured(self, climb: Climb) -> GraphedClimb | None:
        """Return a new climb as a graph, which keeps its images; None where its network cannot be one."""
        climb.images = climb.images.clone()
        while len(self._graphs) >= KEPT:
            self._graphs.pop(next(iter(self._graphs)))
        try:
            return GraphedClimb(climb)
        except RuntimeError as error:
            warnings.warn(f"the attack runs without a CUDA graph: {error}", stacklevel=4)
            return None
