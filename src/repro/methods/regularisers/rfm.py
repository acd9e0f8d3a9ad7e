"""RFM, robust feature matching (Zhou et al. 2018; code: robust-discriminator-pytorch).

D's last feature map, before its batch normalisation, must not change at the worst neighbour.
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.methods.regularisers.consistency import Consistency


class RobustFeatureMatching(Consistency):
    """Compares last feature maps."""

    needs = ("feature_map",)

    def answer(self, discriminator: nn.Module, images: Tensor) -> Tensor:
        """Return the last feature maps (N,C,H,W) of a discriminator with ``feature_map``."""
        maps: Tensor = discriminator.feature_map(images)  # type: ignore[operator]
        return maps


REGULARISER = RobustFeatureMatching
