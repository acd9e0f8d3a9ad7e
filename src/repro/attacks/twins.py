"""Adversarial twins of generated images: a second latent whose image is close and is taken for real.

DAT, Sec. I: for a generated image x = G(z) that D calls fake, a twin is G(z') that D calls real with
||G(z') - G(z)||_p <= delta. How z' is searched is not said. Here: climb D's output in the latent, and where
the image has left the ball go down the violation at the same time. Both directions have length 1, so where
the two gradients are parallel the climb stands still, which is where the best point of the ball lies (Karush,
Kuhn and Tucker). What is tried counts only if its own image is in the ball and its own verdict is "real".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from repro.attacks.attack_mode import attack_mode
from repro.attacks.balls import BALLS
from repro.attacks.kernels.unit_direction import TINY, per_image, unit_direction
from repro.attacks.threat_model import Norm
from repro.attacks.two_classes import FAKE, REAL, TwoClasses
from repro.core.spec import Frozen

PROBE = 1e-2  # length of the latent move from which a step's length is found
LONGEST = 1.0  # latent length of a first step whatever the probe says; a normal latent of 128 is 11 long
MARGIN = 0.999  # of delta, to which a move that went too far is shortened


class TwinSearch(Frozen):
    """How twins are searched.

    Attributes:
        norm: of the distance between images.
        delta: largest distance, in the images' own pixel range.
        steps: of each start.
        step: length of the first step, as a share of ``delta`` in the image; it falls with the root of the
            number of steps.
        starts: the first is the latent itself, others lie at random near it.
    """

    norm: Norm = "linf"
    delta: float = 0.1
    steps: int = 20
    step: float = 0.25
    starts: int = 1


class Twins(NamedTuple):
    """Which latents have a twin, bool (N,), and the twins (N, d); the latent itself where there is none."""

    found: Tensor
    latents: Tensor


def latent_twins(
    generator: Callable[[Tensor], Tensor],
    network: TwoClasses,
    latents: Tensor,
    search: TwinSearch,
    noise: torch.Generator,
    *,
    random_start: bool = False,
) -> Twins:
    """Search a twin for each latent; one that is itself taken for real is its own, at distance 0.

    Args:
        generator: latents (N, d) to images (N,3,H,W), each from its own latent alone (eval mode).
        network: the discriminator.
        latents: (N, d).
        search: norm, distance and budget.
        noise: random stream of the further starts.
        random_start: let the first start lie at random near the latent too.
    """
    found = torch.zeros(len(latents), dtype=torch.bool, device=latents.device)
    best = latents.clone()
    with attack_mode(network):
        for start in range(search.starts):
            left = (~found).nonzero().flatten()
            if not len(left):
                break
            climb = _Climb(generator, network, latents[left], search)
            climb.run(noise if start or random_start else None)
            found[left], best[left] = climb.found, latents[left] + climb.twin
    return Twins(found, best)


class _Climb:
    """One start for a batch of latents. ``found`` and ``twin`` (the move to it) fill up as it goes on."""

    def __init__(
        self,
        generator: Callable[[Tensor], Tensor],
        network: TwoClasses,
        latents: Tensor,
        search: TwinSearch,
    ) -> None:
        self.generator, self.network, self.latents, self.search = generator, network, latents, search
        self.ball = BALLS[search.norm]
        with torch.no_grad():
            self.images = generator(latents)
            self.found = network.verdicts(self.images) == REAL
        self.twin = torch.zeros_like(latents)

    def run(self, noise: torch.Generator | None) -> None:
        """Climb from the latents themselves or, with ``noise``, from near them."""
        move = torch.zeros_like(self.latents) if noise is None else self.nearby(noise)
        length = None
        for step in range(self.search.steps):
            upward, outward, distance = self.slopes(move)
            self.test(move, distance)
            if bool(self.found.all()):
                return
            if length is None:
                length = self.search.step * self.reach(upward)
            move = move + length / (step + 1) ** 0.5 * (upward - outward)
        with torch.no_grad():
            distance = self.ball.length(self.generator(self.latents + move) - self.images)
        self.test(move, distance)

    def slopes(self, move: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the unit directions (N, d) up D's output and out of the ball, and the distances (N,)."""
        delta = self.search.delta
        with torch.enable_grad():
            z = (self.latents + move).detach().requires_grad_()
            images = self.generator(z)
            logits, apart = self.network(images), (images - self.images).flatten(1)
            (upward,) = torch.autograd.grad((logits[:, REAL] - logits[:, FAKE]).sum(), z, retain_graph=True)
            if self.search.norm == "linf":
                outside = (apart.abs() - delta).relu().sum()
            else:
                outside = (apart.square().sum(dim=1) - delta**2).relu().sum()
            (outward,) = torch.autograd.grad(outside, z)
        return unit_direction(upward), unit_direction(outward), self.ball.length(apart.detach())

    @torch.no_grad()
    def test(self, move: Tensor, distance: Tensor) -> None:
        """Look whether the move, shortened where it leads too far, leads to a twin."""
        shorter = move * per_image(
            (MARGIN * self.search.delta / distance.clamp_min(TINY)).clamp_max(1.0), move
        )
        images = self.generator(self.latents + shorter)
        near = self.ball.length(images - self.images) <= self.search.delta
        new = near & (self.network.verdicts(images) == REAL) & ~self.found
        self.twin[new], self.found = shorter[new], self.found | new

    @torch.no_grad()
    def reach(self, direction: Tensor) -> Tensor:
        """Return how far (N, 1) a latent can go in a direction until its image has moved by about delta."""
        moved = self.ball.length(self.generator(self.latents + PROBE * direction) - self.images)
        return (PROBE * self.search.delta / moved.clamp_min(TINY)).clamp_max(LONGEST / self.search.step)[
            :, None
        ]

    def nearby(self, noise: torch.Generator) -> Tensor:
        """Return random moves (N, d) whose images lie about half of delta away."""
        drawn = torch.randn(self.latents.shape, generator=noise, device=noise.device)
        direction = unit_direction(drawn.to(self.latents.device))
        return direction * self.reach(direction) / 2
