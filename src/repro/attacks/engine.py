"""Chooses how a batch is attacked on its device, and keeps what can be used for the next one."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from repro.attacks.climb import Climb, Move
from repro.attacks.cuda_graph import GraphedClimb, can_be_graphed, same_graph
from repro.attacks.execution import Execution, image_order
from repro.attacks.objective import Network, in_its_format
from repro.attacks.split_climb import SplitClimb, parts_for
from repro.attacks.stand_in import StandIn, stand_in
from repro.attacks.threat_model import AttackLoss
from repro.core.timing import SplitWatch

AnyClimb = Climb | GraphedClimb | SplitClimb

KEPT = 4
"""Captured graphs that are kept; each holds the memory of one forward and backward pass."""


class Engine:
    """Makes climbs for one attack.

    Args:
        loss: what is climbed.
        move: the attack's kernel.
        execution: what may be used for speed.
        watch: adds up the time of network and kernel.
    """

    def __init__(
        self, loss: AttackLoss, move: Move, execution: Execution, watch: SplitWatch | None = None
    ) -> None:
        self.loss, self.move, self.execution, self.watch = loss, move, execution, watch
        self._graphs: dict[tuple[object, ...], GraphedClimb | None] = {}
        self._stand_in: tuple[tuple[int, ...], StandIn | None] = (), None

    def climb(
        self, network: nn.Module, images: Tensor, labels: Tensor, largest: int | None = None
    ) -> AnyClimb:
        """Return the climb for a batch.

        Args:
            network: held still for the attack (``undisturbed``).
            images: (N, ...) float32.
            labels: int64 (N,).
            largest: the largest label, if known.
        """
        order = image_order(network, images, self.execution)
        if self.execution.cuda_graph and can_be_graphed(network, images):
            graphed = self._graphed(network, images, labels, order, largest)
            if graphed is not None:
                return graphed
        faster = self._faster(network, images)
        if faster is None:
            return self._climb(in_its_format(network), images, labels, order, largest)
        climb = self._climb(faster.graph, images, labels, order, largest)
        parts = parts_for(len(images)) if self.execution.split_batch and faster.one_by_one else 1
        return SplitClimb(climb, parts) if parts > 1 else climb

    def _climb(
        self,
        network: Network,
        images: Tensor,
        labels: Tensor,
        order: torch.memory_format,
        largest: int | None,
    ) -> Climb:
        return Climb(
            network, self.loss, self.move, images, labels, order=order, largest=largest, watch=self.watch
        )

    def _faster(self, network: nn.Module, images: Tensor) -> StandIn | None:
        """Return the network's stand-in on the CPU, up to date; None where it has none."""
        training = any(isinstance(m, nn.BatchNorm2d) and m.training for m in network.modules())
        if images.is_cuda or images.dim() != 4 or training:
            return None
        tensors = (*network.parameters(), *network.buffers())
        key = (id(network), *(id(tensor) for tensor in tensors), *(tensor.data_ptr() for tensor in tensors))
        if self._stand_in[0] != key:
            plain = all(p.dtype == torch.float32 for p in network.parameters())
            self._stand_in = key, stand_in(network, images, self.execution) if plain else None
        faster = self._stand_in[1]
        if faster is not None:
            faster.refresh()
        return faster

    def _graphed(
        self,
        network: nn.Module,
        images: Tensor,
        labels: Tensor,
        order: torch.memory_format,
        largest: int | None,
    ) -> GraphedClimb | None:
        key = same_graph(network, images, order)
        if key not in self._graphs:
            climb = self._climb(in_its_format(network), images, labels, order, largest)
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
