"""The worst inputs of a trained GAN, sought as RGAN's training seeks them (Algorithm 1, lines 5 to 7)."""

from __future__ import annotations

from torch import Tensor

from repro.attacks.rgan_directions import image_directions, noise_directions
from repro.core.errors import ReproError
from repro.evaluate.generated import Moved
from repro.evaluate.trained import Trained
from repro.methods.gan_base import GanMethod


def gan_of(trained: Trained) -> GanMethod:
    """Return the run's method.

    Raises:
        ReproError: it is no GAN of one generator and one discriminator, or a conditional one.
    """
    method = trained.method
    if not isinstance(method, GanMethod) or int(method.G.n_classes):  # type: ignore[arg-type]
        raise ReproError(
            f"run {trained.spec.run_id} has no generator of noise alone whose worst noise could be sought",
            remedy="name a run of an unconditional GAN, such as gan or rgan",
        )
    return method


def worst_noise(method: GanMethod, radius: float) -> Moved:
    """Return what turns latents z (N, latent_dim) into z + radius r_z; radius 0 leaves them.

    The networks are in the mode that they are in: in eval mode no sample depends on its batch.
    """

    def moved(z: Tensor) -> Tensor:
        return z + radius * noise_directions(method.G, method.D, method.loss, z) if radius else z

    return moved


def worst_images(method: GanMethod, real: Tensor, fake: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Return x + radius r_1 and G(z) + radius r_2 (N,3,H,W), in the bounds of the method's images."""
    directions = image_directions(method.D, method.loss, real, fake)
    return real + radius * directions[0], fake + radius * directions[1]
