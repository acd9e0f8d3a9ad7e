"""Classification accuracy on a split, in percent."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from repro.attacks.network import check_finite
from repro.data.image_set import ImageSet
from repro.data.minibatches import in_order
from repro.evaluate.context import Context
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.trained import Trained

VALUES = "accuracy"


class Options(MeasureOptions):
    """What is classified.

    Attributes:
        split: the split of the evaluation's data set.
        batch_size: images per forward pass; changes the time taken, not the result.
    """

    split: str = "test"
    batch_size: int = Field(default=500, ge=1)


@torch.no_grad()
def correct(network: nn.Module, data: ImageSet, bounds: tuple[float, float], batch_size: int = 500) -> Tensor:
    """Return for each image whether its class has the largest logit, bool (N,).

    Args:
        network: images (B,3,H,W) in ``bounds`` to class logits; its mode is the caller's choice.
        data: images and labels, on the network's device.
        bounds: the pixel range that the network was trained on.
        batch_size: images per forward pass.

    Raises:
        ReproError: a logit is not finite.
    """
    parts = [classified(network, images) == labels for images, labels in in_order(data, batch_size, bounds)]
    return torch.cat(parts)


@torch.no_grad()
def classified(network: nn.Module, images: Tensor) -> Tensor:
    """Return the class with the largest logit for each image (N,).

    Raises:
        ReproError: a logit is not finite, so that none is the largest.
    """
    logits = network(images)
    check_finite(logits)
    return logits.argmax(1)  # type: ignore[no-any-return]


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``accuracy``, percent of the images that the run's classifier gets right.

    Raises:
        ReproError: the run has no classifier, or the split does not exist.
    """
    network = trained.method.classifier()
    data = context.labelled(options.split)
    hits = correct(network, data, trained.method.bounds, options.batch_size)
    return {"accuracy": 100.0 * hits.double().mean().item()}
