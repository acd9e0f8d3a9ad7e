"""What a regulariser of the discriminator is.

A new regulariser is one new file, ``src/repro/methods/regularisers/<name>.py``; nothing else changes. README,
"Your own row", shows one. Every method built on ``methods/gan_base.py`` then takes its name as the option
``regulariser``, and the fields of its ``Options`` as ``regulariser.weight: 0.01``. Another option is another
field there, read as ``self.options.<field>`` (annotate ``options: Options`` in the class, so that mypy knows
it). A penalty that draws random numbers takes them from ``self.noise`` and lets ``draws`` return True.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from pydantic import field_validator
from torch import Tensor, nn

from repro.core.spec import Frozen
from repro.core.timing import SplitWatch
from repro.methods.losses import AdversarialLoss, NonSaturating


class RegulariserOptions(Frozen):
    """Base of every regulariser's options.

    Attributes:
        weight: factor of the penalty in the discriminator's loss.
    """

    weight: float = 1.0

    @field_validator("weight", check_fields=False)
    @classmethod
    def _not_negative(cls, value: float) -> float:
        """Check every subclass's weight too: below 0 the penalty is a reward."""
        if value < 0:
            raise ValueError("a weight is 0 or more")
        return value


class Regulariser(ABC):
    """A term of the discriminator's loss.

    Attributes:
        tf32: whether D's updates may be computed in TF32 where the run's precision is.
        needs: methods that D must have besides its forward pass.

    Args:
        options: a value of the class's ``Options``.
        noise: random stream for whatever the penalty draws.
        loss: the loss that D trains with, for penalties that follow its slope.
    """

    Options: ClassVar[type[RegulariserOptions]] = RegulariserOptions
    tf32: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ()

    options: RegulariserOptions

    def __init__(
        self, options: RegulariserOptions, noise: torch.Generator, loss: AdversarialLoss | None = None
    ) -> None:
        self.options = options
        self._noise = noise
        self.loss = loss or NonSaturating()
        self.watch: SplitWatch | None = None  # of a penalty that attacks: set by the method that times it

    def draws(self) -> bool:
        """Return whether the penalty draws random numbers, and D's update is therefore never a CUDA graph."""
        return False

    @property
    def noise(self) -> torch.Generator:
        """The random stream of a penalty that draws.

        Raises:
            RuntimeError: this one does not say that it does.
        """
        if not self.draws():
            raise RuntimeError(f"{type(self).__name__} draws random numbers: let its draws() return True")
        return self._noise

    @abstractmethod
    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return the unweighted penalty, 0-d, differentiable by the discriminator's parameters.

        Args:
            discriminator: images (N,3,H,W) to logits (N,). One that is given classes must be told whose:
                ``models.labelled.of_side(discriminator, "real")``, which leaves others as they are.
            real: the batch of real images (N,3,H,W), constants; clean, but for Rob-GAN's, which
                are attacked, and where an option says otherwise.
            fake: the generated images of the same update (N,3,H,W), constants, likewise.
        """

    def __call__(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Return the weighted penalty, 0-d."""
        return self.options.weight * self.penalty(discriminator, real, fake)
