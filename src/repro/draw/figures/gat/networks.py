"""The networks that GAT's artefacts show, at the sizes of CIFAR-10 (32 px, 10 classes)."""

from __future__ import annotations

import torch

from repro.models.describe import Example
from repro.models.gat_classifier import GATClassifier
from repro.models.gat_generator import GATGenerator


def networks() -> dict[str, Example]:
    """Return each network with example inputs."""
    image = torch.zeros(1, 3, 32, 32)
    return {
        "classifier": (GATClassifier(10), [image]),
        "classifier_100": (GATClassifier(100), [image]),
        "generator": (GATGenerator(), [image]),
    }
