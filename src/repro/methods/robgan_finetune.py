"""Rob-GAN's second stage: make the discriminator a pure classifier (CVPR 2019, Sec. 3.3, Eq. 11).

It starts from a finished Rob-GAN run and trains on attacked real images plus lambda times attacked fake ones;
the generator only provides images. (Eq. 11 prints argmin for the attack; it must be argmax.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from repro.core.errors import ReproError
from repro.core.options import Beside
from repro.core.spec import RunSpec
from repro.methods.adversarial_training import AdversarialTraining, AdversarialTrainingOptions
from repro.methods.base import State

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet


class RobGANFinetuneOptions(AdversarialTrainingOptions):
    """Options of fine-tuning, beside those of adversarial training.

    Attributes:
        network: the parent's.
        fake_weight: lambda of Eq. 11; the paper prints none, the code's notes say "typically 0.3 to 0.8".
        generator_eval_mode: draw fakes with the generator's running statistics; the code uses each batch's
            own.
        eval_mode: as in the code's script, on here.
    """

    networks: ClassVar[tuple[str, ...]] = ("AC_GAN",)
    no_effect_at: ClassVar[Beside] = {"generator_eval_mode": ("fake_weight", (0,))}

    fake_weight: float = Field(default=0.3, ge=0)
    generator_eval_mode: bool = False
    eval_mode: bool = True


class RobGANFinetune(AdversarialTraining):
    """Minimise CE(attacked reals) + lambda CE(attacked fakes)."""

    Options = RobGANFinetuneOptions
    options: RobGANFinetuneOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        if spec.parent is None:
            raise ReproError(
                "robgan_finetune has no run to start from",
                remedy="give the recipe a start_from that names a robgan recipe",
            )

    def start_from(self, parent_state: State) -> None:
        """Take the discriminator and the generator of a finished Rob-GAN run.

        Raises:
            ReproError: the parent has no such networks, or of another architecture or width.
        """
        try:
            weights = parent_state["modules"]
            self.modules["classifier"].load_state_dict(weights["discriminator"])
            self.generator().load_state_dict(weights["generator"])
        except (KeyError, RuntimeError) as error:
            raise ReproError(
                f"the run {self.spec.parent} does not hold Rob-GAN's networks as these options describe them",
                remedy="start from a robgan run with the same network, latent_dim and width",
            ) from error

    def extra_loss(self, loss: Tensor, record: dict[str, Tensor]) -> Tensor:
        """Add lambda times the loss of attacked fakes of uniformly drawn classes."""
        if self.options.fake_weight == 0:
            return loss
        generator = self.generator().train(not self.options.generator_eval_mode)
        z, labels = self.latents(self.spec.batch_size), self.uniform_classes(self.spec.batch_size)
        with torch.no_grad(), self.autocast():
            images: Tensor = generator(z, labels)
        fake_loss, _ = self.attacked_loss(images.float(), labels)
        record["fake_loss"] = fake_loss.detach()
        return loss + self.options.fake_weight * fake_loss


METHOD = RobGANFinetune
