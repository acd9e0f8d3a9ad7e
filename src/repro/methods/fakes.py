"""Training images from a class-conditional generator, drawn from the run's own streams."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.methods.base import Method
from repro.models.robgan_generator import RobGANGenerator


def draw_fakes(method: Method, generator: RobGANGenerator, n: int) -> tuple[Tensor, Tensor]:
    """Return ``n`` images (n, 3, H, W) in [-1, 1], float32, and their classes int64 (n,).

    Latents are standard normal (stream ``latent``), classes uniform (stream ``labels``). The generator stays
    in the mode that it is in, and gradients flow unless the caller forbids them.
    """
    latent, labels = method.streams.generator("latent"), method.streams.generator("labels")
    z = torch.randn(n, generator.latent_dim, generator=latent, device=latent.device).to(method.device)
    y = torch.randint(generator.n_classes, (n,), generator=labels, device=labels.device).to(method.device)
    with method.autocast():
        images: Tensor = generator(z, y)
    return images.float(), y
