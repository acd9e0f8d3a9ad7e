"""Training with random perturbations, one of the regularisers that GAT compares itself with (Table 2)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from repro.attacks.threat_model import UNIT
from repro.methods.classifier import Classifier, ClassifierOptions

Noise = Literal["gaussian", "random_sign"]


class RandomPerturbationOptions(ClassifierOptions):
    """Options of training with random perturbations. The paper says no more than the name.

    Attributes:
        noise: ``gaussian`` is a uniformly random direction, ``random_sign`` a random corner of the L-infinity
            ball, the random counterparts of Eq. 3 and Eq. 1.
        length: Euclidean length of each image's perturbation, pixels in [0, 1].
        alpha: weight of the clean loss, as in Eq. 2; 0 trains on perturbed images only.
        clip: move perturbed pixels back to [0, 1].
    """

    noise: Noise = "gaussian"
    length: float = Field(default=0.25, ge=0)
    alpha: float = Field(default=0.5, ge=0, le=1)
    clip: bool = False


def random_direction(images: Tensor, noise: Noise, length: float, generator: torch.Generator) -> Tensor:
    """Return perturbations of Euclidean length ``length``, float32, in the shape (N, C, H, W) of ``images``.

    Args:
        images: gives shape and device.
        noise: how directions are distributed.
        length: of each image's perturbation.
        generator: random stream, on the images' device.
    """
    drawn = torch.empty_like(images).normal_(generator=generator)
    if noise == "random_sign":
        drawn = torch.where(drawn < 0, -1.0, 1.0)
    lengths = torch.linalg.vector_norm(drawn.flatten(1), dim=1)
    return drawn * (length / lengths)[:, None, None, None]


class RandomPerturbation(Classifier):
    """Minimise alpha J(x) + (1 - alpha) J(x + noise), the form of Eq. 2 without any gradient."""

    Options = RandomPerturbationOptions
    options: RandomPerturbationOptions

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the clean images (with alpha 0: of the perturbed ones) and the loss (0-d)."""
        options = self.options
        stream = self.streams.generator("noise")
        perturbed = images + random_direction(images, options.noise, options.length, stream)
        if options.clip:
            perturbed = UNIT.clip(perturbed)
        if options.alpha == 0:
            logits = self.logits(perturbed)
            return logits, F.cross_entropy(logits, labels)
        logits = self.logits(images)
        clean = F.cross_entropy(logits, labels)
        noisy = F.cross_entropy(self.logits(perturbed), labels)
        return logits, options.alpha * clean + (1 - options.alpha) * noisy


METHOD = RandomPerturbation
