"""The networks that Rob-GAN's artefacts show, at the sizes of CIFAR-10 (32 px, 10 classes)."""

from __future__ import annotations

import torch

from repro.models.describe import Example
from repro.models.preact_resnet18 import PreActResNet18
from repro.models.robgan_generator import RobGANGenerator


def networks() -> dict[str, Example]:
    """Return each network with example inputs."""
    latent, label = torch.zeros(1, 128), torch.zeros(1, dtype=torch.int64)
    return {
        "discriminator": (PreActResNet18(10), [torch.zeros(1, 3, 32, 32)]),
        "generator": (RobGANGenerator(10), [latent, label]),
    }
