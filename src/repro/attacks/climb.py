"""The inner loop of gradient attacks: the network's gradient, then the kernel, on buffers that stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from repro.attacks.checks import check_classes
from repro.attacks.network import Network, Outputs, check_finite, class_logits
from repro.attacks.objective import image_gradient
from repro.attacks.threat_model import AttackLoss
from repro.core.timing import SplitWatch, part

Move = Callable[[Tensor, Tensor, Tensor], None]
"""Moves its first argument in place, given the gradient there and the images."""


@dataclass(eq=False)
class Climb:
    """One batch under attack.

    Args:
        network: images to logits, held still for the attack.
        loss: what is climbed.
        move: the kernel.
        images: where balls and box are centred, (N, ...) float32.
        labels: int64 (N,).
        order: of the buffers in memory.
        largest: the largest label where values may be looked at: labels which are no classes are refused, and
            logits which are no numbers.
        watch: adds up the time of ``network`` and ``kernel``.

    Attributes:
        sound: bool (0-d), whether all gradients so far were finite; None where values may not be looked at.
    """

    network: Network
    loss: AttackLoss
    move: Move
    images: Tensor
    labels: Tensor
    _: KW_ONLY
    order: torch.memory_format
    largest: int | None = None
    watch: SplitWatch | None = None

    def __post_init__(self) -> None:
        self.images = self.images.contiguous(memory_format=self.order)
        self.attacked = torch.empty_like(self.images)
        self.classes = 0
        sound = torch.ones((), dtype=torch.bool, device=self.images.device)
        self.sound = None if self.largest is None else sound

    def step(self) -> None:
        """Move ``attacked`` by one step."""
        with part(self.watch, "network"):
            gradient = self.gradient()
        with part(self.watch, "kernel"):
            self.move(self.attacked, gradient, self.images)

    def gradient(self) -> Tensor:
        """Return the gradient of each image's loss at ``attacked``."""
        gradient = image_gradient(self._outputs, self.attacked, self.labels, self.loss)
        if self.sound is not None:
            # a NaN's sign is 0: under Linf it would pass for an image that cannot be moved
            self.sound &= gradient.sum().isfinite()
        return gradient

    def _outputs(self, images: Tensor) -> Outputs:
        outputs = self.network(images)
        if not self.classes:
            self.classes = class_logits(outputs).shape[1]
            check_classes(self.largest, self.classes)
            if self.largest is not None:
                check_finite(outputs)
        return outputs
