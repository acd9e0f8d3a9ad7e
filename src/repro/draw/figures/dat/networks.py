"""The networks that DAT's artefacts show, at the sizes of CIFAR-10 (32 px, 10 classes)."""

from __future__ import annotations

import torch

from repro.models import sngan
from repro.models.describe import Example


def networks() -> dict[str, Example]:
    """Return each network with example inputs."""
    return {
        "discriminator": (sngan.Discriminator(32), [torch.zeros(1, 3, 32, 32)]),
        "generator": (sngan.Generator(32), [torch.zeros(1, 128)]),
    }
