"""A test of an attack: adversarial images are planted, and it must find them (Zimmermann et al. 2022).

For each image a linear layer on the network's features is fitted to tell images deep inside the ball from one
on its surface (the paper's binarisation test, one boundary point). The network with this layer in the place
of its own has an adversarial image within the radius by construction. An attack that misses it may miss those
of the network too. Draws from the ball, as many as the attack looks at images, say how hard the test is.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from repro.attacks.balls import BALLS
from repro.attacks.execution import Execution
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import ThreatModel
from repro.core.errors import ReproError
from repro.core.options import Beside, EffectiveOptions
from repro.core.timing import SplitWatch
from repro.evaluate.accuracy import classified

CHUNK = 250
"""Points whose features are taken at once."""
WITHIN, CLOSENESS = 0.95, 0.999
"""The share of the radius that inner points keep within, and how far the decision is moved from the nearest
inner point to the planted one; the paper's numbers, as the defaults below."""


class PlantedOptions(EffectiveOptions):
    """How a measurement tests its attack; defaults are the paper's numbers.

    Attributes:
        planted: so many of the images get an adversarial image planted, the first ones; None: no test.
        planted_inner: points inside the ball that a layer is fitted to, the image itself among them.
        planted_passes: share of the planted images that an attack must find, else its results are marked.
    """

    no_effect_at: ClassVar[Beside] = {
        "planted_inner": ("planted", (None,)),
        "planted_passes": ("planted", (None,)),
    }

    planted: int | None = Field(default=None, ge=1)
    planted_inner: int = Field(default=999, ge=2)
    planted_passes: float = Field(default=0.95, gt=0, le=1)


class Features(nn.Module):
    """The input of a network's last linear layer or convolution, averaged over space or tokens: (N, D)."""

    def __init__(self, network: nn.Module, image: Tensor) -> None:
        super().__init__()
        self.network = network
        called: list[nn.Module] = []
        layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        hooks = [layer.register_forward_pre_hook(lambda layer, _: called.append(layer)) for layer in layers]
        with torch.no_grad():
            network(image[None])
        for hook in hooks:
            hook.remove()
        if not called:
            raise ReproError(
                "planted images need a network with a linear layer or a convolution",
                remedy="leave out the option planted",
            )
        self.last = called[-1:]  # in a list, since the network has it already

    def forward(self, images: Tensor) -> Tensor:
        """Return features of ``images`` (N,C,H,W)."""
        found: list[Tensor] = []
        hook = self.last[0].register_forward_pre_hook(lambda _, given: found.append(given[0]))
        try:
            self.network(images)
        finally:
            hook.remove()
        linear = isinstance(self.last[0], nn.Linear)  # which has its channels last
        maps = found[-1].movedim(-1, 1) if linear else found[-1]
        return maps.flatten(2).mean(dim=2) if maps.dim() > 2 else maps


class Planted(nn.Module):
    """Features to two logits with a layer of its own for each image of a batch: class 1 is the planted one.

    Args:
        features: images to features (N, D).
        weight: (N, D).
        bias: (N,).
    """

    def __init__(self, features: nn.Module, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.features = features
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 2) of ``images``, the batch that the layers were made for."""
        score = (self.features(images) * self.weight).sum(dim=1) + self.bias
        return torch.stack([-score, score], dim=1)


class Plants(NamedTuple):
    """Images (N,C,H,W) that one was planted for, the planted ones, and the network that has them."""

    network: Planted
    images: Tensor
    planted: Tensor


@torch.no_grad()
def plant(
    network: nn.Module, images: Tensor, threat: ThreatModel, options: PlantedOptions, stream: torch.Generator
) -> Plants | None:
    """Plant an adversarial image for each of ``images`` where a layer can tell it from inner points.

    Args:
        network: images in the threat model's bounds to class logits, in eval mode.
        images: (N,C,H,W) in these bounds.
        threat: says how far the planted images are.
        options: how many inner points.
        stream: of all points.

    Returns:
        None where there is none such image.
    """
    features, ball = Features(network, images[0]), BALLS[threat.norm]
    layers, made = [], []
    for image in images:
        around = image.expand(options.planted_inner + 1, *image.shape)
        points = torch.empty_like(around, memory_format=torch.contiguous_format)
        ball.start_(points, around, threat.radius, threat.bounds, stream)
        moved = points - around
        moved[:-1] *= WITHIN
        moved[-1:] *= (threat.radius / ball.length(moved[-1:])).view(-1, *[1] * image.dim())
        points = threat.bounds.clip(around + moved)
        points[0] = image
        seen = torch.cat([features(part) for part in torch.split(points, CHUNK)])
        layer = _layer(seen)
        if layer is not None:
            layers.append(layer)
            made.append((image, points[-1]))
    if not layers:
        return None
    weight, bias = (torch.stack(parts).to(images) for parts in zip(*layers, strict=True))
    ours, planted = (torch.stack(parts) for parts in zip(*made, strict=True))
    changed = Planted(features, weight, bias).eval()
    sure = changed(planted).argmax(dim=1) == 1  # in float32, which the layer was not fitted in
    sure &= changed(ours).argmax(dim=1) == 0
    if not sure.any():
        return None
    return Plants(Planted(features, weight[sure], bias[sure]).eval(), ours[sure], planted[sure])


def _layer(points: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return weights (D,) and bias (0-d) that tell the last of ``points`` (N,D) from the others, or None."""
    from sklearn.linear_model import LogisticRegression  # a second, which only whoever asks for the test pays

    values = points.double().cpu()
    middle, spread = values.mean(dim=0), values.std(dim=0).clamp_min(1e-12)
    labels = (torch.arange(len(values)) == len(values) - 1).int()
    fit: Any = LogisticRegression(C=1e6, max_iter=1000, class_weight="balanced")
    fit.fit(((values - middle) / spread).numpy(), labels.numpy())
    weight = torch.from_numpy(fit.coef_[0]) / spread
    scores = values @ weight
    nearest, gap = scores[:-1].max(), scores[-1] - scores[:-1].max()
    if not gap > 0:
        return None
    return weight / gap, -(nearest / gap + CLOSENESS)  # in units of the gap, whatever the features' scale


def random_hits(plants: Plants, threat: ThreatModel, stream: torch.Generator) -> Tensor:
    """Return which planted images as many random points find as the attack looks at, bool (N,)."""
    hit = torch.zeros(len(plants.images), dtype=torch.bool, device=plants.images.device)
    points = torch.empty_like(plants.images)
    with torch.no_grad():
        for _ in range(threat.steps * threat.restarts):
            BALLS[threat.norm].start_(points, plants.images, threat.radius, threat.bounds, stream)
            hit |= plants.network(points).argmax(dim=1) == 1
    return hit


def hits_of(
    network: nn.Module,
    images: Tensor,
    threat: ThreatModel,
    options: PlantedOptions,
    *,
    starts: torch.Generator,
    points: torch.Generator,
    watch: SplitWatch | None = None,
) -> Tensor:
    """Return which planted images projected gradient descent finds, and which random points: bool (2, M).

    Args:
        network: images in the threat model's bounds to class logits, in eval mode.
        images: (N,C,H,W); there are M <= N of them for which one can be planted.
        threat: the attacker.
        options: how images are planted.
        starts: stream of the attack's random starts.
        points: stream of all other points.
        watch: where the time of network and kernel is added up.
    """
    plants = plant(network, images, threat, options, points)
    if plants is None:
        return torch.zeros(2, 0, dtype=torch.bool, device=images.device)
    # whole batches in their order, since each image has a layer of its own
    whole = Execution(channels_last=False)
    attack = PGD(model=plants.network, threat=threat, generator=starts, execution=whole, watch=watch)
    inner = torch.zeros(len(plants.images), dtype=torch.int64, device=images.device)
    found = classified(plants.network, attack(plants.images, inner)) == 1
    return torch.stack([found, random_hits(plants, threat, points)])
