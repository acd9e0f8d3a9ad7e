"""Options that all unconditional GAN methods share, and what they build."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from torch import nn

from repro.core.errors import ReproError
from repro.core.spec import Scalar
from repro.methods.base import MethodOptions
from repro.methods.losses import LossName
from repro.methods.regularisers.registry import parse_regulariser
from repro.models import dcgan, robust_dcgan, sngan, toy_mlp
from repro.models.conv_stack import DiscriminatorNorm

Network = Literal["sngan", "dcgan", "robust_dcgan", "mlp"]

_OF_NETWORKS: dict[str, tuple[Network, ...]] = {
    "shortcut_input": ("sngan",),
    "upsampling": ("sngan",),
    "discriminator_norm": ("dcgan", "robust_dcgan"),
}
_LATENT_DIM: dict[Network, int] = {"sngan": 128, "dcgan": 100, "robust_dcgan": 128, "mlp": 2}


def require_points(image_size: int) -> None:
    """Raise ReproError where the toy's network is asked for images of ``image_size`` pixels."""
    if image_size:
        raise ReproError(
            f"network mlp takes points, not images of {image_size} px",
            remedy="choose network sngan, dcgan or robust_dcgan, or method toy_gan or toy_dat",
        )


class GanOptions(MethodOptions):
    """Options of a GAN's training; the defaults are DAT's Table I, which is mimicry's SNGAN.

    Attributes:
        network: family of both networks; ``mlp`` is for points, the others are for images.
        latent_dim: length of the normal latents; None for the family's own (DCGAN 100, mlp 2, others 128).
        shortcut_input, upsampling: see ``models/sngan.py``.
        discriminator_norm: see ``models/dcgan.py``.
        loss: see ``methods/losses.py``.
        regulariser: a file of ``methods/regularisers``, or ``none``; its own options are given as
            ``regulariser.<option>`` and kept in ``regulariser_options``.
        n_dis: discriminator updates for each generator update.
        lr, beta1, beta2: of Adam, for both networks.
        decay: ``linear`` lowers the learning rate from the first step on to 0 at the last one.
        order: whether a step begins with the generator's update or with the discriminator's.
        weight_clip: largest size of a weight of D, enforced after each of its updates (0.01 in WGAN's first
            form); None for no limit.
        flip: mirror half of the real images (no paper here but Rob-GAN's code does).
        train_split: which images are real (DAT, Sec. IV: on STL-10 ``unlabeled``).
        eval_mode_after, reset_seeds_every: slips of DAT's published trainer, see
            ``methods/trainer_slips.py``; None for a trainer without them.
        cuda_graph: on CUDA, replay each update from a graph instead of launching its kernels one by one (see
            ``methods/update_graph.py``); updates that draw random numbers are launched all the same.
    """

    network: Network = "sngan"
    latent_dim: int | None = Field(default=None, ge=1)
    shortcut_input: sngan.ShortcutInput = "relu"
    upsampling: sngan.Upsampling = "bilinear"
    discriminator_norm: DiscriminatorNorm = "batch"
    loss: LossName = "hinge"
    regulariser: str = "none"
    regulariser_options: dict[str, Scalar] = Field(default_factory=dict)
    n_dis: int = Field(default=5, ge=1)
    lr: float = Field(default=2e-4, gt=0)
    beta1: float = Field(default=0.0, ge=0, lt=1)
    beta2: float = Field(default=0.9, ge=0, lt=1)
    decay: Literal["none", "linear"] = "linear"
    order: Literal["g_first", "d_first"] = "d_first"
    weight_clip: float | None = Field(default=None, gt=0)
    flip: bool = False
    train_split: str = "train"
    eval_mode_after: int | None = Field(default=None, ge=1)
    reset_seeds_every: int | None = Field(default=None, ge=1)
    cuda_graph: bool = False

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:
        """Move ``regulariser.<option>`` into ``regulariser_options``."""
        if not isinstance(given, dict):
            return given
        prefix = "regulariser."
        own = {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}
        rest = {key: value for key, value in given.items() if not key.startswith(prefix)}
        return {**rest, "regulariser_options": own} if own else rest

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, networks in _OF_NETWORKS.items():
            if name in self.model_fields_set and self.network not in networks:
                owners = " and ".join(networks)
                raise ValueError(f"{name} belongs to network {owners}, and the network is {self.network}")
        parse_regulariser(self.regulariser, self.regulariser_options)
        return self

    def build_generator(self, image_size: int, width: float) -> nn.Module:
        """Return the generator for square images of ``image_size`` pixels (0 for points)."""
        latent_dim = self.latent_dim or _LATENT_DIM[self.network]
        if self.network == "mlp":
            require_points(image_size)
            return toy_mlp.Generator(latent_dim=latent_dim, width=width)
        if self.network == "sngan":
            return sngan.Generator(image_size, latent_dim=latent_dim, width=width, upsampling=self.upsampling)
        if self.network == "robust_dcgan":
            return robust_dcgan.Generator(image_size, latent_dim=latent_dim, width=width)
        return dcgan.Generator(image_size, latent_dim=latent_dim, width=width)

    def build_discriminator(self, image_size: int, width: float) -> nn.Module:
        """Return the discriminator for square images of ``image_size`` pixels (0 for points)."""
        if self.network == "mlp":
            require_points(image_size)
            return toy_mlp.Discriminator(width=width)
        if self.network == "sngan":
            return sngan.Discriminator(image_size, width=width, shortcut_input=self.shortcut_input)
        if self.network == "robust_dcgan":
            return robust_dcgan.Discriminator(image_size, width=width, norm=self.discriminator_norm)
        return dcgan.Discriminator(image_size, width=width, norm=self.discriminator_norm)
