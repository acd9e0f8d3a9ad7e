"""Local Lipschitz value of a classifier at real images: the L2 norm of its loss's gradient (Rob-GAN, Eq. 5).

Rob-GAN bounds what an attack of a small radius can do by the size of the loss's gradient at the image, and
compares that size between training and test images.
"""

from __future__ import annotations

import torch
from pydantic import Field

from repro.attacks.attack_mode import attack_mode
from repro.attacks.checks import check_gradients
from repro.attacks.objective import image_gradient
from repro.data.image_set import ImageSet
from repro.data.minibatches import in_order
from repro.evaluate.context import Context
from repro.evaluate.registry import MeasureOptions, Values
from repro.evaluate.snapshots import over_training
from repro.evaluate.trained import Trained

VALUES = "local_lipschitz local_lipschitz_std"


class Options(MeasureOptions):
    """At which images.

    Attributes:
        split: the split of the evaluation's data set.
        batch_size: images per pass.
        over_training: measure each of the run's snapshots instead of its end.
    """

    split: str = "test"
    batch_size: int = Field(default=250, ge=1)
    over_training: bool = False


def measure(trained: Trained, context: Context, options: Options) -> Values:
    """Return ``local_lipschitz`` (mean over images) and ``local_lipschitz_std`` (spread over images).

    With ``over_training`` ``local_lipschitz@10%`` and so on, by share of the training.

    Each is the L2 norm of the cross-entropy's gradient with respect to the image, in units of the loss per
    unit of the model's own pixel range.

    Raises:
        ReproError: the run has no classifier (or no snapshots), the split does not exist, or a gradient is
            not finite.
    """
    data = context.labelled(options.split)
    if not options.over_training:
        return _at_end(trained, data, options)
    holder = "classifier" if "classifier" in trained.method.modules else "discriminator"
    return over_training(trained, lambda: _at_end(trained, data, options), needs=(holder,))


def _at_end(trained: Trained, data: ImageSet, options: Options) -> Values:
    network, bounds = trained.method.classifier(), trained.method.bounds
    parts = []
    with attack_mode(network):
        for images, labels in in_order(data, options.batch_size, bounds):
            parts.append(image_gradient(network, images, labels, "cross_entropy").flatten(1).norm(dim=1))
    norms = torch.cat(parts).double()
    check_gradients(norms.isfinite().all())
    return {"local_lipschitz": norms.mean().item(), "local_lipschitz_std": norms.std(correction=0).item()}
