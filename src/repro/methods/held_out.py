"""Held-out images under attack, watched once an epoch: what shows that a training overfits to its attack."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from pydantic import Field
from torch import Tensor, nn

from repro.attacks.attack_mode import attack_mode
from repro.attacks.execution import GRAPHED
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import ThreatModel
from repro.core.spec import Frozen
from repro.data.image_set import ImageSet
from repro.data.minibatches import scale


class HeldOutOptions(Frozen):
    """Options of methods that watch held-out images, for the log alone.

    Attributes:
        held_out: split of which ``held_out_images`` are attacked once an epoch; None: none are.
        held_out_images: so many at most, of all classes alike. An epoch costs as many passes more as they
            take ``held_out_steps`` steps: for 512 of CIFAR-10 and 10 steps, where training takes 5, 2 %.
        held_out_steps: steps of a quarter of the radius from the image, since what a one-step attack overfits
            to does not show under that attack (Wong et al. 2020).
    """

    held_out: str | None = None
    held_out_images: int = Field(default=512, ge=1)
    held_out_steps: int = Field(default=10, ge=1)


class HeldOut:
    """Attacks a classifier on held-out images.

    Args:
        network: images in the threat model's bounds to class logits.
        threat: the training's attacker, whose radius is kept.
        options: how many images and steps.
        autocast: gives the context that the training's passes run in.
        batch_size: images attacked at once.
    """

    def __init__(
        self,
        network: nn.Module,
        threat: ThreatModel,
        options: HeldOutOptions,
        *,
        autocast: Callable[[], AbstractContextManager[object]],
        batch_size: int,
    ) -> None:
        self.network, self.images, self.batch_size = network, options.held_out_images, batch_size
        self.autocast = autocast
        stronger = {
            "steps": options.held_out_steps,
            "step_size": threat.radius / 4,
            "random_start": False,
            "loss": "cross_entropy",
        }
        self.attack = PGD(
            model=network, threat=threat.model_copy(update=stronger), outside="allow", execution=GRAPHED
        )

    def accuracy(self, data: ImageSet) -> Tensor:
        """Return the accuracy (a share, 0-d) under attack of the images of ``data`` that are watched."""
        bounds = (self.attack.threat.bounds.low, self.attack.threat.bounds.high)
        hits = []
        with attack_mode(self.network), self.autocast():
            for chosen in torch.split(class_by_class(data.labels)[: self.images], self.batch_size):
                levels, labels = data.batch(chosen)
                attacked = self.attack(scale(levels, bounds), labels)
                hits.append(self.network(attacked).argmax(dim=1) == labels)
        return torch.cat(hits).float().mean()


def class_by_class(labels: Tensor) -> Tensor:
    """Return all positions (N,): the first of each class, then the second of each, and so on.

    A set may lie in the order of its classes, so that its first images are of few. The host reads nothing,
    which would wait for the device.
    """
    by_class = labels.argsort(stable=True)
    ordered = labels[by_class]
    rank = torch.arange(len(labels), device=labels.device) - torch.searchsorted(ordered, ordered)
    return by_class[rank.argsort(stable=True)]


def ends_epoch(step: int, steps: int, batches: int, batches_per_epoch: int) -> bool:
    """Tell whether a step of ``batches`` batches is the last of an epoch, or of all ``steps``."""
    done = step * batches
    return step + 1 == steps or (done + batches) // batches_per_epoch > done // batches_per_epoch
