"""A classifier trained on clean images: GAT's baseline and dropout (Table 2), the embedded extractor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from repro.core.errors import ReproError
from repro.core.spec import RunSpec
from repro.data.batches import Batches
from repro.methods.base import Method, MethodOptions
from repro.methods.optimisation import descend, place
from repro.models.embedding import EmbeddingNetwork
from repro.models.gat_networks import DropoutPlace, GATClassifier
from repro.models.heads import ClassView
from repro.models.initialise import Xavier
from repro.models.preact_resnet import PreActResNet18

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet


class ClassifierOptions(MethodOptions):
    """Options of every method that trains a classifier on pixels in [0, 1].

    Attributes:
        network: GAT's classifier, Rob-GAN's CIFAR network, or the embedded feature extractor.
        initialisation: distribution of the Xavier initialisation (GAT's classifier; the paper does not say).
        dropout: probability of dropping a feature (GAT's classifier; the paper gives no rate).
        dropout_place: where (the paper does not say).
        learning_rate: Adam's; the paper's 1e-3.
        beta1: Adam's decay of the gradient's mean (the paper does not say; Adam's own default).
        beta2: Adam's decay of the gradient's square.
        train_split: ``train45k`` leaves 5,000 images for validation, as GAT's search does; ``train`` takes
            all. Whether the paper's final networks were trained on all is not said. None: 45k for GAT's
            network, all otherwise.
    """

    network: Literal["gat_classifier", "preact_resnet18", "embedding"] = "gat_classifier"
    initialisation: Xavier = "xavier_uniform"
    dropout: float = Field(default=0.0, ge=0, lt=1)
    dropout_place: DropoutPlace = "downsampling"
    learning_rate: float = Field(default=1e-3, gt=0)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    train_split: Literal["train45k", "train"] | None = None


class Classifier(Method):
    """Minimise the cross-entropy of clean images with Adam. Methods with another loss override ``loss``."""

    Options = ClassifierOptions
    bounds = (0.0, 1.0)
    options: ClassifierOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        options = self.options
        with streams.seeded("initialisation"):
            self.network = place(self._build(self.n_classes()), device)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=options.learning_rate, betas=(options.beta1, options.beta2)
        )
        self.stream = Batches(data, spec.batch_size, streams.generator("data_order"), bounds=self.bounds)
        self.modules = {"classifier": self.network}
        self.optimisers = {"classifier": self.optimiser}
        self.batches = {"train": self.stream}

    @classmethod
    def train_split(cls, spec: RunSpec) -> str:
        """Return the split that the options name, or the network's usual one."""
        options = cls.Options.model_validate(dict(spec.options))
        assert isinstance(options, ClassifierOptions)
        usual = "train45k" if options.network == "gat_classifier" else "train"
        return options.train_split or usual

    def _build(self, n_classes: int) -> nn.Module:
        options, width = self.options, self.spec.width
        if options.dropout and options.network != "gat_classifier":
            raise ReproError(
                f"option dropout: network {options.network} has none",
                remedy="set dropout to 0 or network to gat_classifier",
            )
        if options.network == "preact_resnet18":
            return ClassView(PreActResNet18(n_classes, width=width))
        if options.network == "embedding":
            return EmbeddingNetwork(n_classes, width=width)
        return GATClassifier(
            n_classes,
            width=width,
            initialisation=options.initialisation,
            dropout=options.dropout,
            dropout_place=options.dropout_place,
            generator=self.streams.generator("dropout") if options.dropout else None,
        )

    def step(self, step: int) -> dict[str, Tensor]:
        """Take one minibatch and one optimiser step; returns its loss and clean accuracy (a share)."""
        return self.update(*self.stream.next())

    def update(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Take one optimiser step on ``loss`` of the given minibatch."""
        self.network.train()
        logits, loss = self.loss(images, labels)
        descend(self.optimiser, loss)
        correct = (logits.detach().argmax(dim=1) == labels).float().mean()
        return {"loss": loss.detach(), "accuracy": correct}

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the class logits (N, classes) of the clean images and the loss to minimise (0-d)."""
        logits = self.logits(images)
        return logits, F.cross_entropy(logits, labels)

    def logits(self, images: Tensor) -> Tensor:
        """Return the network's class logits (N, classes), float32, computed in the run's number format."""
        with self.autocast():
            scores: Tensor = self.network(images)
        return scores.float()

    def classifier(self) -> nn.Module:
        """Return the trained network, images in [0, 1] to class logits."""
        return self.network


METHOD = Classifier
