"""A classifier trained on clean images: GAT's baseline and dropout (Table 2), the embedded extractor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from repro.attacks.attack_mode import attack_mode
from repro.core.errors import ReproError
from repro.core.spec import RunSpec
from repro.core.timing import SplitWatch, part
from repro.data.minibatches import Minibatches, in_order
from repro.methods.base import Method, State
from repro.methods.early_stopping import EarlyStopping
from repro.methods.optimisation import descend, place
from repro.methods.options import NetworkOptions, read_options
from repro.methods.registry import train_split
from repro.models.dropout import StreamDropout
from repro.models.heads import ClassView, TwoHeads

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet


PATIENCE = 8
"""Epochs; see ledger gat.patience."""


class ClassifierOptions(NetworkOptions):
    """Options of every method that trains a classifier on pixels in [0, 1].

    Attributes:
        network: a file of ``models`` with a classifier, or with two heads: then its class head is trained.
        learning_rate: Adam's; the paper's 1e-3.
        beta1: Adam's decay of the gradient's mean (the paper does not say; Adam's own default).
        beta2: Adam's decay of the gradient's square.
        train_split: ``train45k`` leaves 5,000 images for validation, as GAT's search does; ``train`` takes
            all. Whether the paper's final networks were trained on all is not said. None: 45k for GAT's
            network, all otherwise (``methods/registry.py``).
        keep: ``last`` ends with the weights of the last step, ``best_validation`` with those that did best on
            the 5,000 validation images, and stops once they are old.
        validate_every: steps between two looks at these images; None: an epoch. The last step has one too.
        patience: looks in a row without a better one after which training stops.
    """

    networks: ClassVar[tuple[str, ...]] = ("CLASSIFIER", "TWO_HEADS")

    network: str = "gat_classifier"
    learning_rate: float = Field(default=1e-3, gt=0)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    train_split: Literal["train45k", "train"] | None = None
    keep: Literal["last", "best_validation"] = "last"
    validate_every: int | None = Field(default=None, ge=1)
    patience: int = Field(default=PATIENCE, ge=1)


Objective = Callable[[Tensor, Tensor], Tensor]
"""From logits (N, classes) and labels (N,) to what an attack climbs at each image (N,)."""


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Return J of each image (N,), from logits (N, classes) and labels (N,)."""
    return F.cross_entropy(logits, labels, reduction="none")


class CleanPass(NamedTuple):
    """What one pass over clean images gives an attack.

    Attributes:
        logits: with their graph, fit for the clean loss; None where training needs another pass.
        gradient: of the attack's objective at each image, in the images' shape, without a graph.
    """

    logits: Tensor | None
    gradient: Tensor


def input_gradient(
    network: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    objective: Objective,
    *,
    keep: bool = False,
    watch: SplitWatch | None = None,
) -> tuple[Tensor, Tensor]:
    """Return logits and the gradient of ``objective`` at each image; ``keep`` keeps the logits' graph.

    ``watch`` adds up the attack's time as ``network``; a forward pass that is kept is the training's.
    """
    leaf = images.detach().requires_grad_()
    with torch.enable_grad(), part(None if keep else watch, "network"):
        logits = network(leaf)
    with torch.enable_grad(), part(watch, "network"):
        (gradient,) = torch.autograd.grad(objective(logits, labels).sum(), leaf, retain_graph=keep)
    return logits, gradient


def depends_on_mode(network: nn.Module) -> bool:
    """Return whether ``network`` holds layers that answer otherwise in training: dropout, batch norm."""
    return any(isinstance(module, _BatchNorm | StreamDropout) for module in network.modules())


class Classifier(Method):
    """Minimise the cross-entropy of clean images with Adam.

    Methods with another loss override ``losses``, those with other updates ``iterate``, and those that judge
    weights otherwise ``judged_by`` (the name of what ``validate`` returns) and ``better``, its sign.

    ``models`` is the number of models that are trained at once (see ``seed_batch``), usually one: minibatches
    then hold the images of all models one after the other, and losses are summed over the models.
    """

    Options = ClassifierOptions
    bounds = (0.0, 1.0)
    options: ClassifierOptions
    models = 1
    judged_by: ClassVar[str] = "validation_accuracy"
    better: ClassVar[int] = 1

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        options = self.options
        with streams.seeded("initialisation"):
            (built,) = self.build_network()
        network = place(ClassView(built) if isinstance(built, TwoHeads) else built, device, spec.precision)
        optimiser = torch.optim.Adam(
            network.parameters(), lr=options.learning_rate, betas=(options.beta1, options.beta2)
        )
        stream = Minibatches(data, spec.batch_size, streams.generator("data_order"), bounds=self.bounds)
        self.modules = {"classifier": network}
        self.optimisers = {"classifier": optimiser}
        self.batches = {"train": stream}
        self.stopping: EarlyStopping | None = None
        if options.keep == "best_validation":
            self.stopping = EarlyStopping(self.modules, options.patience)
        self.validate_every = options.validate_every or stream.batches_per_epoch

    @classmethod
    def validation_split(cls, spec: RunSpec) -> str | None:
        """Return the split of the 5,000 images kept apart (GAT, Sec. 4), where the best weights are kept.

        Raises:
            ReproError: they are not kept apart.
        """
        options = read_options(spec.method, cls.Options, spec.options)
        assert isinstance(options, ClassifierOptions)
        if options.keep == "last":
            return None
        if (split := train_split(spec.method, spec.options)) != "train45k":
            raise ReproError(
                f"{spec.recipe} keeps the weights that are best on images of its training split {split}",
                remedy="set train_split: train45k, which keeps 5,000 images apart, or keep: last",
            )
        return "validation5k"

    @property
    def network(self) -> nn.Module:
        """The network that is trained."""
        return self.modules["classifier"]

    @property
    def over(self) -> bool:
        """Whether training has stopped early."""
        return self.stopping is not None and self.stopping.over

    def step(self, step: int) -> dict[str, Tensor]:
        """Iterate once, and look at the validation images when that is due; after the stop, do nothing."""
        return {} if self.over else self.iterate() | self.judged(step + 1)

    def judged(self, done: int) -> dict[str, Tensor]:
        """Look at the validation images if that is due after ``done`` steps; at the end keep the best.

        Returns:
            The look's score, if there was one; at the end the step that the weights are of.
        """
        stopping, last = self.stopping, done == self.spec.steps
        if stopping is None or not (done % self.validate_every == 0 or last):
            return {}
        found = {self.judged_by: self.validate()}
        stopping.look(self.better * float(found[self.judged_by]), done)
        if stopping.over or last:
            stopping.restore()
            found["kept_step"] = torch.tensor(float(stopping.best_step), device=self.device)
        return found

    def iterate(self) -> dict[str, Tensor]:
        """Take one minibatch and one optimiser step; returns its loss and clean accuracy (a share)."""
        images, labels = self.batches["train"].next()
        return self.update(labels, *self.losses(images, labels))

    @torch.no_grad()
    def validate(self) -> Tensor:
        """Return the accuracy (a share, 0-d) on the validation images."""
        correct = torch.zeros((), device=self.device)
        with attack_mode(self.network):
            for images, labels in self.validation_batches():
                correct += (self.logits(images).argmax(dim=1) == labels).sum()
        assert self.validation is not None  # validation_batches has checked it
        return correct / len(self.validation)

    def validation_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Return the validation images, scaled, and their labels, always in the same batches."""
        if self.validation is None:
            raise RuntimeError("the training loop has given this method no validation images")
        return in_order(self.validation, self.spec.batch_size, self.bounds)

    def state_dict(self) -> dict[str, Any]:
        """Return the state; where the best weights are kept, these too."""
        own = {} if self.stopping is None else {"early_stopping": self.stopping.state_dict()}
        return {**super().state_dict(), **own}

    def load_state_dict(self, state: State) -> None:
        """Take up what ``state_dict`` returned."""
        super().load_state_dict(state)
        if self.stopping is not None:
            self.stopping.load_state_dict(state["early_stopping"], self.device)

    def update(self, labels: Tensor, logits: Tensor, losses: Tensor) -> dict[str, Tensor]:
        """Take one optimiser step on the mean of ``losses``, as ``self.losses`` returned them."""
        descend(self.optimisers["classifier"], self.total(losses))
        correct = logits.detach().argmax(dim=1) == labels
        return {"loss": self.means(losses), "accuracy": self.means(correct.float())}

    def losses(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the class logits (N, classes) of the clean images, and each image's loss (N,)."""
        self.network.train()
        logits = self.logits(images)
        return logits, cross_entropies(logits, labels)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over the models of the means of ``values`` (N,), to be descended (0-d)."""
        return values.mean() * self.models if self.models > 1 else values.mean()

    def means(self, values: Tensor) -> Tensor:
        """Return the mean of ``values`` (N,) over each model's images, for the log: 0-d, or (models,)."""
        values = values.detach()
        return values.view(self.models, -1).mean(dim=1) if self.models > 1 else values.mean()

    def clean_pass(self, images: Tensor, labels: Tensor, objective: Objective) -> CleanPass:
        """Return the gradient of ``objective`` at the images, and that pass's logits where they serve.

        Without dropout and batch norm a network answers alike in training and evaluation. Then the pass that
        an attack needs is also the one that the clean loss is computed on.
        """
        if depends_on_mode(self.network):
            with attack_mode(self.network):
                return CleanPass(
                    None, input_gradient(self.logits, images, labels, objective, watch=self.watch)[1]
                )
        logits, gradient = input_gradient(self.logits, images, labels, objective, keep=True, watch=self.watch)
        return CleanPass(logits, gradient)

    def logits(self, images: Tensor) -> Tensor:
        """Return the network's class logits (N, classes), float32, computed in the format ``precision``."""
        with self.autocast():
            scores: Tensor = self.network(images)
        return scores.float()

    def classifier(self) -> nn.Module:
        """Return the trained network, images in [0, 1] to class logits."""
        return self.network


METHOD = Classifier
SEEDS_JOIN = True
TRAIN_SPLIT = "train45k"
