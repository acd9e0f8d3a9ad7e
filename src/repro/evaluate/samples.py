"""A grid of a generator's samples as a picture."""

from __future__ import annotations

import torch
from pydantic import Field

from repro.core.errors import ReproError
from repro.core.vision import torchvision
from repro.evaluate.context import Context
from repro.evaluate.generated import ToUint8, as_uint8, finite_sample
from repro.evaluate.picture import picture_of, write_png
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.trained import Trained

SAMPLES = True
VALUES = "images"


class Options(MeasureOptions):
    """How the grid looks.

    Attributes:
        rows: rows of the grid.
        columns: images in each.
        classes: first label of the rows of a conditional generator: row i shows class (classes + i) modulo
            their number; None draws labels at random. Only for conditional generators.
        to_uint8: ``fixed`` or ``min_max``, see ``generated.as_uint8``.
    """

    rows: int = Field(default=8, ge=1)
    columns: int = Field(default=8, ge=1)
    classes: int | None = Field(default=None, ge=0)
    to_uint8: ToUint8 = "fixed"


def row_labels(options: Options, n_classes: int, device: torch.device) -> torch.Tensor | None:
    """Return one class per image (rows * columns,), or None for random ones.

    Raises:
        ReproError: classes are asked of a generator without classes.
    """
    if options.classes is None:
        return None
    if n_classes == 0:
        raise ReproError(
            "rows of one class each are asked for, but the generator knows no classes",
            remedy="remove the option classes, or name a run of a conditional generator",
        )
    rows = torch.arange(options.classes, options.classes + options.rows, device=device) % n_classes
    return rows.repeat_interleave(options.columns)


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Draw ``grid.png`` and return ``images``, their number. The same seed shows every run the same latents.

    Raises:
        ReproError: the run has no generator, its output is not finite, or it is asked for classes that it
            does not know.
    """
    method, n = trained.method, options.rows * options.columns
    labels = row_labels(options, int(method.generator().n_classes), context.device)  # type: ignore[arg-type]
    sample = finite_sample(method, n, context.generator("latent"), labels)
    images = as_uint8(sample, method.bounds, options.to_uint8)
    grid = torchvision.utils.make_grid(images, nrow=options.columns, padding=2, pad_value=255)
    write_png(picture_of(grid), context.pictures / "grid.png")
    return {"images": float(n)}
