"""Describes the networks that diagrams and settings tables show; each is run once at full width."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from repro.core.files import atomic_write_text
from repro.models import dcgan, sngan
from repro.models.describe import describe
from repro.models.gat_networks import GATClassifier, GATGenerator
from repro.models.preact_resnet import PreActResNet18
from repro.models.robgan_generator import RobGANGenerator
from repro.report.architectures import Network, render_architectures

CLASSES = 10


def networks() -> dict[str, tuple[nn.Module, Sequence[Tensor]]]:
    """Return each network with example inputs, at the sizes of CIFAR-10 (32 px, 10 classes)."""
    image, label = torch.zeros(1, 3, 32, 32), torch.zeros(1, dtype=torch.int64)
    return {
        "dat.discriminator": (sngan.Discriminator(32), [image]),
        "dat.generator": (sngan.Generator(32), [torch.zeros(1, 128)]),
        "gat.classifier": (GATClassifier(CLASSES), [image]),
        "gat.classifier_100": (GATClassifier(100), [image]),
        "gat.generator": (GATGenerator(), [image]),
        "rgan.discriminator": (dcgan.Discriminator(32), [image]),
        "rgan.generator": (dcgan.Generator(32), [torch.zeros(1, 100)]),
        "robgan.discriminator": (PreActResNet18(CLASSES), [image]),
        "robgan.generator": (RobGANGenerator(CLASSES), [torch.zeros(1, 128), label]),
    }


def write_architectures(into: Path) -> None:
    """Write ``into``, the file that drawings read instead of importing torch."""
    described = {
        name: Network.model_validate(describe(network, inputs))
        for name, (network, inputs) in networks().items()
    }
    atomic_write_text(into, render_architectures(described))
