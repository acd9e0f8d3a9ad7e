"""Adversarial training (Madry et al., 2018) of the network whose classifier Rob-GAN also trains.

It is the row "Adv. training" of Rob-GAN's Table 1. The paper gives no settings; the defaults are those of the
code's fine-tuning script with weight 0 on fake images, which is the same loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from repro.attacks.execution import GRAPHED
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import SYMMETRIC, ThreatModel
from repro.core.options import Beside
from repro.core.spec import RunSpec
from repro.data.minibatches import Minibatches
from repro.methods.base import Method
from repro.methods.held_out import HeldOut, HeldOutOptions, ends_epoch
from repro.methods.optimisation import descend, place, set_learning_rate
from repro.methods.options import CropArea, NetworkOptions, Share, read_options
from repro.models.heads import ClassView, TwoHeads

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet


class AdversarialTrainingOptions(NetworkOptions, HeldOutOptions):
    """Options of adversarial training; lengths are for pixels in [-1, 1].

    Attributes:
        network: a classifier, or a network with two heads, of which the class head alone is trained.
        radius: largest change of a value. 0.039 is 5 steps of 0.0078, the farthest that the co-training
            attack of the CIFAR script gets, whatever its nominal radius of 0.07.
        step_size: length of one step; None: a fifth of the radius, as in the code.
        steps: gradient steps.
        random_start: begin in the ball instead of at the image, as Madry et al. do; the code does not.
        optimiser: ``adam`` as in the code's last version, ``sgd`` as in the paper and the code's first
            version.
        learning_rate: at the beginning.
        momentum: SGD's.
        weight_decay: L2 penalty.
        milestones: shares of the run after which the rate is divided by 10; the code's 20, 40 and 50 of 60
            epochs.
        augmentation: random flip, and crop after padding by 4 pixels.
        crop_area: in its place, smallest and largest share of the area of a random square that is enlarged
            again (the code's ImageNet: 0.8 and 0.9).
        eval_mode: train with the network in eval mode (batch norm frozen), as the code's script does by an
            attack that never switches back. It makes no difference for a network without batch norm.
    """

    networks: ClassVar[tuple[str, ...]] = ("TWO_HEADS", "CLASSIFIER")
    effective_with: ClassVar[Beside] = {
        "momentum": ("optimiser", ("sgd",)),
        "crop_area": ("augmentation", (True,)),
    }

    network: str = "preact_resnet18"
    radius: float = Field(default=0.039, ge=0)
    step_size: float | None = Field(default=None, gt=0)
    steps: int = Field(default=5, ge=1)
    random_start: bool = False
    optimiser: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    milestones: tuple[Share, ...] = (1 / 3, 2 / 3, 5 / 6)
    augmentation: bool = True
    crop_area: CropArea = None
    eval_mode: bool = False


class AdversarialTraining(Method):
    """Minimise the cross-entropy of images that PGD made as bad as it could."""

    Options = AdversarialTrainingOptions
    bounds = (-1.0, 1.0)
    options: AdversarialTrainingOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        options = self.options
        with streams.seeded("initialisation"):
            *others, network = self.build_network()  # a family of networks has a generator too
        self.network = place(
            ClassView(network) if isinstance(network, TwoHeads) else network, device, spec.precision
        )
        self.optimiser = self._make_optimiser()
        self.stream = Minibatches(
            data,
            spec.batch_size,
            streams.generator("data_order"),
            bounds=self.bounds,
            flip=options.augmentation,
            crop_padding=4 if options.augmentation and not options.crop_area else 0,
            crop_area=options.crop_area,
            augmentation=streams.generator("augmentation"),
        )
        threat = ThreatModel(
            norm="linf",
            radius=options.radius,
            step_size=options.step_size or options.radius / 5,
            steps=options.steps,
            random_start=options.random_start,
            bounds=SYMMETRIC,
        )
        starts = streams.generator("attack_start")
        self.attack = PGD(
            model=self.network,
            threat=threat,
            generator=starts,
            outside="allow",  # looking at values would wait for the device at each step
            execution=GRAPHED,
            watch=self.watch,
        )
        self.watched = HeldOut(
            self.network, threat, options, autocast=self.autocast, batch_size=spec.batch_size
        )
        self.modules = {"classifier": network}
        if others:
            self.modules["generator"] = place(others[0], device, spec.precision)
        self.optimisers = {"classifier": self.optimiser}
        self.batches = {"train": self.stream}

    def _make_optimiser(self) -> torch.optim.Optimizer:
        options, weights = self.options, self.network.parameters()
        if options.optimiser == "adam":
            return torch.optim.Adam(weights, lr=options.learning_rate, weight_decay=options.weight_decay)
        return torch.optim.SGD(
            weights, lr=options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
        )

    def step(self, step: int) -> dict[str, Tensor]:
        """Attack one minibatch and take one optimiser step on the result."""
        passed = sum(step >= share * self.spec.steps for share in self.options.milestones)
        set_learning_rate(self.optimiser, self.options.learning_rate * 0.1**passed)
        images, labels = self.stream.next()
        self.network.train(not self.options.eval_mode)
        loss, logits = self.attacked_loss(images, labels)
        record = {"loss": loss.detach(), "accuracy": (logits.argmax(dim=1) == labels).float().mean()}
        descend(self.optimiser, self.extra_loss(loss, record))
        if self.validation and ends_epoch(step, self.spec.steps, 1, self.stream.batches_per_epoch):
            record["held_out_accuracy"] = self.watched.accuracy(self.validation)
        return record

    @classmethod
    def validation_split(cls, spec: RunSpec) -> str | None:
        """Return the split whose images are watched."""
        options = read_options(spec.method, cls.Options, spec.options)
        assert isinstance(options, AdversarialTrainingOptions)
        return options.held_out

    def attacked_loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean cross-entropy (0-d) of the attacked ``images`` and their logits (N, classes)."""
        with self.autocast():
            attacked = self.attack(images, labels)
        with self.autocast():
            logits = self.network(attacked)
        loss = F.cross_entropy(logits.float(), labels)
        return loss, logits.detach()

    def extra_loss(self, loss: Tensor, record: dict[str, Tensor]) -> Tensor:
        """Return the loss to minimise; a method with further terms adds them here, and to ``record``."""
        return loss

    def classifier(self) -> nn.Module:
        """Return the trained network, images in [-1, 1] to class logits."""
        return self.network


METHOD = AdversarialTraining
