"""What an attack maximises, per image, and its gradient with respect to the images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from repro.attacks.network import Outputs, class_logits
from repro.attacks.threat_model import AttackLoss
from repro.core.errors import ReproError
from repro.models.heads import HeadLogits


def losses(outputs: Outputs, labels: Tensor, loss: AttackLoss) -> Tensor:
    """Return each image's loss (N,), larger is worse for the network.

    ``cross_entropy``: of the class. ``cw_margin``: largest wrong logit minus the true one (Carlini and
    Wagner, 2017), which does not saturate. ``joint``: half the cross-entropy of "real" plus half that of the
    class, Rob-GAN's loss on real images.

    Raises:
        ReproError: the joint loss is asked of a network with one head.
    """
    logits = class_logits(outputs)
    if loss == "cw_margin":
        wrong = logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
        return wrong - of_label(logits, labels)
    class_loss = F.cross_entropy(logits, labels, reduction="none")
    if loss == "cross_entropy":
        return class_loss
    if not isinstance(outputs, HeadLogits):
        raise ReproError(
            "the joint loss needs a network with two heads, this one returns class logits alone",
            remedy="let it return repro.models.heads.HeadLogits, or choose loss='cross_entropy'",
        )
    return 0.5 * F.softplus(-outputs.source.float()) + 0.5 * class_loss


def of_label(scores: Tensor, labels: Tensor) -> Tensor:
    """Return each row's score (N,) at its label, of ``scores`` (N, K).

    ``gather`` gives the same, but in deterministic mode its backward pass on CUDA copies strides from the
    host at each call: it waits for the device, and no graph can hold it.
    """
    return -F.nll_loss(scores, labels, reduction="none")


def image_gradient(
    network: Callable[[Tensor], Outputs], images: Tensor, labels: Tensor, loss: AttackLoss
) -> Tensor:
    """Return the gradient of each image's own loss with respect to it: float32, shaped like ``images``.

    The losses are summed, not averaged, so that an image's gradient does not depend on the batch's size.
    Nothing is accumulated into parameters.

    Raises:
        ReproError: the logits do not depend on the images by any gradient.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        total = losses(network(images), labels, loss).sum()
        if not total.requires_grad:
            raise ReproError(
                "no gradient leads from the network's logits back to its images",
                remedy="take out what cuts it (detach, no_grad, numpy), or attack without gradients (Square)",
            )
        (gradient,) = torch.autograd.grad(total, images)
    return gradient
