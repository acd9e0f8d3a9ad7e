"""What an attack maximises, per image, and its gradient with respect to the images."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repro.attacks.threat_model import AttackLoss

Outputs = Tensor | tuple[Tensor, Tensor]


class Network(Protocol):
    """Images to class logits (N, K), or for the joint loss to real-or-fake logits (N,) and class logits."""

    def __call__(self, images: Tensor, /) -> Outputs:
        """Return the logits."""


def in_its_format(network: nn.Module) -> Network:
    """Return ``network`` made to take float32 images whatever format (bf16, say) its weights have."""
    formats = (p.dtype for p in network.parameters() if p.is_floating_point())
    dtype = next(formats, torch.float32)
    if dtype == torch.float32:
        return network
    return lambda images: network(images.to(dtype))


def class_logits(outputs: Outputs) -> Tensor:
    """Return the class logits of either kind of network as float32 (N, K)."""
    return (outputs[1] if isinstance(outputs, tuple) else outputs).float()


def losses(outputs: Outputs, labels: Tensor, loss: AttackLoss) -> Tensor:
    """Return each image's loss (N,), larger is worse for the network.

    ``cross_entropy``: of the class. ``cw_margin``: largest wrong logit minus the true one (Carlini and
    Wagner, 2017), which does not saturate. ``joint``: half the cross-entropy of "real" plus half that of the
    class, Rob-GAN's loss on real images.

    Raises:
        ValueError: the joint loss is asked of a network with one head.
    """
    logits = class_logits(outputs)
    if loss == "cw_margin":
        wrong = logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
        return wrong - logits.gather(1, labels[:, None]).squeeze(1)
    class_loss = F.cross_entropy(logits, labels, reduction="none")
    if loss == "cross_entropy":
        return class_loss
    if not isinstance(outputs, tuple):
        raise ValueError("the joint loss needs a network that returns (real-or-fake logits, class logits)")
    return 0.5 * F.softplus(-outputs[0].float()) + 0.5 * class_loss


def image_gradient(network: Network, images: Tensor, labels: Tensor, loss: AttackLoss) -> Tensor:
    """Return the gradient of each image's own loss with respect to it: float32, shaped like ``images``.

    The losses are summed, not averaged, so that an image's gradient does not depend on the batch's size.
    Nothing is accumulated into parameters.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        total = losses(network(images), labels, loss).sum()
        (gradient,) = torch.autograd.grad(total, images)
    return gradient
