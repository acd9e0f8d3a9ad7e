"""A picture of what a generator does to images: x, Delta, G(Delta) and x + G(Delta), one column an image."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from repro.core.vision import torchvision
from repro.data.minibatches import to_uint8
from repro.evaluate.picture import picture_of, write_png

ZOOM, MARGIN = 2, 92
"""Screen pixels per pixel of an image, and pixels left of the grid for the rows' names."""


def stretched(values: Tensor, largest: Tensor | float) -> Tensor:
    """Return ``values`` (N, C, H, W) with 0 in the middle grey and +-``largest`` at the ends of [0, 1]."""
    return 0.5 + values / (2 * torch.as_tensor(largest).clamp_min(1e-20))


def draw_perturbations(path: Path, images: Tensor, deltas: Tensor, perturbations: Tensor) -> float:
    """Write the grid as a PNG and return the factor that G(Delta) is shown enlarged by.

    Args:
        path: the file.
        images: (N, 3, H, W) in [0, 1].
        deltas: G's inputs, same shape; each is shown with its own largest value at full contrast.
        perturbations: G(Delta), same shape; all are shown with one factor.
    """
    largest = perturbations.abs().amax().item()
    factor = 0.5 / max(largest, 1e-20)
    own = deltas.abs().flatten(1).amax(dim=1).view(-1, 1, 1, 1)
    rows = {
        "x": images,
        "Delta, stretched": stretched(deltas, own),
        f"G(Delta) x {factor:.3g}": stretched(perturbations, largest),
        "x + G(Delta)": images + perturbations,
    }
    pixels = to_uint8(torch.cat(list(rows.values())), (0.0, 1.0))
    grid = torchvision.utils.make_grid(pixels, nrow=len(images), padding=1, pad_value=255)
    picture = picture_of(grid)
    picture = picture.resize((picture.width * ZOOM, picture.height * ZOOM), Image.Resampling.NEAREST)
    labelled = Image.new("RGB", (picture.width + MARGIN, picture.height), "white")
    labelled.paste(picture, (MARGIN, 0))
    pen = ImageDraw.Draw(labelled)
    for index, name in enumerate(rows):
        pen.text((3, (index + 0.42) * picture.height / len(rows)), name, fill="#222222")
    write_png(labelled, path)
    return factor
