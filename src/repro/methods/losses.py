"""Losses of a GAN, on raw logits t = D(x).

Each is given by two functions (DAT, Eq. 1): the discriminator maximises E g1(D(real)) + E g2(D(fake)). The
generator minimises its own function of D(fake), which for most is -g1 (the non-saturating form).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

LossName = Literal["non_saturating", "saturating", "lsgan", "wasserstein", "hinge"]


class AdversarialLoss(ABC):
    """A pair of losses; all functions take logits (N,) in any range."""

    @abstractmethod
    def g1(self, t: Tensor) -> Tensor:
        """Return what the discriminator gains from a real image with logit ``t``, elementwise."""

    @abstractmethod
    def g2(self, t: Tensor) -> Tensor:
        """Return what the discriminator gains from a fake image with logit ``t``, elementwise."""

    def each_g(self, fake: Tensor) -> Tensor:
        """Return the generator's loss for each fake image, elementwise."""
        return -self.g1(fake)

    def d(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss, 0-d."""
        return -self.g1(real).mean() - self.g2(fake).mean()

    def g(self, fake: Tensor) -> Tensor:
        """Return the generator's loss, 0-d."""
        return self.each_g(fake).mean()


class NonSaturating(AdversarialLoss):
    """Goodfellow et al. 2014, Sec. 3: g1 = log sigmoid(t), g2 = log(1 - sigmoid(t)); G minimises -g1."""

    def g1(self, t: Tensor) -> Tensor:
        """Return log sigmoid(t)."""
        return F.logsigmoid(t)

    def g2(self, t: Tensor) -> Tensor:
        """Return log(1 - sigmoid(t)) = log sigmoid(-t)."""
        return F.logsigmoid(-t)


class Saturating(NonSaturating):
    """Goodfellow et al. 2014, Eq. 1: the zero-sum game; G minimises log(1 - sigmoid(t)) (RGAN, Eq. 7)."""

    def each_g(self, fake: Tensor) -> Tensor:
        """Return log(1 - sigmoid(t))."""
        return self.g2(fake)


class LeastSquares(AdversarialLoss):
    """LSGAN (Mao et al. 2017, Eq. 9) with targets 1 for real, 0 for fake, 1 for the generator; no halves."""

    def g1(self, t: Tensor) -> Tensor:
        """Return -(t - 1)^2."""
        return -((t - 1) ** 2)

    def g2(self, t: Tensor) -> Tensor:
        """Return -t^2."""
        return -(t**2)


class Wasserstein(AdversarialLoss):
    """WGAN (Arjovsky et al. 2017): the difference of the means; wants a discriminator of bounded slope."""

    def g1(self, t: Tensor) -> Tensor:
        """Return t."""
        return t

    def g2(self, t: Tensor) -> Tensor:
        """Return -t."""
        return -t


class Hinge(AdversarialLoss):
    """SN-GAN (Miyato et al. 2018, Eqs. 16, 17): g1 = min(0, t - 1), g2 = min(0, -t - 1); G minimises -t."""

    def g1(self, t: Tensor) -> Tensor:
        """Return min(0, t - 1)."""
        return -F.relu(1 - t)

    def g2(self, t: Tensor) -> Tensor:
        """Return min(0, -t - 1)."""
        return -F.relu(1 + t)

    def each_g(self, fake: Tensor) -> Tensor:
        """Return -t."""
        return -fake


_LOSSES: dict[LossName, type[AdversarialLoss]] = {
    "non_saturating": NonSaturating,
    "saturating": Saturating,
    "lsgan": LeastSquares,
    "wasserstein": Wasserstein,
    "hinge": Hinge,
}


def make_loss(name: LossName) -> AdversarialLoss:
    """Return the loss called ``name``."""
    return _LOSSES[name]()
