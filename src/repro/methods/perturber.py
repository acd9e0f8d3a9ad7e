"""The part that GAT's training and its figure 2 share: a generator G trained against a classifier (Eq. 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import Tensor, nn

from repro.attacks.attack_mode import attack_mode
from repro.attacks.gat_generator import DeltaScale, GATAttack, scale_delta, true_class
from repro.attacks.threat_model import UNIT
from repro.core.spec import RunSpec
from repro.methods.classifier import Classifier, ClassifierOptions, input_gradient
from repro.methods.optimisation import descend, place
from repro.models.gat_generator import GATGenerator
from repro.models.initialise import Xavier

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet


class PerturberOptions(ClassifierOptions):
    """Options of a method that trains GAT's generator, beside the classifier's.

    Attributes:
        c_g: weight of the perturbation's power in G's loss (Eq. 9); "crucial", found by search, never
            printed.
        generator_learning_rate: Adam's for G; the paper's 1e-6.
        delta_scale: scaling of G's input, which shrinks as F becomes sure; the paper's is ``none`` (Sec. 5).
        clip: move perturbed pixels back to [0, 1]; the paper does not say.
        initialisation: of G, and of F where that is GAT's classifier.
    """

    c_g: float = Field(default=1.0, ge=0)
    generator_learning_rate: float = Field(default=1e-6, gt=0)
    delta_scale: DeltaScale = "none"
    clip: bool = False
    initialisation: Xavier = "xavier_uniform"


class Perturber(Classifier):
    """A classifier F and a generator G that turns F's input gradients into perturbations that fool F."""

    Options = PerturberOptions
    options: PerturberOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        options = self.options
        with streams.seeded("initialisation"):
            perturber = place(
                GATGenerator(width=spec.width, initialisation=options.initialisation), device, spec.precision
            )
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

    def delta(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return G's input: the scaled gradient of the true class's probability, without a graph."""
        with attack_mode(self.network):
            return self.scaled(input_gradient(self.logits, images, labels, true_class, watch=self.watch)[1])

    def train_perturber(self, images: Tensor, labels: Tensor, delta: Tensor) -> dict[str, Tensor]:
        """Take one step of G on the mean of its losses over the minibatch."""
        with attack_mode(self.network):
            losses, power = self.perturber_losses(images, labels, delta)
            descend(self.optimisers["perturber"], self.total(losses))
        return {"generator_loss": self.means(losses), "perturbation_power": self.means(power)}

    def perturber_losses(self, images: Tensor, labels: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
        """Return each image's F(x + G(Delta))_y + c_g ||G(Delta)||^2 (Eq. 9), and the squared norm; (N,)."""
        perturbations = self.perturb(delta)
        fooled = true_class(self.logits(self.add(images, perturbations)), labels)
        power = perturbations.square().sum(dim=(1, 2, 3))
        return fooled + self.options.c_g * power, power

    def scaled(self, gradient: Tensor) -> Tensor:
        """Return G's input from an image's gradient."""
        with self.watch.part("kernel"):
            scaled = scale_delta(gradient, self.options.delta_scale)
        return scaled

    def perturb(self, delta: Tensor) -> Tensor:
        """Return G(Delta), float32, computed in the format ``precision``."""
        with self.autocast(), self.watch.part("network"):
            perturbations: Tensor = self.perturber(delta)
        return perturbations.float()

    def add(self, images: Tensor, perturbations: Tensor) -> Tensor:
        """Return x + G(Delta)."""
        with self.watch.part("kernel"):
            attacked = images + perturbations
            attacked = UNIT.clip(attacked) if self.options.clip else attacked
        return attacked

    def attack(self) -> GATAttack:
        """Return the trained generator as an attack on the trained classifier."""
        options = self.options
        return GATAttack(
            model=self.network, perturber=self.perturber, delta_scale=options.delta_scale, clip=options.clip
        )
