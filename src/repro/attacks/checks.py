"""What an attack can be asked to do: batches that fit the network, the labels and the box."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from repro.attacks.threat_model import Bounds, ThreatModel
from repro.core.errors import ReproError

Outside = Literal["refuse", "allow"]
FORMATS = (torch.float32, torch.bfloat16, torch.float16)
SLACK = 1e-5
"""Share of the box's size by which rounding may have moved a value out of it."""


def check_batch(
    model: nn.Module, images: Tensor, labels: Tensor, threat: ThreatModel, outside: Outside
) -> int | None:
    """Refuse a batch that an attack on ``model`` cannot mean.

    Args:
        model: the network.
        images: should be floating, (N, ...), in the bounds, without NaN.
        labels: should be int64 (N,), not negative.
        threat: bounds, and a radius that should not exceed the box of such images.
        outside: ``allow`` looks at no values, which on CUDA also saves a wait for the device.

    Returns:
        The largest label, if values were looked at.

    Raises:
        ReproError: naming what does not fit.
    """
    check_layout(images, labels)
    check_network(model, images)
    threat.check_reach(math.prod(images.shape[1:]))
    return None if outside == "allow" else check_values(images, labels, threat.bounds)


def check_alone(model: nn.Module) -> None:
    """Refuse a network whose verdict on an image depends on its batch, in eval mode too.

    Raises:
        ReproError: a batch norm has no running statistics (``track_running_stats=False``).
    """
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and module.running_mean is None:
            raise ReproError(
                f"{name or 'the network'}, a batch norm, keeps no running statistics: a verdict on an image "
                "would depend on which others are left beside it",
                remedy="attack with PGD of one start, which takes the batch as it is",
            )


def check_values(images: Tensor, labels: Tensor, bounds: Bounds) -> int | None:
    """Refuse images outside ``bounds`` or with NaN, and negative labels; return the largest label."""
    if not len(images):
        return None
    wide = torch.float32 if images.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
    low, high = (value.to(wide) for value in images.aminmax())
    least, most = (value.to(wide) for value in labels.aminmax())
    lowest, highest, least_label, largest_label = torch.stack([low, high, least, most]).tolist()
    slack = SLACK * (bounds.high - bounds.low) if bounds.finite else 0.0
    if not (bounds.low - slack <= lowest and highest <= bounds.high + slack):
        found = "NaN" if lowest != lowest else f"values in [{lowest:g}, {highest:g}]"
        raise ReproError(
            f"images for an attack in {bounds} contain {found}",
            remedy="scale the images to the threat model's bounds (Bounds.to), or give it the images' bounds",
        )
    if least_label < 0:
        raise ReproError(f"labels contain {least_label:g}", remedy="give each image's class, counted from 0")
    return int(largest_label)


def check_layout(images: Tensor, labels: Tensor) -> None:
    """Refuse wrong shapes, types and devices."""
    if not images.is_floating_point() or images.dim() < 2:
        raise ReproError(
            f"images for an attack are {tuple(images.shape)} of {images.dtype}",
            remedy="give a batch (N, C, H, W) of float32",
        )
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise ReproError(
            f"labels of {len(images)} images are {tuple(labels.shape)} of {labels.dtype}",
            remedy=f"give one class number per image: int64 ({len(images)},)",
        )
    if labels.device != images.device:
        raise ReproError(
            f"images are on {images.device}, labels on {labels.device}", remedy="move both to one device"
        )


def check_network(model: nn.Module, images: Tensor) -> None:
    """Refuse a network on another device, or of parameters that have no gradient of float32 images."""
    for name, module in model.named_modules():
        if hasattr(module, "_initialize_hook"):
            raise ReproError(
                f"the network's {name or type(module).__name__} has not run yet (a lazy layer)",
                remedy="run the network on one batch first",
            )
    devices = {parameter.device for parameter in model.parameters()}
    for name, parameter in model.named_parameters():
        if parameter.is_inference():
            raise ReproError(
                f"the network's {name} was made in inference mode, where nothing can be differentiated",
                remedy="make or load the network outside torch.inference_mode()",
            )
        if images.device not in devices or parameter.device.type != images.device.type:
            raise ReproError(
                f"the network is on {parameter.device} ({name}), the images are on {images.device}",
                remedy=f"move one of them, e.g. images.to({str(parameter.device)!r})",
            )
        if parameter.is_floating_point() and parameter.dtype not in FORMATS:
            raise ReproError(
                f"the network's {name} is {parameter.dtype}, perturbations are float32",
                remedy="convert the network with .float()",
            )


def check_classes(largest: int | None, classes: int) -> None:
    """Refuse labels that the network has no logit for."""
    if largest is not None and largest >= classes:
        raise ReproError(
            f"labels go up to {largest}, the network has {classes} classes",
            remedy="count classes from 0, and give the network that was trained on these classes",
        )


def check_gradients(sound: Tensor | None) -> None:
    """Refuse an attack unless all its gradients were finite: ``sound``, bool (0-d); None: nobody looked."""
    if sound is not None and not bool(sound):
        raise ReproError(
            "the gradient of the network's loss contains NaN or infinity",
            remedy="look in its forward pass for 0/0, a root or logarithm of 0, a number format too small",
        )
