"""Options that all GAN methods share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from repro.core.errors import ReproError
from repro.core.options import Beside
from repro.core.spec import Precision, Scalar
from repro.methods.losses import LossName
from repro.methods.options import CropArea, NetworkOptions
from repro.methods.regularisers.registry import parse_regulariser


class GanOptions(NetworkOptions):
    """Options of a GAN's training; the defaults are DAT's Table I, which is mimicry's SNGAN.

    Attributes:
        network: family of both networks, a file of ``models``.
        loss: see ``methods/losses.py``.
        regulariser: a file of ``methods/regularisers``, or ``none``; its own options are given as
            ``regulariser.<option>`` and kept in ``regulariser_options``.
        n_dis: discriminator updates for each generator update.
        learning_rate, beta1, beta2: of Adam, for both networks.
        decay: ``linear`` lowers the learning rate to 0 at the last step.
        decay_from: share of the training after which that begins, the rate being constant until then: in
            SN-GAN's code the last 50,000 steps, whatever their number.
        order: whether a step begins with the generator's update or with the discriminator's.
        weight_clip: largest size of a weight of D, enforced after each of its updates (0.01 in WGAN's first
            form); None for no limit.
        flip: mirror half of the real images (no paper here but Rob-GAN's code does).
        crop_padding: pixels of black around a real image before a random crop to its size; 0 for none.
        crop_area: in its place, smallest and largest share of the area of a random square that is enlarged.
        train_split: which images are real (DAT, Sec. IV: on STL-10 ``unlabeled``).
        eval_mode_after, reset_seeds_every: what DAT's published trainer does by mistake, see
            ``methods/published_trainer.py``; None for a trainer without them.
        class_real, class_fake: weights of an auxiliary classifier's cross-entropy on real and on generated
            images in D's loss (1 and 1: AC-GAN, Odena et al. 2017, Sec. 3; 1 and 0: Rob-GAN's Eq. 10).
        class_generator: weight of the same in G's loss. Without such a classifier all three are refused.
        cuda_graph: on CUDA, replay each update from a graph instead of launching its kernels one by one, if
            it is found to give the same bits (``methods/update_graph.py``); updates that draw random numbers
            are launched all the same.
    """

    networks: ClassVar[tuple[str, ...]] = ("GAN", "CONDITIONAL_GAN", "AC_GAN")
    only_with: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
        ("class_real", "class_fake", "class_generator"), ("AC_GAN",)
    )
    effective_with: ClassVar[Beside] = {
        "crop_padding": ("crop_area", (None,)),
        "decay_from": ("decay", ("linear",)),
    }

    network: str = "sngan"
    loss: LossName = "hinge"
    regulariser: str = "none"
    regulariser_options: dict[str, Scalar] = Field(default_factory=dict)
    n_dis: int = Field(default=5, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0)
    beta1: float = Field(default=0.0, ge=0, lt=1)
    beta2: float = Field(default=0.9, ge=0, lt=1)
    decay: Literal["none", "linear"] = "linear"
    decay_from: float = Field(default=0.0, ge=0, lt=1)
    order: Literal["g_first", "d_first"] = "d_first"
    weight_clip: float | None = Field(default=None, gt=0)
    flip: bool = False
    crop_padding: int = Field(default=0, ge=0)
    crop_area: CropArea = None
    train_split: str = "train"
    eval_mode_after: int | None = Field(default=None, ge=1)
    reset_seeds_every: int | None = Field(default=None, ge=1)
    class_real: float = Field(default=1.0, ge=0)
    class_fake: float = Field(default=1.0, ge=0)
    class_generator: float = Field(default=1.0, ge=0)
    cuda_graph: bool = True

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
        parse_regulariser(self.regulariser, self.regulariser_options)
        return self

    @property
    def coarsest(self) -> Precision:
        """The coarsest number format that does not round away what the updates look at."""
        parsed = parse_regulariser(self.regulariser, self.regulariser_options)
        return "bf16" if parsed is None or parsed[0].tf32 else "float32"

    def check_precision(self, precision: Precision) -> None:
        """Check that bfloat16 will do; without TF32, where that will not, the updates are computed anyway."""
        if precision == "bf16" and self.coarsest != "bf16":
            raise ReproError(
                "bfloat16 rounds away the small changes of images or latents that this training looks at",
                remedy=f"give the recipe precision: {self.coarsest} in the profile"
                + (", on a GPU; elsewhere float32" if self.coarsest == "tf32" else ""),
            )
