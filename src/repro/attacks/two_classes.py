"""A discriminator as a classifier of two classes, so that every attack on classifiers is one on it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from repro.attacks.network import ReadLogits, check_finite

FAKE, REAL = 0, 1


class TwoClasses(nn.Module):
    """Images to logits of "fake" (class 0) and "real" (class 1).

    Their difference is the discriminator's own output above the threshold, so that ``cw_margin`` climbs that
    output itself, which does not saturate, and the softmax over both is the sigmoid of a GAN's loss.

    Args:
        discriminator: images (N,3,H,W) to raw outputs (N,) or (N,1); large means real.
        threshold: an output above it is the verdict "real". 0 is where a sigmoid is one half and where the
            hinge loss's two margins meet.
        logits: how the raw outputs are read from what the discriminator returns, where that is no tensor.
    """

    def __init__(
        self, discriminator: nn.Module, threshold: float = 0.0, logits: ReadLogits | None = None
    ) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.threshold, self.logits = threshold, logits

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 2), float32."""
        outputs = self.discriminator(images)
        outputs = outputs if self.logits is None else self.logits(outputs)
        above = outputs.float().view(len(images)) - self.threshold
        return torch.stack((-above, above), dim=1) / 2

    def verdicts(self, images: Tensor) -> Tensor:
        """Return the class (N,) that each image is given: ``FAKE`` or ``REAL``.

        Raises:
            ReproError: the discriminator's output is not finite.
        """
        logits = self(images)
        check_finite(logits)
        return logits.argmax(dim=1)  # type: ignore[no-any-return]
