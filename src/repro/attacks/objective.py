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

    Arguments but the loss as in ``slope``.
    """
    return slope(lambda points: losses(network(points), labels, loss), images)


def slope(objective: Callable[[Tensor], Tensor], images: Tensor, *, create_graph: bool = False) -> Tensor:
    """Return the gradient of each image's own ``objective`` with respect to it, shaped like ``images``.

    The values are summed, not averaged, so that an image's gradient does not depend on the batch's size.
    Nothing is accumulated into parameters.

    Args:
        objective: images to one value each, (N,).
        images: (N, ...) float32.
        create_graph: keep the graph, so that a loss can be differentiated through it (second order).

    Raises:
        ReproError: the values do not depend on the images by any gradient.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        total, gradient = objective(images).sum(), None
        if total.requires_grad:
            (gradient,) = torch.autograd.grad(total, images, create_graph=create_graph, allow_unused=True)
    if gradient is None:
        raise ReproError(
            "no gradient leads from the network's logits back to its images",
            remedy="take out what cuts it (detach, no_grad, numpy), or attack without gradients (Square)",
        )
    return gradient
