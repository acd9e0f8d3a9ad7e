"""Adversarial training with a generative adversarial trainer (GAT), Algorithm 1 of the paper.

A generator G turns the gradient of an image into a perturbation that fools the classifier F; F learns to
withstand it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from repro.attacks.gat_generator import DeltaScale, GATAttack, probability_gradient, scale_delta
from repro.attacks.threat_model import UNIT
from repro.attacks.undisturbed import undisturbed
from repro.core.spec import RunSpec
from repro.methods.classifier import Classifier, ClassifierOptions, Look, cross_entropies, input_gradient
from repro.methods.optimisation import descend, place
from repro.models.gat_networks import GATGenerator

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet


class GATOptions(ClassifierOptions):
    """Options of GAT, beside the classifier's.

    Attributes:
        c_g: weight of the perturbation's power in G's loss (Eq. 9); "crucial", found by search, never
            printed.
        alpha: weight of the clean loss in F's (Eq. 10); the paper's 0.5.
        k: steps of G per step of F; the paper's 1.
        generator_learning_rate: Adam's for G; the paper's 1e-6.
        separate_minibatches: draw a new minibatch for every step of G and F, as Algorithm 1 does, or share
            one.
        delta_scale: scaling of G's input, which shrinks as F becomes sure; the paper describes none.
        gradient_through_delta: let F's gradient pass through Delta (second order), or treat G(Delta) as data,
            as the algorithm seems to.
        clip: move perturbed pixels back to [0, 1]; the paper does not say.
    """

    c_g: float = Field(default=1.0, ge=0)
    alpha: float = Field(default=0.5, ge=0, le=1)
    k: int = Field(default=1, ge=1)
    generator_learning_rate: float = Field(default=1e-6, gt=0)
    separate_minibatches: bool = True
    delta_scale: DeltaScale = "none"
    gradient_through_delta: bool = False
    clip: bool = False


def true_class(logits: Tensor, labels: Tensor) -> Tensor:
    """Return F(x)_y, the softmax probability of each image's class (N,)."""
    return F.softmax(logits, dim=1).gather(1, labels[:, None]).squeeze(1)


class GAT(Classifier):
    """Alternate k steps of G (Eq. 9) and one of F (Eq. 10)."""

    Options = GATOptions
    options: GATOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        options = self.options
        with streams.seeded("initialisation"):
            perturber = place(GATGenerator(width=spec.width, initialisation=options.initialisation), device)
        self.modules["perturber"] = perturber
        self.optimisers["perturber"] = torch.optim.Adam(
            perturber.parameters(),
            lr=options.generator_learning_rate,
            betas=(options.beta1, options.beta2),
        )

    @property
    def perturber(self) -> nn.Module:
        """The generator G."""
        return self.modules["perturber"]

    def step(self, step: int) -> dict[str, Tensor]:
        """Run one iteration of Algorithm 1's outer loop.

        F does not change while G is trained, so that one minibatch for both needs its Delta only once.
        """
        stream = self.batches["train"]
        record: dict[str, Tensor] = {}
        if self.options.separate_minibatches:
            for _ in range(self.options.k):
                images, labels = stream.next()
                record = self.train_perturber(images, labels, self.delta(images, labels))
            images, labels = stream.next()
            return record | self.update(labels, *self.losses(images, labels))
        images, labels = stream.next()
        look = self.look(images, labels, true_class)
        for _ in range(self.options.k):
            record = self.train_perturber(images, labels, self._scaled(look.gradient))
        return record | self.update(labels, *self.losses(images, labels, look))

    def delta(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return G's input: the scaled gradient of the true class's probability, without a graph."""
        with undisturbed(self.network):
            return self._scaled(input_gradient(self.logits, images, labels, true_class)[1])

    def train_perturber(self, images: Tensor, labels: Tensor, delta: Tensor) -> dict[str, Tensor]:
        """Descend F(x + G(Delta))_y + c_g ||G(Delta)||^2, the mean over the minibatch (Eq. 9)."""
        with undisturbed(self.network):
            perturbations = self._perturb(delta)
            fooled = true_class(self.logits(self._add(images, perturbations)), labels)
            power = perturbations.square().sum(dim=(1, 2, 3))
            losses = fooled + self.options.c_g * power
            descend(self.optimisers["perturber"], self.total(losses))
        return {"generator_loss": self.means(losses), "perturbation_power": self.means(power)}

    def losses(self, images: Tensor, labels: Tensor, look: Look | None = None) -> tuple[Tensor, Tensor]:
        """Return the clean images' logits and each image's alpha J(x) + (1 - alpha) J(x + G(Delta)) (Eq. 10).

        Args:
            images: the minibatch.
            labels: its classes.
            look: the pass over these images that Delta was computed on, if there was one already.
        """
        options = self.options
        if options.gradient_through_delta:
            with undisturbed(self.network, freeze=False), self.autocast():
                gradient = probability_gradient(self.network, images, labels, create_graph=True)
            attacked, logits = self._add(images, self._perturb(self._scaled(gradient))), None
        else:
            logits, gradient = look or self.look(images, labels, true_class)
            with torch.no_grad():
                attacked = self._add(images, self._perturb(self._scaled(gradient)))
        self.network.train()
        logits = self.logits(images) if logits is None else logits
        clean = cross_entropies(logits, labels)
        adversarial = cross_entropies(self.logits(attacked), labels)
        return logits, options.alpha * clean + (1 - options.alpha) * adversarial

    def _scaled(self, gradient: Tensor) -> Tensor:
        return scale_delta(gradient, self.options.delta_scale)

    def _perturb(self, delta: Tensor) -> Tensor:
        with self.autocast():
            perturbations: Tensor = self.perturber(delta)
        return perturbations.float()

    def _add(self, images: Tensor, perturbations: Tensor) -> Tensor:
        attacked = images + perturbations
        return UNIT.clip(attacked) if self.options.clip else attacked

    def attack(self) -> GATAttack:
        """Return the trained generator as an attack on the trained classifier."""
        options = self.options
        return GATAttack(
            model=self.network, perturber=self.perturber, delta_scale=options.delta_scale, clip=options.clip
        )


METHOD = GAT
