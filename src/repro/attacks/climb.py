"""The inner loop of gradient attacks: the network's gradient, then the kernel, on buffers that stay."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from repro.attacks.checks import check_classes
from repro.attacks.objective import Network, Outputs, class_logits, image_gradient
from repro.attacks.threat_model import AttackLoss
from repro.core.timing import SplitWatch

Move = Callable[[Tensor, Tensor, Tensor], None]
"""Moves its first argument in place, given the gradient there and the images."""


class Climb:
    """One batch under attack.

    Args:
        network: images to logits, held still for the attack.
        loss: what is climbed.
        move: the kernel.
        images: where balls and box are centred, (N, ...) float32.
        labels: int64 (N,).
        order: of the buffers in memory.
        largest: the largest label where it is known, so that labels which are no classes can be refused.
        watch: adds up the time of ``network`` and ``kernel``.
    """

    def __init__(
        self,
        network: Network,
        loss: AttackLoss,
        move: Move,
        images: Tensor,
        labels: Tensor,
        *,
        order: torch.memory_format,
        largest: int | None = None,
        watch: SplitWatch | None = None,
    ) -> None:
        self.network, self.loss, self.move = network, loss, move
        self.images = images.contiguous(memory_format=order)
        self.labels = labels
        self.attacked = torch.empty_like(self.images)
        self.largest = largest
        self.classes = 0
        self.watch = watch

    def step(self) -> None:
        """Move ``attacked`` by one step."""
        with self.part("network"):
            gradient = self.gradient()
        with self.part("kernel"):
            self.move(self.attacked, gradient, self.images)

    def gradient(self) -> Tensor:
        """Return the gradient of each image's loss at ``attacked``."""
        return image_gradient(self._outputs, self.attacked, self.labels, self.loss)

    def part(self, name: str) -> AbstractContextManager[None]:
        """Return the context in which time counts for ``name``."""
        return nullcontext() if self.watch is None else self.watch.part(name)

    def _outputs(self, images: Tensor) -> Outputs:
        outputs = self.network(images)
        self.classes = class_logits(outputs).shape[1]
        check_classes(self.largest, self.classes)
        return outputs
