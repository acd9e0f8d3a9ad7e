"""torch-fidelity, imported after torchvision's cure, which it needs beside a CPU-only torch."""

from __future__ import annotations

import importlib
from typing import Any

import repro.core.vision  # noqa: F401  the cure

torch_fidelity: Any = importlib.import_module("torch_fidelity")
FeatureExtractorBase: Any = torch_fidelity.FeatureExtractorBase
REGISTERED: dict[str, type] = importlib.import_module("torch_fidelity.registry").FEATURE_EXTRACTORS_REGISTRY
