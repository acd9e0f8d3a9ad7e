"""Features in which images lie apart, and torch-fidelity's own scores in them, for the tests of scores."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.evaluate.extractor import Extractor
from repro.evaluate.feature_store import UintImages
from repro.evaluate.features import register
from repro.evaluate.fidelity_library import torch_fidelity
from repro.models.embedding import EmbeddingNetwork

SPREAD = "test-spread"


def spread_network() -> EmbeddingNetwork:
    """Return the network: an untrained one's features are all but equal, these are spread out."""
    torch.manual_seed(0)
    network = EmbeddingNetwork(10, width=0.25).eval()
    network.body[-2].weight.data.fill_(100.0)
    return network


def spread_extractor() -> Extractor:
    """Return the extractor with this network, known to torch-fidelity as ``SPREAD``."""
    register(SPREAD, spread_network(), (0.0, 1.0))
    return Extractor(name=SPREAD, sha256="0" * 64, weights=None)


def direct_scores(ours: Tensor, theirs: Tensor, extractor: str = SPREAD, **asked: object) -> dict[str, float]:
    """Return what torch-fidelity gives, called directly with ``asked``, for uint8 images."""
    scores: dict[str, float] = torch_fidelity.calculate_metrics(
        input1=UintImages(ours), input2=UintImages(theirs), feature_extractor=extractor, cuda=False,
        cache=False, save_cpu_ram=True, verbose=False, **asked,
    )  # fmt: skip
    return scores
