"""What DAT's perturbation changes in D's update, over a training: the gradient of D's weights.

    change = ||g(x + delta) - g(x)|| / ||g(x)||

with g the gradient of D's adversarial loss with respect to all its weights, on the same real and generated
images. Readings of the perturbation (ledger dat.reduction, dat.g_functions) differ in it by orders of
magnitude; beside them stands the change from one batch to another, the noise that training has anyway.
"""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from repro.attacks.attack_mode import attack_mode
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch
from repro.data.minibatches import scale
from repro.evaluate.context import Context
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.snapshots import over_training
from repro.evaluate.trained import Trained
from repro.methods.dat import DatReading
from repro.methods.gan_base import GanMethod

VALUES = "gradient_change"
SNAPSHOTS = True


class Options(DatReading, MeasureOptions):
    """A reading of DAT's perturbation, and what the clean gradient is compared with.

    Attributes:
        against: the gradient on the same images ``perturbed``, or on the clean images of the ``next_batch``,
            where a reading of the perturbation is refused.
        batches: number of batches, of the training's own size, over which norms are averaged.
        split: which real images.
    """

    against: Literal["perturbed", "next_batch"] = "perturbed"
    batches: int = Field(default=8, ge=2)
    split: str = "train"

    @model_validator(mode="after")
    def _reading(self) -> Self:
        unread = sorted(self.model_fields_set & DatReading.model_fields.keys())
        if self.against == "next_batch" and unread:
            raise ValueError(f"against: next_batch perturbs nothing, leave out {', '.join(unread)}")
        return self


def weight_gradient(method: GanMethod, real: Tensor, fake: Tensor) -> Tensor:
    """Return the gradient of D's adversarial loss on these images with respect to all its weights, flat."""
    loss, _ = method.adversarial_loss(method.discriminate(real), method.discriminate(fake))
    weights = [weight for weight in method.D.parameters() if weight.requires_grad]
    # an auxiliary head takes no part in the adversarial loss: its gradient is 0
    parts = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in parts]).double()


def relative_change(
    method: GanMethod, real: Tensor, latents: Tensor, options: Options, watch: SplitWatch | None = None
) -> float:
    """Return the change in percent: the mean norm of the difference over the mean norm of the gradient.

    Both networks see what they see in training, batch norm the batch's own statistics; spectral norm takes
    the vectors as they are. Networks, buffers and modes are left as they were.

    Args:
        method: its networks and loss.
        real: batches of real images (B, N, 3, H, W), in the method's bounds.
        latents: of as many generated ones (B, N, latent_dim).
        options: what is compared.
        watch: where the time of the perturbation's network and kernel is added up.
    """
    attack = options.attack(method.loss, watch)
    with attack_mode(method.G, "train"), attack_mode(method.D, "train", freeze=False):
        with torch.no_grad():
            fake = [method.fakes(z) for z in latents]
        clean = [weight_gradient(method, *batch) for batch in zip(real, fake, strict=True)]
        if options.against == "next_batch":
            other = [*clean[1:], clean[0]]
        else:
            moved = [attack(method.D, *batch) for batch in zip(real, fake, strict=True)]
            other = [weight_gradient(method, images.real, images.fake) for images in moved]
    norms = torch.stack([gradient.norm() for gradient in clean])
    changes = torch.stack([(a - b).norm() for a, b in zip(other, clean, strict=True)])
    if not norms.sum():
        raise ReproError(
            f"D's loss has no gradient on {len(real)} batches of run {method.spec.run_id}",
            remedy="its training is stuck: lower the learning rate, or choose another loss",
        )
    return 100.0 * (changes.sum() / norms.sum()).item()


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``gradient_change@10%`` and so on, by share of the training, in percent.

    All snapshots see the same real images and the same latents.

    Raises:
        ReproError: the run is no GAN on images, left no snapshots or none of its discriminator, or its data
            are fewer than two batches.
    """
    method, spec = trained.method, trained.spec
    if not isinstance(method, GanMethod) or not method.image_size() or method.conditional:
        raise ReproError(
            f"run {spec.run_id} trains no unconditional GAN on images",
            remedy="name a run of gan, dat or another method on their base",
        )
    n = spec.batch_size
    data = context.images(options.split)
    batches = min(options.batches, len(data) // n)
    if batches < 2:
        raise ReproError(
            f"{len(data)} images are no two batches of {n}",
            remedy="let the profile measure more images (measuring: images_of: gradient_effect)",
        )
    device = context.device
    order = torch.randperm(len(data), generator=context.generator("data_order"), device=device)
    images = scale(data.images[order[: batches * n].view(batches, n)], method.bounds)
    size = batches, n, int(method.G.latent_dim)  # type: ignore[arg-type]
    latents = torch.randn(size, generator=context.generator("latent"), device=device)

    def change() -> Values:
        return {"gradient_change": relative_change(method, images, latents, options, context.watch)}

    return over_training(trained, change, needs=("generator", "discriminator"))
