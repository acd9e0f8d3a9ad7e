"""The worst inputs of a trained GAN, sought as RGAN's training seeks them (Eq. 9 and 10).

Of a run of RGAN that is as its own options say (sign, steps, start, distance, logit or loss, clipping); of
any other GAN one normalised gradient step from the clean point, RGAN's default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from repro.attacks.rgan_directions import ONE_STEP, DirectionSearch, image_directions, noise_directions
from repro.attacks.threat_model import SYMMETRIC
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch
from repro.evaluate.generated import Moved
from repro.evaluate.trained import Trained
from repro.methods.gan_base import GanMethod
from repro.methods.rgan import Rgan

Draw = Callable[[str], torch.Generator]  # a random stream by its name, such as ``Context.generator``


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


def search_of(method: GanMethod, radius: float, stream: str, draw: Draw) -> DirectionSearch:
    """Return how the directions of ``method`` are looked for; a random start is of ``draw(stream)``."""
    return method.search(radius, stream, draw) if isinstance(method, Rgan) else ONE_STEP


def said_of_noise(method: GanMethod, radii: Iterable[float], draw: Draw) -> str:
    """Return what results say of latents moved by ``radii``."""
    sign = search_of(method, 1.0, "noise/latent", draw).sign
    way = "grows fastest (RGAN, Eq. 9)" if sign == "maximise" else "falls fastest (RGAN, Algorithm 1, line 5)"
    return f"latents moved by {' and '.join(f'{radius:g}' for radius in radii)} where G's loss {way}"


def worst_noise(
    method: GanMethod,
    radius: float,
    draw: Draw,
    stream: str = "noise/latent",
    watch: SplitWatch | None = None,
) -> Moved:
    """Return what turns latents z (N, latent_dim) into z + radius r_z; radius 0 leaves them.

    The networks are in the mode that they are in: in eval mode no sample depends on its batch. ``watch`` adds
    up the time of ``network`` and ``kernel``.
    """
    search = search_of(method, radius, stream, draw)

    def moved(z: Tensor) -> Tensor:
        if not radius:
            return z
        return z + radius * noise_directions(method.G, method.D, method.loss, z, search=search, watch=watch)

    return moved


def worst_images(
    method: GanMethod,
    real: Tensor,
    fake: Tensor,
    radius: float,
    draw: Draw,
    watch: SplitWatch | None = None,
) -> tuple[Tensor, Tensor]:
    """Return x + radius r_1 and G(z) + radius r_2 (N,3,H,W); beyond the box where the training goes there.

    ``watch`` adds up the time of ``network`` and ``kernel``.
    """
    search = search_of(method, radius, "noise/images", draw)
    directions = image_directions(method.D, method.loss, real, fake, search=search, watch=watch)
    worse = [x + radius * r for x, r in zip((real, fake), directions, strict=True)]
    if isinstance(method, Rgan) and method.options.clip_images:
        worse = [SYMMETRIC.clip(x) for x in worse]
    return worse[0], worse[1]
