"""A feature extractor as a value: which one, with which weights. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repro.core.spec import StandIn

INCEPTION, DINOV2 = "inception", "dinov2-vit-l-14"  # words of EvaluationSpec.extractor that name no run
SIDE = {INCEPTION: 299, DINOV2: 224}
"""Pixels of a public extractor's input in height and width."""


@dataclass(frozen=True)
class Extractor:
    """A feature extractor as torch-fidelity knows it.

    Attributes:
        name: its name in torch-fidelity's registry.
        sha256: hash of its weights.
        weights: the file from which torch-fidelity loads them; None where the registered class has them.
        stand_ins: marks of all that it measures; none for the field's Inception network.
    """

    name: str
    sha256: str
    weights: Path | None
    stand_ins: frozenset[StandIn] = frozenset()
