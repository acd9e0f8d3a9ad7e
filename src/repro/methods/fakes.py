"""What a generator's training images are drawn from: latents and classes of the run's own streams."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from repro.methods.base import Method


def random_latents(method: Method, generator: nn.Module, n: int) -> Tensor:
    """Return ``n`` standard normal latents (n, latent_dim) of the stream ``latent``."""
    latent, size = method.streams.generator("latent"), int(generator.latent_dim)  # type: ignore[arg-type]
    return torch.randn(n, size, generator=latent, device=method.device)


def random_classes(method: Method, generator: nn.Module, n: int) -> Tensor:
    """Return ``n`` uniformly drawn classes (n,), int64, of the stream ``labels``."""
    labels, count = method.streams.generator("labels"), int(generator.n_classes)  # type: ignore[arg-type]
    return torch.randint(count, (n,), generator=labels, device=method.device)
