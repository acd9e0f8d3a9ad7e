"""AutoAttack (Croce and Hein, 2020) through torchattacks: an auditor that shares no code with this package.

The attacks run one after the other, each on the images that withstood those before it: APGD on the
cross-entropy, the same from another start, APGD on the targeted DLR loss, targeted FAB, Square. The second
start is no part of AutoAttack; it is there for one of the signs. torchattacks' own AutoAttack class is not
used, as it gives APGD and FAB 10 steps where the authors give them 100. Where its parts depart from the
authors' code: ledger attack.auto_attack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from repro.attacks.attack_mode import attack_mode, frozen_if_possible, ordinary
from repro.attacks.balls import BALLS
from repro.attacks.checks import check_alone, check_batch, check_classes, check_gradients
from repro.attacks.network import Network, ReadLogits, check_finite, class_logits
from repro.attacks.objective import image_gradient
from repro.attacks.threat_model import UNIT, Bounds, ThreatModel
from repro.core.errors import ReproError
from repro.core.spec import Flag
from repro.core.streams import cuda_devices

VERSION = "3.5.1"  # of torchattacks, as in auditor.txt
TARGETS = 9  # likeliest other classes that the authors aim at; torchattacks aims at all, 142 of ImageNet-143
SQUARE_POINTS = 0.2
RESTART_POINTS = 1.0
VANISHING_POINTS = 1.0
ROUNDING = 1e-9  # points; one image of 500 is 0.2 of them
VANISHED = 1e-12
TARGETED_CLASSES = 4


@dataclass(frozen=True)
class Audit:
    """What AutoAttack found.

    Attributes:
        images: attacked images (N, C, H, W) in the threat model's bounds; images that withstood everything
            are as they were given.
        accuracy: percent of images still classified correctly, ``clean`` and after each attack in turn.
        flags: signs that gradients mislead, so that white-box numbers of this network overstate its
            robustness: ``square_beats_gradients`` (Square, which uses no gradient, takes at least 0.2 points
            off what gradients left, the threshold of AutoAttack's authors), ``restarts_matter`` (a second
            start takes off at least 1 point), ``vanishing_gradients`` (no value of the loss's gradient
            exceeds 1e-12 at 1 percent of the images or more).
        vanished: percent of images at which no value of the loss's gradient exceeds 1e-12.
    """

    images: Tensor
    accuracy: dict[str, float]
    vanished: float
    flags: tuple[Flag, ...]


@dataclass(kw_only=True)
class AutoAttack:
    """The auditor.

    Args:
        model: the network under attack, images in the threat model's bounds to class logits.
        threat: its norm, radius and bounds count; AutoAttack chooses its steps itself.
        seed: of the starts and of Square.
        steps: of APGD and FAB.
        queries: of Square.
        logits: how class logits (N, K) are read from what the network returns, where that is no tensor.

    Raises:
        ReproError: torchattacks is not installed; the threat model is targeted, or its box has no end; or it
            has batch norms use the batch's statistics: each part of AutoAttack meets other images, so that no
            verdict would be the network's on the images that are returned.
    """

    model: nn.Module
    threat: ThreatModel
    seed: int = 0
    steps: int = 100
    queries: int = 5000
    logits: ReadLogits | None = None

    def __post_init__(self) -> None:
        if self.threat.batch_norm_mode == "train":
            raise ReproError(
                "AutoAttack with batch_norm_mode='train': verdicts would depend on which images are left",
                remedy="leave batch_norm_mode at 'eval', or attack with PGD, which takes the batch as it is",
            )
        if self.threat.targeted:
            raise ReproError(
                "AutoAttack with targeted=True: it leads away from the labels, to whatever class",
                remedy="leave targeted at False, or attack with PGD, which aims at the labels",
            )
        if not self.threat.bounds.finite:
            raise ReproError(
                f"AutoAttack within bounds {self.threat.bounds}: the box must end on all sides",
                remedy="give the threat model the range of the images as bounds, or attack with PGD",
            )
        self._library = _torchattacks()

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return attacked images; arguments and errors as in ``audit``."""
        return self.audit(images, labels).images

    def audit(self, images: Tensor, labels: Tensor) -> Audit:
        """Attack ``images`` (N, C, H, W) of classes ``labels``, int64 (N,), and look for suspect signs.

        The network is attacked and judged in eval mode, whatever mode it comes in. It and the global random
        states are left as they were. torch's deterministic mode is too, but within it only warns: FAB sums in
        a way that it refuses on CUDA.

        Raises:
            ReproError: batch, network, classes and bounds do not fit together, the batch is empty, Square
                cannot take images of this size, the network has no gradient at the images or one that is
                no number, or its verdicts depend on which images are in a batch.
        """
        largest = check_batch(self.model, images, labels, self.threat, "refuse")
        if not len(images):
            raise ReproError("an audit of no images", remedy="give at least one image")
        self._check_size(images)
        check_alone(self.model)
        with torch.inference_mode(False), torch.random.fork_rng(cuda_devices()), _warning_only():
            images, labels = ordinary(images.detach().float()), ordinary(labels)
            return frozen_if_possible(
                lambda freeze: self._audit(images, labels, largest, freeze=freeze), self.model
            )

    def _check_size(self, images: Tensor) -> None:
        if images.dim() != 4:
            raise ReproError(
                f"AutoAttack takes images (N, C, H, W), not {tuple(images.shape)}",
                remedy="attack with PGD, which takes any shape",
            )
        height, width = images.shape[2:]
        if self.threat.norm == "l2" and not tiled_by_square(height, width):
            raise ReproError(
                f"AutoAttack's L2 Square cannot lay its tiles on images of {height} x {width}",
                remedy="attack with norm linf or with PGD, or resize the images, to 32 x 32 for example",
            )

    def _audit(self, images: Tensor, labels: Tensor, largest: int | None, *, freeze: bool) -> Audit:
        radius = self.threat.to(UNIT).radius
        # torchattacks views images as vectors, which those with their channels last are not
        clean = self.threat.bounds.to(UNIT, images).clamp(0, 1).contiguous()
        with attack_mode(self.model, freeze=freeze):
            network = _OnUnit(self.model, self.threat.bounds, self.logits)
            with torch.no_grad():
                outputs = network(clean)
            classes = outputs.shape[1]
            check_classes(largest, classes)
            check_finite(outputs)
            slopes = image_gradient(network, clean, labels, "cross_entropy").flatten(1).abs().amax(dim=1)
            # APGD drops steps to NaN, which would pass for robustness
            check_gradients(slopes.isfinite().all())
            vanished = _percent(slopes <= VANISHED)
            right = self._right(network, clean, labels)
            accuracy = {"clean": _percent(right)}
            attacked = clean.clone()
            for name, make in self._attacks(network, radius, classes).items():
                left = right.nonzero().flatten()
                if len(left):
                    attack = make()
                    attack.device = clean.device  # torchattacks has it of the parameters, if there are any
                    found = attack(clean[left], labels[left]).detach()
                    length = BALLS[self.threat.norm].length(found - clean[left])
                    inside = length <= radius * (1 + 1e-4) + torch.finfo(length.dtype).eps
                    fell = inside & ~self._right(network, found, labels[left])
                    attacked[left[fell]] = found[fell]
                    right[left[fell]] = False
                accuracy[name] = _percent(right)
        kept = right.view(-1, *[1] * (images.dim() - 1))
        result = torch.where(kept, images, self.threat.bounds.clip(UNIT.to(self.threat.bounds, attacked)))
        return Audit(result, accuracy, vanished, suspect_signs(accuracy, vanished))

    def _attacks(self, network: nn.Module, radius: float, classes: int) -> dict[str, Callable[[], Any]]:
        library, norm = self._library, {"linf": "Linf", "l2": "L2"}[self.threat.norm]
        common = {"norm": norm, "eps": radius}
        iterated = common | {"steps": self.steps}
        targeted = iterated | {"n_classes": min(classes, TARGETS + 1), "seed": self.seed}
        attacks = {
            "apgd_ce": lambda: library.APGD(network, seed=self.seed, loss="ce", **iterated),
            "apgd_ce_again": lambda: library.APGD(network, seed=self.seed + 1, loss="ce", **iterated),
            "apgd_t": lambda: library.APGDT(network, **targeted),
            "fab_t": lambda: library.FAB(network, multi_targeted=True, **targeted),
            "square": lambda: library.Square(network, n_queries=self.queries, seed=self.seed, **common),
        }
        if classes < TARGETED_CLASSES:
            # the targeted DLR loss is divided by a difference to the fourth-largest logit
            del attacks["apgd_t"]
        return attacks

    @torch.no_grad()
    def _right(self, network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return class_logits(network(images)).argmax(dim=1) == labels


def suspect_signs(accuracy: dict[str, float], vanished: float) -> tuple[Flag, ...]:
    """Return the signs in an audit's percentages and in the percentage of vanished gradients."""
    signs: dict[Flag, bool] = {
        "square_beats_gradients": _reaches(accuracy["fab_t"] - accuracy["square"], SQUARE_POINTS),
        "restarts_matter": _reaches(accuracy["apgd_ce"] - accuracy["apgd_ce_again"], RESTART_POINTS),
        "vanishing_gradients": hides_gradients(vanished),
    }
    return tuple(flag for flag, seen in signs.items() if seen)


def hides_gradients(vanished: float) -> bool:
    """Return whether so many percent of images without a gradient are a sign of a network that hides them."""
    return _reaches(vanished, VANISHING_POINTS)


def _reaches(points: float, least: float) -> bool:
    return points > least - ROUNDING


def tiled_by_square(height: int, width: int) -> bool:
    """Return whether the tiles and the first window of torchattacks' L2 Square fit on images of this size."""
    tile = height // 5
    if not tile:
        return False
    margin = (height - 5 * tile) // 2
    ends = [margin + length // tile * tile <= length for length in (height, width)]
    window = max(round((0.8 * height * width) ** 0.5), 3)
    return (tile == 1 or all(ends)) and window + (window % 2 == 0) <= min(height, width)


@contextmanager
def _warning_only() -> Iterator[None]:
    """Let deterministic mode, where it is on, warn instead of raise."""
    strict = torch.are_deterministic_algorithms_enabled()
    strict &= not torch.is_deterministic_algorithms_warn_only_enabled()
    if strict:
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        if strict:
            torch.use_deterministic_algorithms(True)


class _OnUnit(nn.Module):
    """A network made to take images in [0, 1], the only range that torchattacks knows.

    torchattacks puts what it attacks into eval mode, and into train mode afterwards if it was born in it. The
    modes here are the audit's to choose, so this one says that it is in eval mode and passes nothing on.
    """

    def __init__(self, module: nn.Module, bounds: Bounds, logits: ReadLogits | None) -> None:
        super().__init__()
        self.module = module  # a submodule, so that its parameters' device is found
        self.network, self.bounds = Network(module, logits), bounds
        self.training = False

    def forward(self, images: Tensor) -> Tensor:
        return class_logits(self.network(UNIT.to(self.bounds, images)))

    def train(self, mode: bool = True) -> _OnUnit:
        return self


def _percent(right: Tensor) -> float:
    return 100 * right.cpu().double().mean().item()


def _torchattacks() -> Any:
    # it imports torchvision, which beside a CPU torch needs the cure
    import_module("repro.core.vision")
    try:
        return import_module("torchattacks")
    except ImportError as error:
        raise ReproError(
            f"AutoAttack needs the package torchattacks ({error})",
            remedy=f"pip install --no-deps torchattacks=={VERSION} (its dependencies are here already)",
        ) from error
