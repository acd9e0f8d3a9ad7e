"""The embedded feature extractor for IS*, FID* and KID*, which the suite trains itself.

The embedded extractor is a classifier trained on the data set's own training split. It is registered with
torch-fidelity under a name of its own, so that exactly the same code computes IS*, FID* and KID* with it as
IS, FID and KID with Inception. Its numbers compare runs of one data set with each other, no more.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from repro.core.errors import ReproError
from repro.core.spec import StandIn
from repro.data.minibatches import scale
from repro.evaluate.extractor import Extractor
from repro.evaluate.fidelity_library import REGISTERED, FeatureExtractorBase, torch_fidelity
from repro.evaluate.trained import Trained
from repro.models.embedding import EmbeddingNetwork

LAYERS = ("features", "logits")


class EmbeddedFeatures(FeatureExtractorBase):  # type: ignore[misc]
    """The embedded extractor: uint8 images (N,3,H,W) to ``features`` (N,F) and ``logits`` (N,classes).

    A subclass sets ``network`` and ``bounds``; torch-fidelity calls the constructor and hands it options of
    its own, of which this extractor has none. Outputs are float64: FID's means and covariances and KID's
    cubic kernel are then free of float32 rounding.
    """

    network: ClassVar[EmbeddingNetwork]
    bounds: ClassVar[tuple[float, float]]

    def __init__(self, name: str, features_list: list[str], **_options: object) -> None:
        super().__init__(name, features_list)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        """Return the names of the layers."""
        return LAYERS

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        """Return the layer that a metric uses: the logits for the Inception score, else the features."""
        return "logits" if metric == "isc" else "features"

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the requested layers, float64, for uint8 images (N,3,H,W)."""
        features = self.network.features(scale(images, self.bounds))
        layers = {"features": features, "logits": self.network.classes(features)}
        return tuple(layers[name].double() for name in self.features_list)


def register(name: str, network: EmbeddingNetwork, bounds: tuple[float, float]) -> None:
    """Make ``network`` known to torch-fidelity as ``name`` (a second call with that name does nothing)."""
    if name not in REGISTERED:
        kind = type("EmbeddedFeatures", (EmbeddedFeatures,), {"network": network, "bounds": bounds})
        torch_fidelity.register_feature_extractor(name, kind)


def embedded_extractor(trained: Trained) -> Extractor:
    """Return the extractor inside a trained run of method ``classifier`` with network ``embedding``.

    Raises:
        ReproError: the run's classifier has no features to offer.
    """
    network = trained.method.classifier()
    if not isinstance(network, EmbeddingNetwork):
        raise ReproError(
            f"run {trained.spec.run_id} is no feature extractor: its network has no features",
            remedy="name a run of method classifier with option network: embedding",
        )
    name = f"embedded-{trained.spec.run_id}-{trained.sha256[:10]}"
    register(name, network, trained.method.bounds)
    marks: frozenset[StandIn] = frozenset({"embedded_features", *(trained.stand_ins & {"sample_data"})})
    return Extractor(name=name, sha256=trained.sha256, weights=None, stand_ins=marks)
