"""A generator's samples as uint8 images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from repro.core.errors import ReproError
from repro.data.minibatches import to_uint8
from repro.methods.base import Method

ToUint8 = Literal["fixed", "min_max"]
Moved = Callable[[Tensor], Tensor]
CHUNK = 1000


def as_uint8(images: Tensor, bounds: tuple[float, float], how: ToUint8) -> Tensor:
    """Return float ``images`` (N,3,H,W) as uint8.

    Args:
        images: generated images.
        bounds: their nominal pixel range.
        how: ``fixed`` maps ``bounds`` onto [0,255]; ``min_max`` maps the smallest and the largest value that
            occur in the whole set (mimicry's convention, which stretches the contrast of a generator that
            uses less than its range). Both round to nearest.
    """
    if how == "min_max":
        low, high = (float(value) for value in images.aminmax())
        bounds = (low, high if high > low else low + 1.0)
    return to_uint8(images, bounds)


def finite_sample(
    method: Method,
    n: int,
    latent: torch.Generator,
    labels: Tensor | None = None,
    moved: Moved | None = None,
) -> Tensor:
    """Return ``n`` samples of the method's generator, (n,3,H,W) in its bounds; see ``Method.sample``.

    Raises:
        ReproError: the method has no generator, or the generator's output is not finite.
    """
    images = method.sample(n, latent, labels, moved=moved)
    if not images.isfinite().all():
        raise ReproError(
            f"the generator of run {method.spec.run_id} gives values that are not finite",
            remedy="its training diverged: look at its log, lower the learning rate, train again",
        )
    return images


def generated_uint8(
    method: Method,
    n: int,
    latent: torch.Generator,
    how: ToUint8,
    moved: Moved | None = None,
    labels: Tensor | None = None,
) -> Tensor:
    """Return ``n`` samples of the method's generator, uint8 (n,3,H,W), on the CPU.

    Args:
        method: drawn from in eval mode; its state stays as it was.
        n: number of samples.
        latent: source of latents and labels; drawn in chunks of 1000.
        how: see ``as_uint8``.
        moved: returns the latents that are shown in the place of those drawn.
        labels: classes (n,), int64, of a conditional generator; None for uniform ones.

    Raises:
        ReproError: the method has no generator, or the generator's output is not finite.
    """
    chunks = []
    for done in range(0, n, CHUNK):
        own = None if labels is None else labels[done : done + CHUNK].to(method.device)
        images = finite_sample(method, min(CHUNK, n - done), latent, own, moved)
        chunks.append((as_uint8(images, method.bounds, how) if how == "fixed" else images).cpu())
    samples = torch.cat(chunks)
    return samples if how == "fixed" else as_uint8(samples, method.bounds, how)
