"""GANs whose networks train on perturbed images: where the perturbation goes, whatever makes it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from repro.attacks.dat_step import PerturbedImages
from repro.core.options import Beside
from repro.methods.gan_base import NO_LABELS, GanMethod, Labels
from repro.methods.gan_options import GanOptions

Position = Literal["discriminator", "real", "fake", "generator", "all"]


class PerturbedOptions(GanOptions):
    """Options of where perturbed images are used.

    Attributes:
        position: where to perturb (DAT, Table IV): both images of D's update, its real or its fake ones
            alone, the fake ones of G's update alone, or all three.
        generator_images: what G's update sees of an image perturbed at its position: ``attached``, so that
            G's gradient passes through the image that the perturbation is added to, or ``detached``, so that
            G gets none and keeps its weights, as the text's "breaks the gradient" may be read. Refused at
            the other positions.
        clean_weight: DATT of Table III, "adversarial examples and normal examples together": weight of the
            loss on clean images beside that on perturbed ones (not given in the paper); 0 is DAT. It is of
            D's loss: at the position ``generator``, which leaves that clean, it is refused.
        auxiliary_images: which images the auxiliary losses of SSGAN and InfoMaxGAN are of. DAT's code takes
            ``clean`` ones; ``perturbed`` those that the adversarial loss sees. Methods without such losses
            refuse it.
        has_auxiliary: whether the method has such losses.
    """

    networks: ClassVar[tuple[str, ...]] = ("GAN",)
    has_auxiliary: ClassVar[bool] = False
    effective_with: ClassVar[Beside] = {
        "clean_weight": ("position", ("discriminator", "real", "fake", "all")),
        "generator_images": ("position", ("generator", "all")),
    }

    position: Position = "discriminator"
    generator_images: Literal["attached", "detached"] = "attached"
    clean_weight: float = Field(default=0.0, ge=0)
    auxiliary_images: Literal["clean", "perturbed"] = "clean"

    @model_validator(mode="after")
    def _auxiliary(self) -> Self:
        if "auxiliary_images" in self.model_fields_set and not self.has_auxiliary:
            raise ValueError("auxiliary_images is for ssgan_dat and infomax_gan_dat, which have such losses")
        return self


class PerturbedGan(GanMethod):
    """A GAN whose discriminator (by default) sees perturbed images only; a subclass says how to perturb."""

    options: PerturbedOptions

    @abstractmethod
    def perturb(self, real: Tensor, fake: Tensor) -> PerturbedImages:
        """Return both batches (N,3,H,W) perturbed against D, which is left as it was."""

    def draws_within_updates(self) -> bool:
        """As in ``GanMethod``; at the generator's position the real images are drawn within its update."""
        return super().draws_within_updates() or self.options.position in ("generator", "all")

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, labels: Labels = NO_LABELS
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """DAT, Algorithm 1, lines 6 to 10: the loss on perturbed images, and for DATT on clean ones too."""
        o = self.options
        if o.position == "generator":
            return super().discriminator_loss(real, fake)
        with self.autocast():
            harder = self.perturb(real, fake)
        shown_real = real if o.position == "fake" else harder.real
        shown_fake = fake if o.position == "real" else harder.fake
        shown = self.discriminate(shown_real)
        loss, record = self.adversarial_loss(shown, self.discriminate(shown_fake))
        clean = shown if shown_real is real else None
        if o.clean_weight:
            clean = self.discriminate(real)
            loss = loss + o.clean_weight * self.adversarial_loss(clean, self.discriminate(fake))[0]
        record["perturbation_l2"] = (harder.real - real).flatten(1).norm(dim=1).mean()
        of_clean = o.auxiliary_images == "clean"
        extra = self.real_auxiliary(real, clean) if of_clean else self.real_auxiliary(shown_real, shown)
        return self.add_auxiliary(loss, extra, record)

    def generator_loss(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Line 13; with a perturbation at position (iii) of Fig. 10 on the images that G's update sends to D.

        The perturbation is a constant there; see ``generator_images`` for the image that it is added to.
        """
        if self.options.position not in ("generator", "all"):
            return super().generator_loss(z)
        fake = self.fakes(z)
        with self.autocast():
            harder = self.perturb(self.real_images(), fake)
        detached = self.options.generator_images == "detached"
        shown = harder.fake if detached else fake + (harder.fake - fake.detach())
        output = self.discriminate(shown)
        of_clean = self.options.auxiliary_images == "clean"
        extra = self.fake_auxiliary(fake, None) if of_clean else self.fake_auxiliary(shown, output)
        loss = self.loss.g(output.logits)
        return loss if extra is None else loss + extra
