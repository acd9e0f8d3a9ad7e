"""Training with random perturbations, one of the regularisers that GAT compares itself with (Table 2)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.threat_model import UNIT
from repro.methods.classifier import Classifier, ClassifierOptions, cross_entropies

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


def of_length(drawn: Tensor, noise: Noise, length: float) -> Tensor:
    """Return perturbations of Euclidean length ``length`` from normal numbers ``drawn`` (N, C, H, W)."""
    if noise == "random_sign":
        drawn = torch.where(drawn < 0, -1.0, 1.0)
    lengths: Tensor = torch.linalg.vector_norm(drawn.flatten(1), dim=1)
    return drawn * (length / lengths).view(-1, 1, 1, 1)


class RandomPerturbation(Classifier):
    """Minimise alpha J(x) + (1 - alpha) J(x + noise), the form of Eq. 2 without any gradient."""

    Options = RandomPerturbationOptions
    options: RandomPerturbationOptions

    def losses(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the clean images (with alpha 0: of the perturbed ones) and each image's loss."""
        options = self.options
        self.network.train()
        perturbed = images + of_length(self.streams.normal("noise", images), options.noise, options.length)
        if options.clip:
            perturbed = UNIT.clip(perturbed)
        if options.alpha == 0:
            logits = self.logits(perturbed)
            return logits, cross_entropies(logits, labels)
        logits = self.logits(images)
        clean = cross_entropies(logits, labels)
        noisy = cross_entropies(self.logits(perturbed), labels)
        return logits, options.alpha * clean + (1 - options.alpha) * noisy


METHOD = RandomPerturbation
SEEDS_JOIN = True
TRAIN_SPLIT = "train45k"
