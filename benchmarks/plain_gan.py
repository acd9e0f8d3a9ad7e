"""SNGAN-32 as mimicry has it, and a plain loop for any GAN: what the benchmarks of GAN loops time against.

SNGAN's networks are in torch's own layers: ``torch.nn.utils.spectral_norm``, a 3x3 convolution and then the
mean of squares, the 1x1 shortcut at full size. The loop is eager, images come from ``DataLoader`` workers
that decode and scale them one by one, D's gradients are computed in G's step too, fakes for D are made with a
graph and then detached, and every loss is read on the host at once. It is bound to no order of additions:
deterministic mode would replace its bilinear doubling by slow gathers. mimicry itself needs tensorflow.

The attributes are named as in ``repro.models.sngan``, so that weights can be copied (``adopt``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm  # the old form, which mimicry uses
from torch.optim import Adam
from torch.utils.data import DataLoader, Dataset

from repro.core.vision import torchvision
from subjects import as_others_run

LATENT_DIM = 128


def _double(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


class GeneratorBlock(nn.Module):
    """BN, ReLU, double, 3x3, BN, ReLU, 3x3; shortcut: double, 1x1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        doubled = F.interpolate(
            F.relu(self.norm1(maps)), scale_factor=2, mode="bilinear", align_corners=False
        )
        hidden: Tensor = self.conv2(F.relu(self.norm2(self.conv1(doubled))))
        return hidden + self.shortcut(_double(maps))


class Generator(nn.Module):
    """Latents (N,128) to images (N,3,32,32)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.first = nn.Linear(LATENT_DIM, channels * 16)
        self.blocks = nn.Sequential(*(GeneratorBlock(channels, channels) for _ in range(3)))
        self.norm = nn.BatchNorm2d(channels)
        self.last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        maps = self.blocks(self.first(z).view(-1, self.channels, 4, 4))
        return torch.tanh(self.last(F.relu(self.norm(maps))))


def _normalised(inputs: int, outputs: int, size: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, size, padding=size // 2))


class Block(nn.Module):
    """A block of the discriminator; the first has no leading ReLU and pools before its shortcut."""

    def __init__(self, inputs: int, outputs: int, *, first: bool, halve: bool) -> None:
        super().__init__()
        self.is_first, self.halve = first, halve
        self.conv1 = _normalised(inputs, outputs, 3)
        self.conv2 = _normalised(outputs, outputs, 3)
        self.shortcut = _normalised(inputs, outputs, 1) if first or halve else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        if self.is_first:
            hidden = F.avg_pool2d(self.conv2(F.relu(self.conv1(maps))), 2)
            short: Tensor = self.shortcut(F.avg_pool2d(maps, 2))
            return hidden + short
        active = F.relu(maps)  # in place in mimicry, so that its shortcut sees it too
        hidden, short = self.conv2(F.relu(self.conv1(active))), self.shortcut(active)
        return F.avg_pool2d(hidden, 2) + F.avg_pool2d(short, 2) if self.halve else hidden + short


class Discriminator(nn.Module):
    """Images (N,3,32,32) to logits (N,)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Block(3, channels, first=True, halve=True),
            Block(channels, channels, first=False, halve=True),
            Block(channels, channels, first=False, halve=False),
            Block(channels, channels, first=False, halve=False),
        )
        self.last = spectral_norm(nn.Linear(channels, 1))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(F.relu(self.blocks(images)).sum(dim=(2, 3)))
        return logits.squeeze(1)


def adopt(plain: nn.Module, ours: nn.Module) -> None:
    """Copy the weights, statistics and spectral-norm vectors of a network of ``repro.models.sngan``."""
    renamed = {}
    normalised = {
        name.removesuffix(".spectral.u") for name in ours.state_dict() if name.endswith("spectral.u")
    }
    for name, value in ours.state_dict().items():
        layer, _, kind = name.rpartition(".")
        if kind in ("u", "v") and layer.endswith(".spectral"):
            name = f"{layer.removesuffix('.spectral')}.weight_{kind}"
        elif kind == "weight" and layer in normalised:
            name = f"{layer}.weight_orig"
        renamed[name] = value.clone()
    plain.load_state_dict(renamed)


class Pictures(Dataset[Tensor]):
    """Images as a data set of pictures: decoded, converted and scaled to [-1,1] one at a time."""

    def __init__(self, images: Tensor) -> None:
        self.images = images.permute(0, 2, 3, 1).contiguous().cpu().numpy().astype(np.uint8)
        transforms = torchvision.transforms
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        scaled: Tensor = self.transform(Image.fromarray(self.images[index]))
        return scaled


class Feed(Protocol):
    """Where the loop's batches come from."""

    def images(self) -> Tensor:
        """Return real images (N,3,32,32) in [-1,1], on the device."""

    def latents(self, n: int) -> Tensor:
        """Return normal latents (n, latent_dim), on the device."""

    def shares(self, n: int) -> Tensor:
        """Return uniform shares (n,1,1,1) of the real image in an interpolate, on the device."""


class LoaderFeed:
    """Batches of a ``DataLoader`` with worker processes, latents of torch's global generator."""

    def __init__(
        self,
        images: Tensor,
        batch_size: int,
        workers: int,
        device: torch.device,
        latent_dim: int = LATENT_DIM,
    ) -> None:
        self.device, self.latent_dim = device, latent_dim
        self.loader = DataLoader(
            Pictures(images), batch_size, shuffle=True, num_workers=workers, drop_last=True
        )
        self.left: Iterator[Tensor] = iter(self.loader)

    def images(self) -> Tensor:
        batch = next(self.left, None)
        if batch is None:
            self.left = iter(self.loader)
            batch = next(self.left)
        return batch.to(self.device)

    def latents(self, n: int) -> Tensor:
        return torch.randn(n, self.latent_dim, device=self.device)

    def shares(self, n: int) -> Tensor:
        return torch.rand(n, 1, 1, 1, device=self.device)


@dataclass(frozen=True)
class Recipe:
    """How a plain loop trains: loss, weight of WGAN-GP's penalty, Adam, D's updates for each of G.

    Attributes:
        steps: of the whole run, over which the learning rate falls to 0; None keeps it.
    """

    loss: Literal["hinge", "non_saturating", "wasserstein"] = "hinge"
    penalty: float = 0.0
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.0, 0.9)
    n_dis: int = 5
    steps: int | None = None

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return D's loss of its logits (N,) on real and generated images."""
        if self.loss == "hinge":
            return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
        if self.loss == "wasserstein":
            return fake.mean() - real.mean()
        ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
        entropy = F.binary_cross_entropy_with_logits
        return entropy(real, ones) + entropy(fake, zeros)

    def of_g(self, fake: Tensor) -> Tensor:
        """Return G's loss of D's logits (N,)."""
        if self.loss == "non_saturating":
            return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
        return -fake.mean()


class PlainLoop:
    """The alternating training, step by step.

    Args:
        generator: on the device.
        discriminator: on the device.
        feed: batches.
        batch_size: images a batch.
        recipe: loss, optimiser and lengths.
    """

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, feed: Feed, batch_size: int, recipe: Recipe
    ) -> None:
        self.G, self.D, self.feed, self.batch_size = generator, discriminator, feed, batch_size
        self.recipe, self.done = recipe, 0
        self.of_g, self.of_d = (
            Adam(net.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
            for net in (generator, discriminator)
        )

    @as_others_run()
    def step(self) -> dict[str, float]:
        """Update D ``n_dis`` times and G once; return the losses of the last updates."""
        log: dict[str, float] = {}
        if self.recipe.steps is not None:
            for optimiser in (self.of_g, self.of_d):
                share = max(0.0, 1 - self.done / self.recipe.steps)
                optimiser.param_groups[0]["lr"] = self.recipe.learning_rate * share
        for _ in range(self.recipe.n_dis):
            log |= self.update_d()
        log |= self.update_g()
        self.done += 1
        return log

    def update_d(self) -> dict[str, float]:
        """Update D on a fresh batch."""
        real = self.feed.images()
        self.of_d.zero_grad()
        of_real = self.D(real)
        fake = self.G(self.feed.latents(len(real))).detach()
        of_fake = self.D(fake)
        loss = self.recipe.of_d(of_real, of_fake)
        if self.recipe.penalty:
            loss = loss + self.recipe.penalty * self._penalty(real, fake)
        loss.backward()
        self.of_d.step()
        return {
            "d_loss": loss.item(),
            "d_real": of_real.mean().item(),
            "d_fake": of_fake.mean().item(),
        }

    def _penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        share = self.feed.shares(len(real))
        between = (share * real + (1 - share) * fake).requires_grad_()
        logits = self.D(between)
        (slope,) = torch.autograd.grad(logits, between, torch.ones_like(logits), create_graph=True)
        return ((slope.view(len(slope), -1).norm(2, dim=1) - 1) ** 2).mean()

    def update_g(self) -> dict[str, float]:
        """Update G on fresh latents; D's gradients are computed and thrown away."""
        self.of_g.zero_grad()
        loss = self.recipe.of_g(self.D(self.G(self.feed.latents(self.batch_size))))
        loss.backward()
        self.of_g.step()
        return {"g_loss": loss.item()}
