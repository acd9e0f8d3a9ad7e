"""Rob-GAN's co-training of generator, discriminator and attacker (CVPR 2019, Sec. 3.3).

A GAN whose discriminator also classifies and sees real images only after PGD attacked them with the
discriminator's own loss; fake images are not attacked. Without the attacker it is an AC-GAN, or one with the
split loss.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.execution import GRAPHED
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import SYMMETRIC, ThreatModel
from repro.core.options import Beside
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.image_set import ImageSet
from repro.methods.gan_base import DiscriminatorOutput, GanMethod
from repro.methods.gan_options import GanOptions
from repro.methods.held_out import HeldOut, HeldOutOptions, ends_epoch
from repro.methods.options import MethodOptions, read_options
from repro.models.divided import by_slices
from repro.models.heads import ClassView, TwoHeads


class Weights(NamedTuple):
    """Weights of real-or-fake and class losses of real and fake images in D's loss, and of all of G's."""

    real_source: float
    real_class: float
    fake_source: float
    fake_class: float
    generator: float


WEIGHTS: dict[tuple[str, str], Weights] = {
    ("code", "split"): Weights(0.5, 0.5, 1.0, 0.0, 0.5),
    ("code", "acgan"): Weights(0.5, 0.5, 0.5, 0.5, 0.5),
    ("paper", "split"): Weights(1.0, 1.0, 1.0, 0.0, 1.0),
    ("paper", "acgan"): Weights(1.0, 1.0, 1.0, 1.0, 1.0),
}


class RobGANOptions(GanOptions, HeldOutOptions):
    """Options of Rob-GAN; lengths are for pixels in [-1, 1]. The defaults are the code's for CIFAR-10.

    Attributes:
        network: ``preact_resnet18`` is the discriminator of the code's CIFAR scripts, ``robgan_resnet`` that
            of its ``train.py``.
        loss: the generator's: ``non_saturating`` as in the code, ``saturating`` as in the text ("maximises
            L_C2 - L_S").
        class_loss: ``split`` (Eq. 10) lets the discriminator classify real images only, ``acgan`` (Eq. 9)
            fakes as well.
        weights: ``code`` weighs D's terms 1/2, 1/2, 1, 0 (split) or all 1/2 (acgan), G's 1/2; ``paper`` has
            no weights. ``class_real``, ``class_fake`` and ``class_generator`` multiply them.
        attacker: attack the real images.
        attacked_loss: what the attack maximises: the discriminator's ``joint`` loss of real images (code), or
            their ``class`` loss alone.
        radius: largest change of a value; 5 steps of 0.0078 never get as far as 0.07.
        step_size: length of one step.
        steps: gradient steps.
        dequantisation: add uniform noise in [0, 1/128) to the real images.
        decay: ``halving`` halves the learning rate every ``halve_every`` epochs.
        halve_every: epochs, not a share of the training: one that is shorter is never halved.
        recreate_optimisers: forget Adam's moments at every halving, as the code does by making new
            optimisers.
        held_out: as in adversarial training; with the attacker only, and as far as its steps get.
    """

    networks: ClassVar[tuple[str, ...]] = ("AC_GAN",)
    # not the attack's lengths: a row that trains without attacker has its recipe's
    effective_with: ClassVar[Beside] = {
        "attacked_loss": ("attacker", (True,)),
        "halve_every": ("decay", ("halving",)),
        "recreate_optimisers": ("decay", ("halving",)),
    }

    network: str = "preact_resnet18"
    loss: Literal["non_saturating", "saturating"] = "non_saturating"  # D's is the attack's
    n_dis: int = Field(default=1, ge=1)
    order: Literal["g_first", "d_first"] = "g_first"
    flip: bool = True
    crop_padding: int = Field(default=4, ge=0)

    class_loss: Literal["split", "acgan"] = "split"
    weights: Literal["code", "paper"] = "code"
    attacker: bool = True
    attacked_loss: Literal["joint", "class"] = "joint"
    radius: float = Field(default=0.07, ge=0)
    step_size: float = Field(default=0.0078, gt=0)
    steps: int = Field(default=5, ge=1)
    dequantisation: bool = True
    decay: Literal["none", "linear", "halving"] = "halving"  # type: ignore[assignment]
    halve_every: int = Field(default=50, ge=1)
    recreate_optimisers: bool = True


class RobGAN(GanMethod):
    """One step: update the generator once, then the discriminator ``n_dis`` times."""

    Options: ClassVar[type[MethodOptions]] = RobGANOptions
    options: RobGANOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        o = self.options
        joint = o.attacked_loss == "joint"
        threat = ThreatModel(
            norm="linf",
            radius=o.radius,
            step_size=o.step_size,
            steps=o.steps,
            bounds=SYMMETRIC,
            loss="joint" if joint else "cross_entropy",
        )
        assert isinstance(self.D, TwoHeads)
        attacked = self.D if joint else ClassView(self.D)
        # dequantised images reach beyond the bounds by a grey level
        self.attack = PGD(model=attacked, threat=threat, outside="allow", execution=GRAPHED, watch=self.watch)
        reach = threat.model_copy(update={"radius": min(o.radius, o.steps * o.step_size)})
        self.watched = HeldOut(
            ClassView(self.D), reach, o, autocast=self.autocast, batch_size=spec.batch_size
        )

    @classmethod
    def validation_split(cls, spec: RunSpec) -> str | None:
        """Return the split whose images are watched under attack, if training attacks at all."""
        options = read_options(spec.method, cls.Options, spec.options)
        assert isinstance(options, RobGANOptions)
        return options.held_out if options.attacker else None

    @property
    def weights(self) -> Weights:
        """The weights of the losses."""
        return WEIGHTS[self.options.weights, self.options.class_loss]

    def step(self, step: int) -> dict[str, Tensor]:
        """Update both networks, as in the code's loop."""
        o = self.options
        halves = o.decay == "halving" and step and self.rate(step) != self.rate(step - 1)
        if halves and o.recreate_optimisers:
            for optimiser in self.optimisers.values():
                optimiser.state.clear()
            self.graphs.forget()
        record = super().step(step)
        per_epoch = self.batches["real"].batches_per_epoch
        if self.validation and ends_epoch(step, self.spec.steps, o.n_dis, per_epoch):
            record["held_out_accuracy"] = self.watched.accuracy(self.validation)
        return record

    def rate(self, step: int) -> float:
        """Return the share of the learning rate that ``step`` takes."""
        o = self.options
        if o.decay != "halving":
            return super().rate(step)
        epoch = step * o.n_dis // self.batches["real"].batches_per_epoch
        return float(0.5 ** (epoch // o.halve_every))

    def real_batch(self) -> tuple[Tensor, Tensor]:
        """Return the next real images (N,3,H,W), attacked, and their classes."""
        images, classes = super().real_batch()
        images = self.dequantised(images) if self.options.dequantisation else images
        if self.options.attacker:
            with self.autocast():
                images = by_slices(self.attack, images, classes)
        return images, classes

    def dequantised(self, images: Tensor) -> Tensor:
        """Add noise in [0, 1/128), one grey level's width, after scaling; the attack clips it to 1 again."""
        stream = self.streams.generator("noise")
        noise = torch.rand(images.shape, generator=stream, device=stream.device).to(images.device)
        return images + noise / 128

    def class_weights(self) -> tuple[float, float, float]:
        """Return the weights of the class losses, see ``GanMethod``."""
        on_real, on_fake, in_g = super().class_weights()
        return on_real * self.weights.real_class, on_fake * self.weights.fake_class, in_g

    def adversarial_loss(
        self, real: DiscriminatorOutput, fake: DiscriminatorOutput
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted real-or-fake losses, and what else to log."""
        _, record = super().adversarial_loss(real, fake)
        of_real, of_fake = self.loss.g1(real.logits).mean(), self.loss.g2(fake.logits).mean()
        return -self.weights.real_source * of_real - self.weights.fake_source * of_fake, record

    def generator_loss(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return the weighted loss of G."""
        return self.weights.generator * super().generator_loss(z, classes)


METHOD = RobGAN
