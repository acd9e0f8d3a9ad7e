"""GAT's learned attack: a network that turns an image's gradient into a perturbation (paper, Sec. 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repro.attacks.attack_mode import attack_mode, frozen_if_possible, ordinary
from repro.attacks.checks import check_classes, check_gradients, check_layout, check_network, check_values
from repro.attacks.kernels.unit_direction import TINY, per_image, unit_direction
from repro.attacks.network import Network, Outputs, ReadLogits, check_finite, class_logits
from repro.attacks.objective import of_label, slope
from repro.attacks.threat_model import UNIT, Bounds

DeltaScale = Literal["none", "unit_rms", "unit_l2", "unit_max"]


def true_class(logits: Tensor, labels: Tensor) -> Tensor:
    """Return F(x)_y, the softmax probability of each image's class (N,); its slope in x is Delta."""
    return of_label(F.softmax(logits, dim=1), labels)


def probability_gradient(
    classifier: Callable[[Tensor], Outputs], images: Tensor, labels: Tensor, *, create_graph: bool = False
) -> Tensor:
    """Return Delta, the gradient of the true class's softmax probability with respect to each image.

    ``classifier`` gives class logits, in the mode that it is in; labels are int64 (N,), the rest as in
    ``slope``.
    """
    return slope(
        lambda points: true_class(class_logits(classifier(points)), labels), images, create_graph=create_graph
    )


def scale_delta(gradient: Tensor, scale: DeltaScale) -> Tensor:
    """Return ``gradient`` (N, C, H, W) scaled image by image; the paper does not (Sec. 5): ``none``.

    ``unit_rms``: root mean square 1; ``unit_l2``: Euclidean length 1; ``unit_max``: largest absolute value 1.
    A gradient of 0 stays 0.
    """
    if scale == "none":
        return gradient
    if scale == "unit_max":
        return gradient / per_image(gradient.flatten(1).abs().amax(dim=1).clamp_min(TINY), gradient)
    return unit_direction(gradient) * (gradient.shape[1:].numel() ** 0.5 if scale == "unit_rms" else 1.0)


@dataclass(frozen=True, kw_only=True)
class GATAttack:
    """x + G(Delta). How far it goes is the generator's own choice: there is no radius.

    Args:
        model: the classifier under attack.
        perturber: the trained generator, gradient images to perturbations in (-1, 1).
        bounds: pixel range.
        delta_scale: how Delta is scaled before the generator sees it; as in its training.
        clip: move values that left the bounds back to them.
        logits: how class logits (N, K) are read from what the classifier returns, where that is no tensor.
    """

    model: nn.Module
    perturber: nn.Module
    bounds: Bounds = UNIT
    delta_scale: DeltaScale = "none"
    clip: bool = True
    logits: ReadLogits | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return attacked images, float32 (N, C, H, W), of ``images`` (N, C, H, W) and labels int64 (N,).

        Raises:
            ReproError: images, labels, classifier and bounds do not fit together, or the classifier's logits
                or gradient are no numbers.
        """
        check_layout(images, labels)
        check_network(self.model, images)
        largest = check_values(images, labels, self.bounds)
        with torch.inference_mode(False):
            images, labels = ordinary(images.detach().float()), ordinary(labels)
            return frozen_if_possible(
                lambda freeze: self._attacked(images, labels, largest, freeze=freeze), self.model
            )

    def _attacked(self, images: Tensor, labels: Tensor, largest: int | None, *, freeze: bool) -> Tensor:
        network = Network(self.model, self.logits)

        def outputs(points: Tensor) -> Outputs:
            found = network(points)
            check_classes(largest, class_logits(found).shape[1])
            check_finite(found)
            return found

        with attack_mode(self.model, freeze=freeze), attack_mode(self.perturber):
            gradient = probability_gradient(outputs, images, labels)
            check_gradients(gradient.isfinite().all())
            with torch.no_grad():
                attacked = images + self.perturber(scale_delta(gradient, self.delta_scale)).float()
        return self.bounds.clip(attacked) if self.clip else attacked
