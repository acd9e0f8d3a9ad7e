"""A module as attacks see it: float32 images to checked logits, nothing else known about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repro.core.errors import ReproError
from repro.models.heads import HeadLogits

Outputs = Tensor | HeadLogits
"""Class logits (N, K), or a two-headed network's real-or-fake and class logits."""

ReadLogits = Callable[[Any], Tensor]
"""Takes the class logits (N, K) out of what a network returns."""


class OwnBackwardError(ReproError):
    """A forward pass calls ``backward()`` where no parameter asks for a gradient."""


class Network:
    """Runs the user's own module, and refuses outputs that cannot be class logits.

    Args:
        module: the network.
        logits: how class logits are read from what it returns; None where it returns them as a tensor, or
            ``HeadLogits``.
    """

    def __init__(self, module: nn.Module, logits: ReadLogits | None = None) -> None:
        self.module = module
        self.logits = logits
        formats = (p.dtype for p in module.parameters() if p.is_floating_point())
        self.dtype = next(formats, torch.float32)

    def __call__(self, images: Tensor) -> Outputs:
        """Return the logits for ``images`` float32 (N, ...), which the module gets as a copy in its format.

        Raises:
            ReproError: the outputs are no class logits.
            OwnBackwardError: the pass trains weights that do not ask for gradients.
        """
        # a copy, for a forward pass may write to what it is given
        outputs = self.module(images.to(self.dtype, copy=True))
        if images.is_leaf and images.grad is not None:
            self._check_backward()
        if self.logits is not None:
            outputs = self.logits(outputs)
        if isinstance(outputs, HeadLogits):
            _check(outputs.classes, len(images))
            if outputs.source.shape != (len(images),):
                raise ReproError(
                    f"the real-or-fake logits of {len(images)} images are {tuple(outputs.source.shape)}",
                    remedy="return one number an image, e.g. HeadLogits(source.squeeze(1), classes)",
                )
        elif isinstance(outputs, Tensor):
            _check(outputs, len(images))
        else:
            raise ReproError(
                f"the network returns {_kind(outputs)}; an attack needs its class logits",
                remedy=f"say where they are, e.g. PGD(..., logits=lambda outputs: {_part(outputs)})",
            )
        return outputs  # type: ignore[no-any-return]

    def _check_backward(self) -> None:
        # Somebody called ``backward()`` within the pass. Where parameters are frozen they got nothing of it,
        # and a network that trains itself would silently be another one.
        if not any(parameter.requires_grad for parameter in self.module.parameters()):
            raise OwnBackwardError(
                "the network's forward pass calls backward(), and no parameter of it asks for a gradient",
                remedy="let the parameters that it trains ask for gradients, or call torch.autograd.grad",
            )


def class_logits(outputs: Outputs) -> Tensor:
    """Return the class logits of either kind of network as float32 (N, K)."""
    return (outputs.classes if isinstance(outputs, HeadLogits) else outputs).float()


def check_finite(outputs: Outputs) -> None:
    """Refuse logits with NaN or infinity, which no attack can climb; on CUDA this waits for the device."""
    if not bool(class_logits(outputs).isfinite().all()):
        raise ReproError(
            "the network's logits contain NaN or infinity",
            remedy="look at its weights (has its training diverged?) and at the range of its number format",
        )


def _check(logits: Tensor, images: int) -> None:
    shape = tuple(logits.shape)
    if shape in ((images,), (images, 1)):
        raise ReproError(
            f"the network returns one number an image {shape}: a softmax over one class never changes",
            remedy="attack TwoClasses(network), which makes two classes of it (0: at most 0, 1: above); a "
            "`logits=` goes to TwoClasses",
        )
    if len(shape) != 2 or shape[0] != images:
        raise ReproError(
            f"the network returns {shape} for {images} images, not one row of class logits for each",
            remedy="give PGD(..., logits=...) a function that makes (N, classes) of it",
        )
    if not logits.is_floating_point():
        raise ReproError(
            f"the network returns {logits.dtype}, which has no gradient",
            remedy="attack the network that gives the logits, before classes are chosen from them",
        )


def _kind(outputs: object) -> str:
    name = type(outputs).__name__
    if isinstance(outputs, Mapping):
        return f"a {name} of {', '.join(map(str, outputs))}"
    return f"a {name} of {len(outputs)}" if isinstance(outputs, tuple | list) else f"a {name}"


def _part(outputs: object) -> str:
    if isinstance(outputs, Mapping):
        return f"outputs[{'logits' if 'logits' in outputs else next(iter(outputs), 'logits')!r}]"
    return "outputs[0]" if isinstance(outputs, tuple | list) else "outputs.logits"
