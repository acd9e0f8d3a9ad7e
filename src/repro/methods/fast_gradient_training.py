"""Adversarial training with the fast gradient method, as GAT compares itself with (Eq. 2 and 4)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from repro.attacks.fast_gradient import FastGradient
from repro.attacks.threat_model import UNIT, ThreatModel
from repro.methods.classifier import Classifier, ClassifierOptions, cross_entropies


class FastGradientOptions(ClassifierOptions):
    """Options of fast gradient training.

    Attributes:
        norm: ``linf`` is Eq. 2, ``l2`` Eq. 4.
        eps: length of the perturbation in that norm, pixels in [0, 1]; the paper searched it and does not
            print it.
        alpha: weight of the clean loss.
        clip: move perturbed pixels back to [0, 1]; the paper does not say.
    """

    norm: Literal["linf", "l2"] = "l2"
    eps: float = Field(default=0.25, ge=0)
    alpha: float = Field(default=0.5, ge=0, le=1)
    clip: bool = False


class FastGradientTraining(Classifier):
    """Minimise alpha J(x) + (1 - alpha) J(x + eta), eta one fast gradient step that is treated as data."""

    Options = FastGradientOptions
    options: FastGradientOptions

    def losses(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the clean images' logits and each image's loss of Eq. 2 (linf) or Eq. 4 (l2)."""
        options = self.options
        threat = ThreatModel.fast_gradient(options.norm, options.eps, UNIT)
        attack = FastGradient(model=self.network, threat=threat, clip=options.clip, watch=self.watch)
        clean_pass = self.clean_pass(images, labels, cross_entropies)
        attacked = attack.along(images, clean_pass.gradient)
        self.network.train()
        logits = self.logits(images) if clean_pass.logits is None else clean_pass.logits
        clean = cross_entropies(logits, labels)
        adversarial = cross_entropies(self.logits(attacked), labels)
        return logits, options.alpha * clean + (1 - options.alpha) * adversarial


METHOD = FastGradientTraining
SEEDS_JOIN = True
TRAIN_SPLIT = "train45k"
