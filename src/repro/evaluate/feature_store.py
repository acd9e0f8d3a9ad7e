"""Features of sets of images by torch-fidelity's extractors, taken once for all measurements that share them.

A run is measured against several references and under several conventions, all from the same latents. What
torch-fidelity keeps by itself are the reference's features alone, in files.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

from repro.evaluate.extractor import Extractor
from repro.evaluate.fidelity_library import REGISTERED, torch_fidelity

ROOM = 1 << 30
"""Bytes of features that are kept; the last two sets always are: a reference, and what is held against it."""
METRICS = ("isc", "fid", "kid", "prc")


class UintImages(Dataset[Tensor]):
    """uint8 images (N,3,H,W) in memory, as torch-fidelity takes them.

    Args:
        images: the images.
        side: resize each to so many pixels in height and width as PIL's bicubic filter does, which is
            clean-fid's convention (Parmar et al. 2022), rounded to grey levels; None leaves it as it is.
    """

    def __init__(self, images: Tensor, side: int | None = None) -> None:
        self.images, self.side = images.cpu(), side

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        image = self.images[index]
        if self.side is None:
            return image
        # antialias: also where it enlarges, torch then has PIL's coefficients (a = -1/2)
        large = interpolate(image[None].float(), size=(self.side, self.side), mode="bicubic", antialias=True)
        return large[0].clamp(0, 255).round().to(torch.uint8)


@dataclass
class Features:
    """Features of one set of images: (N,F) on the CPU, by torch-fidelity's name of the metric."""

    by_metric: dict[str, Tensor]

    @cached_property
    def normal(self) -> Any:
        """Mean and covariance, as torch-fidelity's FID takes them."""
        return torch_fidelity.metric_fid.fid_features_to_statistics(self.by_metric["fid"])

    def first(self, n: int) -> Features:
        """Return those of the first ``n`` images."""
        return Features({metric: part[:n] for metric, part in self.by_metric.items()})

    @property
    def bytes(self) -> int:
        """Return the memory that they take."""
        return sum({part.data_ptr(): part.nbytes for part in self.by_metric.values()}.values())


class FeatureStore:
    """Extractors on one ``device``, and the features of the sets that were looked at last."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._kept: dict[Hashable, Features] = {}
        self._networks: dict[str, Any] = {}

    def of(
        self,
        images: Callable[[], Tensor],
        extractor: Extractor,
        batch_size: int = 128,
        name: Hashable = None,
        side: int | None = None,
    ) -> Features:
        """Return the features of a set of images.

        Args:
            images: returns them, uint8 (N,3,H,W); not called where their features are kept.
            extractor: which features.
            batch_size: images per pass through the extractor.
            name: tells the set from all others; None: nobody will ask for it again.
            side: to which the images are resized before the extractor sees them, see ``UintImages``.
        """
        key = (extractor.name, batch_size, name, side)
        shown = self._kept.pop(key, None)
        found = shown or self._extract(UintImages(images(), side), extractor, batch_size)
        if name is not None:
            self._kept[key] = found  # at the end, as the last that was asked for
            while len(self._kept) > 2 and sum(each.bytes for each in self._kept.values()) > ROOM:
                del self._kept[next(iter(self._kept))]
        return found

    def _extract(self, images: UintImages, extractor: Extractor, batch_size: int) -> Features:
        cuda = self.device.type == "cuda"
        layers = {metric: _layer(extractor, metric) for metric in METRICS}
        with torch.cuda.device(self.device if cuda else -1):
            if extractor.name not in self._networks:
                self._networks[extractor.name] = torch_fidelity.utils.create_feature_extractor(
                    extractor.name,
                    sorted(set(layers.values())),
                    cuda=cuda,
                    feature_extractor_weights_path=extractor.weights and str(extractor.weights),
                    verbose=False,
                )
            found = torch_fidelity.utils.get_featuresdict_from_dataset(
                images,
                self._networks[extractor.name],
                batch_size,
                cuda,
                save_cpu_ram=True,  # no loader processes: the images are in memory already
                verbose=False,
            )
        return Features({metric: found[layer] for metric, layer in layers.items()})


def _layer(extractor: Extractor, metric: str) -> str:
    layer: str = REGISTERED[extractor.name].get_default_feature_layer_for_metric(metric)  # type: ignore[attr-defined]
    return layer
