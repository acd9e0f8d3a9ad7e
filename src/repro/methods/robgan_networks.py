"""Which network Rob-GAN's discriminator is: its code and its deleted CIFAR script disagree."""

from __future__ import annotations

from typing import Literal

from repro.models.heads import TwoHeads
from repro.models.preact_resnet import PreActResNet18
from repro.models.robgan_discriminator import RobGANDiscriminator

Discriminator = Literal["preact_resnet18", "resnet_32", "resnet_64", "resnet_128"]


def build_discriminator(kind: Discriminator, n_classes: int, width: float) -> TwoHeads:
    """Return an untrained two-headed discriminator.

    Args:
        kind: ``preact_resnet18`` as in the code's CIFAR scripts; ``resnet_<size>`` as in its ``train.py``,
            with batch norm at 32 px only.
        n_classes: number of class logits.
        width: multiplies the channel counts.
    """
    if kind == "preact_resnet18":
        return PreActResNet18(n_classes, width=width)
    size = int(kind.removeprefix("resnet_"))
    return RobGANDiscriminator(n_classes, size=size, batch_norm=size == 32, width=width)
