"""RGAN, robust GAN (Algorithm 1): G trains on worst-case noise too, D on worst-case images too."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from repro.attacks.rgan_directions import (
    DirectionSearch,
    NoiseSign,
    image_directions,
    noise_directions,
    random_directions,
)
from repro.attacks.threat_model import SYMMETRIC
from repro.methods.gan_base import NO_LABELS, GanMethod, Labels
from repro.methods.gan_options import GanOptions
from repro.methods.losses import LossName
from repro.methods.options import MethodOptions
from repro.models.labelled import Labelled, of_side


class RganOptions(GanOptions):
    """Options of RGAN. The papers give no optimiser; the defaults are DCGAN's (Radford et al. 2016, Sec. 4).

    Attributes:
        mode: who trains robustly (Table 3); ``random_noise`` takes random directions for both.
        noise_radius: eps1, length of the change of the noise.
        image_radius: eps2, length of the change of an image, in [-1,1] units.
        trade_off: lambda, weight of the robust terms.
        mixing: ``additive`` clean + lambda * robust (Algorithm 1), ``convex`` (1 - lambda) * clean + lambda *
            robust (Eq. 11).
        noise_sign: ``maximise`` (Eq. 9) or ``literal_algorithm`` (Algorithm 1, line 5, as printed).
        clip_images: move perturbed images back into [-1,1] (the paper does not say).
        direction_steps: normalised gradient steps to a direction.
        random_start: look for it from a random direction instead of from the clean point.
        direction_distance: where later steps and random starts look: at the length ``applied``, eps1 or eps2,
            or at length 1 (``unit``), as the search over the unit sphere is printed (lines 5 to 7).
        penalty_images: which images of D's update the regulariser is given, ``clean`` or ``worst_case`` ones.
    """

    network: str = "dcgan"
    loss: LossName = "non_saturating"
    n_dis: int = Field(default=1, ge=1)
    beta1: float = Field(default=0.5, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    decay: Literal["none", "linear"] = "none"

    mode: Literal["both", "g_only", "d_only", "random_noise"] = "both"
    noise_radius: float = Field(default=0.01, ge=0)
    image_radius: float = Field(default=4.0, ge=0)
    trade_off: float = Field(default=0.1, ge=0)
    mixing: Literal["additive", "convex"] = "additive"
    noise_sign: NoiseSign = "maximise"
    clip_images: bool = False
    direction_steps: int = Field(default=1, ge=1)
    random_start: bool = False
    direction_distance: Literal["applied", "unit"] = "applied"
    penalty_images: Literal["clean", "worst_case"] = "clean"


class Rgan(GanMethod):
    """A GAN with robust terms in one or both losses."""

    Options: ClassVar[type[MethodOptions]] = RganOptions
    options: RganOptions
    worst: tuple[Tensor, Tensor]  # images of D's update at hand

    def draws_within_updates(self) -> bool:
        """As in ``GanMethod``; random directions are drawn within the updates."""
        drawn = self.options.mode == "random_noise" or self.options.random_start
        return super().draws_within_updates() or drawn

    def search(self, radius: float, stream: str) -> DirectionSearch:
        """Return how a direction for changes of length ``radius`` is looked for."""
        o = self.options
        start = self.streams.generator(stream) if o.random_start else None
        return DirectionSearch(o.direction_steps, radius if o.direction_distance == "applied" else 1.0, start)

    def mixed(self, clean: Tensor, robust: Tensor) -> Tensor:
        """Return the objective of both terms, 0-d."""
        share = self.options.trade_off
        return (1 - share if self.options.mixing == "convex" else 1) * clean + share * robust

    def worse_images(self, real: Tensor, fake: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
        """Return x + eps2 r_1 and G(z) + eps2 r_2 (Algorithm 1, lines 6, 7 and 11), constants."""
        if self.options.mode == "random_noise":
            noise = self.streams.generator("noise/images")
            directions = random_directions(real, noise), random_directions(fake, noise)
        else:
            search = self.search(self.options.image_radius, "noise/images")
            with self.autocast():
                directions = image_directions(
                    self.judge(labels), self.loss, real, fake, search=search, watch=self.watch
                )
        worse = [x + self.options.image_radius * r for x, r in zip((real, fake), directions, strict=True)]
        if self.options.clip_images:
            worse = [SYMMETRIC.clip(x) for x in worse]
        return worse[0], worse[1]

    def worse_noise(self, z: Tensor, classes: Tensor | None) -> Tensor:
        """Return z + eps1 r_z (lines 5 and 9), constants."""
        if self.options.mode == "random_noise":
            direction = random_directions(z, self.streams.generator("noise/latent"))
        else:
            search = self.search(self.options.noise_radius, "noise/latent")
            with self.autocast():
                direction = noise_directions(
                    self.G if classes is None else Labelled(self.G, classes),
                    of_side(self.judge(Labels(classes, classes)), "fake"),
                    self.loss,
                    z,
                    sign=self.options.noise_sign,
                    search=search,
                    watch=self.watch,
                )
        return z + self.options.noise_radius * direction

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, labels: Labels = NO_LABELS
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Line 11 (minimised here): S plus lambda times S on worst-case images."""
        clean, record = super().discriminator_loss(real, fake, labels)
        if self.options.mode == "g_only":
            return clean, record
        self.worst = self.worse_images(real, fake, labels)
        worst = zip(self.worst, labels, strict=True)
        robust = self.loss.d(*(self.logits(images, classes) for images, classes in worst))
        return self.mixed(clean, robust), record | {"d_robust": robust}

    def penalised(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the real and the fake images that D's regulariser is given."""
        worst = self.options.penalty_images == "worst_case" and self.options.mode != "g_only"
        return self.worst if worst else (real, fake)

    def generator_loss(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Line 9: G's loss plus lambda times its loss on worst-case noise."""
        clean = super().generator_loss(z, classes)
        if self.options.mode == "d_only":
            return clean
        return self.mixed(clean, super().generator_loss(self.worse_noise(z, classes), classes))


METHOD = Rgan
