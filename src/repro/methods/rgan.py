"""RGAN, robust GAN (Algorithm 1): G trains on worst-case noise too, D on worst-case images too."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from repro.attacks.rgan_directions import (
    DirectionOf,
    DirectionSearch,
    NoiseSign,
    image_directions,
    noise_directions,
    random_directions,
)
from repro.attacks.threat_model import SYMMETRIC
from repro.core.options import Beside
from repro.core.spec import Precision
from repro.methods.gan_base import NO_LABELS, GanMethod, Labels
from repro.methods.gan_options import GanOptions
from repro.methods.losses import LossName
from repro.methods.options import MethodOptions
from repro.models.labelled import Labelled, of_side

BFLOAT16_NOISE = 0.1  # of 100 latents; at 0.01 the change that arrives has a cosine of .54 with the one meant


class RganOptions(GanOptions):
    """Options of RGAN. The papers give no optimiser; the defaults are DCGAN's (Radford et al. 2016, Sec. 4).

    Attributes:
        mode: who trains robustly (Table 3); ``random_noise`` takes random directions for both.
        random_noise: what ``random_noise`` trains on: ``added_term``, the noisy copies in the robust terms'
            place, or ``instead``, on noisy latents and images alone, at full weight.
        noise_radius: eps1, length of the change of the noise.
        image_radius: eps2, length of the change of an image, in [-1,1] units.
        trade_off: lambda, weight of the robust terms.
        mixing: ``additive`` clean + lambda * robust (Algorithm 1), ``convex`` (1 - lambda) * clean + lambda *
            robust (Eq. 11; of G only the weights are that equation's, its robust term is line 9's).
        fake_latents: of the fakes in D's robust term: ``clean`` (Algorithm 1, line 7), or ``mixture``, of
            which each is a worst one with probability lambda (Eqs. 11 and 12; in mode ``both`` alone).
        noise_sign: ``maximise`` (Eq. 9) or ``literal_algorithm`` (Algorithm 1, line 5, as printed).
        direction_of: whether images go where D's ``logit`` or where its ``loss`` changes fastest; they differ
            beyond the hinge's margin, where the loss has no slope.
        clip_images: move perturbed images back into [-1,1] (the paper does not say).
        direction_steps: normalised gradient steps to a direction.
        random_start: look for it from a random direction instead of from the clean point.
        direction_distance: where later steps and random starts look: at the length ``applied``, eps1 or eps2,
            or at length 1 (``unit``), as the search over the unit sphere is printed (lines 5 to 7).
        penalty_images: which images of D's update the regulariser is given, ``clean`` or ``worst_case`` ones.
    """

    effective_with: ClassVar[Beside] = {
        "clip_images": ("mode", ("both", "d_only", "random_noise")),
        "direction_of": ("mode", ("both", "d_only")),
        "direction_steps": ("mode", ("both", "g_only", "d_only")),
        "random_start": ("mode", ("both", "g_only", "d_only")),
        "fake_latents": ("mode", ("both",)),
        "random_noise": ("mode", ("random_noise",)),
        "noise_sign": ("mode", ("both", "g_only")),
        "penalty_images": ("mode", ("both", "d_only", "random_noise")),
        "mixing": ("random_noise", ("added_term",)),
        "trade_off": ("random_noise", ("added_term",)),
    }

    network: str = "dcgan"
    loss: LossName = "non_saturating"
    n_dis: int = Field(default=1, ge=1)
    beta1: float = Field(default=0.5, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    decay: Literal["none", "linear"] = "none"

    mode: Literal["both", "g_only", "d_only", "random_noise"] = "both"
    random_noise: Literal["added_term", "instead"] = "added_term"
    noise_radius: float = Field(default=0.01, ge=0)
    image_radius: float = Field(default=4.0, ge=0)
    trade_off: float = Field(default=0.1, ge=0)
    mixing: Literal["additive", "convex"] = "additive"
    fake_latents: Literal["clean", "mixture"] = "clean"
    noise_sign: NoiseSign = "maximise"
    direction_of: DirectionOf = "logit"
    clip_images: bool = False
    direction_steps: int = Field(default=1, ge=1)
    random_start: bool = False
    direction_distance: Literal["applied", "unit"] = "applied"
    penalty_images: Literal["clean", "worst_case"] = "clean"

    @model_validator(mode="after")
    def _penalised(self) -> Self:
        if self.worst_penalised and self.regulariser == "none":
            raise ValueError("penalty_images: worst_case has no effect without a regulariser")
        return self

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.trade_off > 1 and (self.mixing == "convex" or self.fake_latents == "mixture"):
            raise ValueError("trade_off is a share, at most 1, with mixing: convex or fake_latents: mixture")
        return self

    @model_validator(mode="after")
    def _looks_further(self) -> Self:
        if self.direction_distance == "unit" and self.direction_steps == 1 and not self.random_start:
            raise ValueError("direction_distance: unit has no effect on one step from the clean point")
        return self

    @property
    def coarsest(self) -> Precision:
        """As of any GAN; short changes of latents of size 1 drown in bfloat16's rounding of these."""
        coarsest = super().coarsest
        moved = self.mode != "d_only" and self.noise_radius < BFLOAT16_NOISE
        return "tf32" if moved and coarsest == "bf16" else coarsest

    @property
    def worst_penalised(self) -> bool:
        """Whether the regulariser is given worst-case images."""
        return self.penalty_images == "worst_case"


class Rgan(GanMethod):
    """A GAN with robust terms in one or both losses."""

    Options: ClassVar[type[MethodOptions]] = RganOptions
    options: RganOptions
    worst: tuple[Tensor, Tensor]  # images of D's update at hand
    mixed_fakes: Tensor  # of ``fake_latents: mixture``, G(z) of D's robust term

    def draws_within_updates(self) -> bool:
        """As in ``GanMethod``; random directions and mixtures are drawn within the updates."""
        drawn = self.options.mode == "random_noise" or self.options.random_start or self.mixes()
        return super().draws_within_updates() or drawn

    def mixes(self) -> bool:
        """Return whether D's robust term has fakes of other latents than its clean one."""
        return self.options.fake_latents == "mixture"

    def noise_alone(self) -> bool:
        """Return whether both networks see noisy inputs and no clean ones."""
        return self.options.random_noise == "instead"

    def search(
        self, radius: float, stream: str, generator: Callable[[str], torch.Generator] | None = None
    ) -> DirectionSearch:
        """Return how a direction for changes of length ``radius`` is looked for.

        Args:
            radius: eps1 or eps2.
            stream: name of a random start's stream.
            generator: gives a stream by its name; None for the run's own.
        """
        o = self.options
        return DirectionSearch(
            steps=o.direction_steps,
            distance=radius if o.direction_distance == "applied" else 1.0,
            start=(generator or self.streams.generator)(stream) if o.random_start else None,
            sign=o.noise_sign,
            of=o.direction_of,
        )

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
                    search=search,
                    watch=self.watch,
                )
        return z + self.options.noise_radius * direction

    def update_discriminator(self, real: Tensor, z: Tensor, *classes: Tensor) -> dict[str, Tensor]:
        """As in ``GanMethod``; of a mixture the fakes of the robust term are made first."""
        if self.mixes():
            fake_classes = Labels(*classes).fake
            draw = torch.rand(len(z), 1, generator=self.streams.generator("noise/mixture"), device=z.device)
            with torch.no_grad():
                mixture = torch.where(draw < self.options.trade_off, self.worse_noise(z, fake_classes), z)
                self.mixed_fakes = self.fakes(mixture, fake_classes)
        return super().update_discriminator(real, z, *classes)

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, labels: Labels = NO_LABELS
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Line 11 (minimised here): S plus lambda times S on worst-case images."""
        if self.noise_alone():
            self.worst = self.worse_images(real, fake, labels)
            return super().discriminator_loss(*self.worst, labels)
        clean, record = super().discriminator_loss(real, fake, labels)
        if self.options.mode == "g_only":
            return clean, record
        self.worst = self.worse_images(real, self.mixed_fakes if self.mixes() else fake, labels)
        worst = zip(self.worst, labels, strict=True)
        robust = self.loss.d(*(self.logits(images, classes) for images, classes in worst))
        return self.mixed(clean, robust), record | {"d_robust": robust}

    def penalised(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the real and the fake images that D's regulariser is given."""
        return self.worst if self.options.worst_penalised else (real, fake)

    def generator_loss(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Line 9: G's loss plus lambda times its loss on worst-case noise."""
        if self.noise_alone():
            return super().generator_loss(self.worse_noise(z, classes), classes)
        clean = super().generator_loss(z, classes)
        if self.options.mode == "d_only":
            return clean
        return self.mixed(clean, super().generator_loss(self.worse_noise(z, classes), classes))


METHOD = Rgan
