"""GAT's generator alone, trained against a fixed classifier with early stopping (Sec. 4.2, Figure 2).

It measures how strong an attack the generator is: the classifier is the parent's and never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from pydantic import Field
from torch import Tensor

from repro.attacks.attack_mode import attack_mode
from repro.core.errors import ReproError
from repro.core.spec import RunSpec
from repro.data.minibatches import scale
from repro.methods.base import State
from repro.methods.perturber import Perturber, PerturberOptions

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet


class GATAttackOptions(PerturberOptions):
    """Options of the generator's training against a fixed classifier.

    Attributes:
        validate_every: steps between two looks at the validation loss; the paper does not say.
        patience: looks without a better validation loss after which training stops; the paper does not say.
    """

    validate_every: int = Field(default=100, ge=1)
    patience: int = Field(default=10, ge=1)


class GATAttackTraining(Perturber):
    """Descend Eq. 9 in G alone; G ends as it was when its loss on the validation images was least."""

    Options = GATAttackOptions
    options: GATAttackOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        if spec.parent is None:
            raise ReproError(
                "gat_attack has no classifier to train against",
                remedy="give the recipe a start_from that names a classifier's recipe, e.g. baseline",
            )
        del self.optimisers["classifier"]
        self.network.requires_grad_(False)
        self._best: dict[str, Tensor] = {}
        self._best_loss = float("inf")
        self._looks_since = 0
        self._validation_deltas: list[Tensor] = []

    @classmethod
    def validation_split(cls, spec: RunSpec) -> str | None:
        """Return the split that early stopping looks at: the 5,000 images kept apart (Sec. 4)."""
        return "validation5k"

    def start_from(self, parent_state: State) -> None:
        """Take the parent's classifier.

        Raises:
            ReproError: the parent has none, or of another architecture or width.
        """
        try:
            self.network.load_state_dict(parent_state["modules"]["classifier"])
        except (KeyError, RuntimeError) as error:
            raise ReproError(
                f"the run {self.spec.parent} does not hold the classifier that these options describe",
                remedy="start from a classifier with the same network, dropout and width",
            ) from error

    def step(self, step: int) -> dict[str, Tensor]:
        """Take one step of G, and look at the validation loss when it is due; after the stop, do nothing."""
        if self._looks_since >= self.options.patience:
            return {}
        images, labels = self.batches["train"].next()
        record = self.train_perturber(images, labels, self.delta(images, labels))
        if (step + 1) % self.options.validate_every == 0 or step + 1 == self.spec.steps:
            record["validation_loss"] = loss = self.validation_loss()
            self._look(float(loss))
            if self._looks_since >= self.options.patience or step + 1 == self.spec.steps:
                self.perturber.load_state_dict(self._best)
        return record

    @torch.no_grad()
    def validation_loss(self) -> Tensor:
        """Return the mean of Eq. 9 over the validation images (0-d)."""
        data, size = self.validation, self.spec.batch_size
        if data is None:
            raise RuntimeError("the training loop has given this method no validation images")
        total = torch.zeros((), device=self.device)
        for number, i in enumerate(range(0, len(data), size)):
            images, labels = scale(data.images[i : i + size], self.bounds), data.labels[i : i + size]
            if number == len(self._validation_deltas):
                # two thirds of a look's work, once: neither the images nor the classifier ever change
                self._validation_deltas.append(self.delta(images, labels))
            with attack_mode(self.network):
                total += self.perturber_losses(images, labels, self._validation_deltas[number])[0].sum()
        return total / len(data)

    def _look(self, loss: float) -> None:
        """Keep G where ``loss`` is the least so far, else count."""
        if loss < self._best_loss:
            self._best_loss, self._looks_since = loss, 0
            self._best = {name: value.clone() for name, value in self.perturber.state_dict().items()}
        else:
            self._looks_since += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the state, with the best generator so far."""
        own = {"best": self._best, "loss": self._best_loss, "looks_since": self._looks_since}
        return {**super().state_dict(), "early_stopping": own}

    def load_state_dict(self, state: State) -> None:
        """Take up what ``state_dict`` returned."""
        super().load_state_dict(state)
        self._validation_deltas = []
        own = state["early_stopping"]
        self._best = {name: value.to(self.device) for name, value in own["best"].items()}
        self._best_loss, self._looks_since = float(own["loss"]), int(own["looks_since"])


METHOD = GATAttackTraining
TRAIN_SPLIT = "train45k"
