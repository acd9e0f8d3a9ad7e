"""How many iterations of PGD it takes until a network changes its verdict (DAT, Sec. IV-D and Fig. 9)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from repro.attacks.attack_mode import attack_mode, frozen_if_possible
from repro.attacks.balls import BALLS
from repro.attacks.checks import check_alone, check_batch, check_gradients
from repro.attacks.network import Network, check_finite, class_logits
from repro.attacks.objective import image_gradient
from repro.attacks.threat_model import ThreatModel
from repro.core.errors import ReproError
from repro.core.timing import SplitWatch, part


class Flips(NamedTuple):
    """What an attack until the first change of mind gives.

    ``iterations`` int64 (N,) counts from 1 and is the threat model's ``steps`` where nothing flipped;
    ``flipped`` bool (N,); ``attacked`` (N,3,H,W) is each image as it was when it flipped, or at the end.
    """

    iterations: Tensor
    flipped: Tensor
    attacked: Tensor


def iterations_to_flip(
    module: nn.Module, images: Tensor, threat: ThreatModel, watch: SplitWatch | None = None
) -> Flips:
    """Attack each image away from the network's own verdict on it, until that verdict changes.

    The steps are those of ``PGD`` from the image itself: up the loss of the first verdict, then back to ball
    and box. An image that has flipped moves no more. The network is left as it was.

    Args:
        module: images to class logits (N, K).
        images: (N,3,H,W) in the threat model's bounds.
        threat: norm, step size, radius, and in ``steps`` the largest number of iterations.
        watch: where the time of network and kernel is added up.

    Raises:
        ReproError: images and network do not fit, the images are outside the bounds, the network has no
            gradient or one that is no number, or batch norms use the batch's statistics: the batch
            shrinks as images flip, so that verdicts would depend on which are left.
        ValueError: the threat model starts at random or has restarts, which nothing here does.
    """
    if threat.random_start or threat.restarts > 1 or threat.targeted:
        raise ValueError("iterations are counted from the image itself, away from the verdict on it")
    if threat.batch_norm_mode == "train":
        raise ReproError(
            "iterations with batch_norm_mode='train': verdicts would depend on which images are left",
            remedy="leave batch_norm_mode at 'eval'",
        )
    no_labels = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    check_batch(module, images, no_labels, threat, "refuse")
    check_alone(module)
    with torch.inference_mode(False):
        images = images.detach().float().clone()
        return frozen_if_possible(lambda freeze: _flips(module, images, threat, watch, freeze=freeze), module)


def _flips(
    module: nn.Module, images: Tensor, threat: ThreatModel, watch: SplitWatch | None, *, freeze: bool
) -> Flips:
    ball, attacked = BALLS[threat.norm], images.clone()
    iterations = torch.full((len(images),), threat.steps, device=images.device)
    flipped = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    left = torch.arange(len(images), device=images.device)
    network, sound = Network(module), torch.ones((), dtype=torch.bool, device=images.device)
    with attack_mode(module, freeze=freeze):
        with torch.no_grad():
            outputs = network(images)
            check_finite(outputs)
            first = class_logits(outputs).argmax(dim=1)
        for step in range(1, threat.steps + 1):
            here = attacked[left]
            with part(watch, "network"):
                slope = image_gradient(network, here, first[left], threat.loss)
                # a NaN's sign is 0: under Linf it would pass for an image whose verdict stands
                sound &= slope.sum().isfinite()
            with part(watch, "kernel"):
                ball.step_(here, images[left], slope, threat.step_size, threat.radius, threat.bounds)
                attacked[left] = here
            with torch.no_grad(), part(watch, "network"):
                changed = class_logits(network(here)).argmax(dim=1) != first[left]
            iterations[left[changed]], flipped[left[changed]] = step, True
            left = left[~changed]
            if not len(left):
                break
    check_gradients(sound)
    return Flips(iterations, flipped, attacked)
