"""Rob-GAN's co-training of generator, discriminator and attacker (CVPR 2019, Sec. 3.3).

The discriminator is an AC-GAN's: one head tells real from fake, one tells the class. It sees real images only
after PGD attacked them with the discriminator's own loss; fake images are not attacked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from repro.attacks.execution import GRAPHED
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import SYMMETRIC, ThreatModel
from repro.core.spec import RunSpec
from repro.data.minibatches import Minibatches
from repro.methods.base import Method
from repro.methods.fakes import random_classes, random_latents
from repro.methods.optimisation import descend, place, set_learning_rate
from repro.methods.options import NetworkOptions
from repro.models.heads import ClassView, SourceView, TwoHeads
from repro.models.robgan_generator import RobGANGenerator

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet

# weights of: real-or-fake on reals, class on reals, real-or-fake on fakes, class on fakes
WEIGHTS: dict[tuple[str, str], tuple[float, float, float, float]] = {
    ("code", "split"): (0.5, 0.5, 1.0, 0.0),
    ("code", "acgan"): (0.5, 0.5, 0.5, 0.5),
    ("paper", "split"): (1.0, 1.0, 1.0, 0.0),
    ("paper", "acgan"): (1.0, 1.0, 1.0, 1.0),
}


class RobGANOptions(NetworkOptions):
    """Options of Rob-GAN; lengths are for pixels in [-1, 1]. The defaults are the code's for CIFAR-10.

    Attributes:
        network: the discriminator: ``preact_resnet18`` as in the code's CIFAR scripts, ``robgan_resnet`` as
            in its ``train.py``, or another file of ``models`` with two heads.
        loss: ``split`` (Eq. 10) lets the discriminator classify real images only, ``acgan`` (Eq. 9) fakes as
            well.
        weights: ``code`` weighs the terms 1/2, 1/2, 1, 0 (split) or all 1/2 (acgan); ``paper`` has no
            weights.
        generator_loss: ``non_saturating`` as in the code, ``saturating`` as in the text ("maximises L_C2 -
            L_S").
        attacker: attack the real images; without it, this is a plain AC-GAN.
        radius: largest change of a value; 5 steps of 0.0078 never get as far as 0.07.
        step_size: length of one step.
        steps: gradient steps.
        n_dis: discriminator updates per generator update.
        dequantisation: add uniform noise in [0, 1/128) to the real images.
        augmentation: random flip, and crop after padding by 4 pixels.
        latent_dim: number of latent values.
        learning_rate: Adam's, both networks.
        beta1: Adam's decay of the gradient's mean.
        beta2: Adam's decay of the gradient's square.
        halve_every: epochs after which the learning rate is halved; 0 for never.
        recreate_optimisers: forget Adam's moments at every halving, as the code does by making new
            optimisers.
    """

    networks: ClassVar[tuple[str, ...]] = ("TWO_HEADS",)

    network: str = "preact_resnet18"
    loss: Literal["split", "acgan"] = "split"
    weights: Literal["code", "paper"] = "code"
    generator_loss: Literal["non_saturating", "saturating"] = "non_saturating"
    attacker: bool = True
    radius: float = Field(default=0.07, ge=0)
    step_size: float = Field(default=0.0078, gt=0)
    steps: int = Field(default=5, ge=1)
    n_dis: int = Field(default=1, ge=1)
    dequantisation: bool = True
    augmentation: bool = True
    latent_dim: int = Field(default=128, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0)
    beta1: float = Field(default=0.0, ge=0, lt=1)
    beta2: float = Field(default=0.9, ge=0, lt=1)
    halve_every: int = Field(default=50, ge=0)
    recreate_optimisers: bool = True


class RobGAN(Method):
    """One step: update the generator once, then the discriminator ``n_dis`` times."""

    Options = RobGANOptions
    bounds = (-1.0, 1.0)
    options: RobGANOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        options = self.options
        n_classes = self.n_classes()
        with streams.seeded("initialisation"):
            (network,) = self.build_network()
            self.g = RobGANGenerator(
                n_classes, image_size=data.images.shape[-1], latent_dim=options.latent_dim, width=spec.width
            )
        assert isinstance(network, TwoHeads)
        self.d = network
        self.modules = {"discriminator": place(self.d, device), "generator": place(self.g, device)}
        self.optimisers = {
            name: torch.optim.Adam(
                network.parameters(), lr=options.learning_rate, betas=(options.beta1, options.beta2)
            )
            for name, network in self.modules.items()
        }
        self.stream = Minibatches(
            data,
            spec.batch_size,
            streams.generator("data_order"),
            bounds=self.bounds,
            flip=options.augmentation,
            crop_padding=4 if options.augmentation else 0,
            augmentation=streams.generator("augmentation"),
        )
        self.batches = {"train": self.stream}
        threat = ThreatModel(
            norm="linf",
            radius=options.radius,
            step_size=options.step_size,
            steps=options.steps,
            bounds=SYMMETRIC,
            loss="joint",
        )
        # dequantised images reach beyond the bounds by a grey level
        self.attack = PGD(model=self.d, threat=threat, outside="allow", execution=GRAPHED, watch=self.watch)

    def step(self, step: int) -> dict[str, Tensor]:
        """Update generator, then discriminator, as in the code's loop."""
        self._schedule(step)
        self.d.train()
        self.g.train()
        record = self._train_generator()
        for _ in range(self.options.n_dis):
            images, labels = self.stream.next()
            record |= self._train_discriminator(self._dequantise(images), labels)
        return record

    def _schedule(self, step: int) -> None:
        options = self.options
        if not options.halve_every:
            return
        halvings = self._epoch(step) // options.halve_every
        at_boundary = step > 0 and self._epoch(step - 1) // options.halve_every != halvings
        for optimiser in self.optimisers.values():
            set_learning_rate(optimiser, options.learning_rate * 0.5**halvings)
            if at_boundary and options.recreate_optimisers:
                optimiser.state.clear()

    def _epoch(self, step: int) -> int:
        return step * self.options.n_dis // self.stream.batches_per_epoch

    def _train_generator(self) -> dict[str, Tensor]:
        fakes, labels = self._fakes()
        with self.autocast():
            source, classes = self.d(fakes)
        # -log D(fake) or, saturating, log(1 - D(fake)), with logits
        realism = (
            F.softplus(-source.float())
            if self.options.generator_loss == "non_saturating"
            else -F.softplus(source.float())
        )
        weight = 0.5 if self.options.weights == "code" else 1.0
        loss = weight * (realism.mean() + F.cross_entropy(classes.float(), labels))
        descend(self.optimisers["generator"], loss)
        return {"generator_loss": loss.detach()}

    def _train_discriminator(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        real_source, real_class, fake_source, fake_class = WEIGHTS[self.options.weights, self.options.loss]
        if self.options.attacker:
            with self.autocast():
                images = self.attack(images, labels)
        with torch.no_grad():
            fakes, fake_labels = self._fakes()
        with self.autocast():
            on_reals, real_logits = self.d(images)
            on_fakes, fake_logits = self.d(fakes)
        loss = real_source * F.softplus(-on_reals.float()).mean()
        loss = loss + real_class * F.cross_entropy(real_logits.float(), labels)
        loss = loss + fake_source * F.softplus(on_fakes.float()).mean()
        if fake_class:
            loss = loss + fake_class * F.cross_entropy(fake_logits.float(), fake_labels)
        descend(self.optimisers["discriminator"], loss)
        return {
            "discriminator_loss": loss.detach(),
            "accuracy": (real_logits.detach().argmax(dim=1) == labels).float().mean(),
            "reals_taken_for_real": (on_reals.detach() > 0).float().mean(),
            "fakes_taken_for_real": (on_fakes.detach() > 0).float().mean(),
        }

    def _fakes(self) -> tuple[Tensor, Tensor]:
        """Return images (batch, 3, H, W) of random latents and uniformly drawn classes, and the classes."""
        z, classes = (draw(self, self.g, self.spec.batch_size) for draw in (random_latents, random_classes))
        with self.autocast():
            images: Tensor = self.g(z, classes)
        return images.float(), classes

    def _dequantise(self, images: Tensor) -> Tensor:
        """Add noise in [0, 1/128), one grey level's width, after scaling; the attack clips it to 1 again."""
        if not self.options.dequantisation:
            return images
        stream = self.streams.generator("noise")
        noise = torch.rand(images.shape, generator=stream, device=stream.device).to(images.device)
        return images + noise / 128

    def classifier(self) -> nn.Module:
        """Return the discriminator's class head, images in [-1, 1] to class logits."""
        return ClassView(self.d)

    def discriminator(self) -> nn.Module:
        """Return the discriminator's real-or-fake head, images in [-1, 1] to logits (N,)."""
        return SourceView(self.d)


METHOD = RobGAN
