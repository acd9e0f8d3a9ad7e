"""A generator that loses modes is seen: spread within classes, precision and recall against references."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from repro.evaluate.extractor import Extractor
from repro.evaluate.feature_store import FeatureStore, UintImages
from repro.evaluate.features import register
from repro.evaluate.fidelity_library import torch_fidelity
from repro.evaluate.mode_coverage import spread_within
from repro.models.embedding import EmbeddingNetwork

CPU = torch.device("cpu")


def test_spread_is_half_the_mean_squared_distance_of_two_images_of_a_class() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 6, generator=generator)
    labels = torch.arange(40) % 3
    labels[0] = 7  # a class of one image has no spread
    found = spread_within(features, labels)
    assert set(found) == {0, 1, 2}
    for k, spread in found.items():
        own = features[labels == k].double().numpy()
        distances = [((a - b) ** 2).sum() for i, a in enumerate(own) for b in own[:i]]
        np.testing.assert_allclose(spread, np.mean(distances) / 2)


def test_precision_and_recall_fall_apart_where_modes_are_lost() -> None:
    """As torch-fidelity's own call gives them, from the features that are taken here."""
    torch.manual_seed(0)
    network = EmbeddingNetwork(10, width=0.25).eval()
    network.body[-2].weight.data.fill_(100.0)
    register("test-modes", network, (0.0, 1.0))
    extractor = Extractor(name="test-modes", sha256="0" * 64, weights=None)
    generator = torch.Generator().manual_seed(1)

    def images(n: int) -> Tensor:
        return torch.randint(0, 256, (n, 3, 8, 8), generator=generator, dtype=torch.uint8)

    real, lost = images(60), images(4).repeat(15, 1, 1, 1)  # four images again and again
    store = FeatureStore(CPU)
    ours, theirs = (store.of(each, extractor, 32).by_metric["prc"] for each in (lambda: lost, lambda: real))
    balls = torch_fidelity.metric_prc.prc_features_to_metric(
        ours, theirs, prc_neighborhood=3, save_cpu_ram=True, verbose=False
    )
    direct = torch_fidelity.calculate_metrics(
        input1=UintImages(lost),
        input2=UintImages(real),
        feature_extractor="test-modes",
        prc=True,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    assert (balls["precision"], balls["recall"]) == (direct["precision"], direct["recall"])
    assert balls["recall"] == 0  # the balls around images that occur fifteen times hold nothing else
    labels = torch.arange(60) % 4  # each class is one image
    assert max(spread_within(ours, labels).values()) < 1e-9
    assert min(spread_within(theirs, labels).values()) > 1e-9
