"""GAT's generator alone, trained against a fixed classifier with early stopping (Sec. 4.2, Figure 2).

It measures how strong an attack the generator is: the classifier is the parent's and never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from repro.attacks.attack_mode import attack_mode
from repro.core.errors import ReproError
from repro.core.spec import RunSpec
from repro.methods.base import State
from repro.methods.perturber import Perturber, PerturberOptions
from repro.methods.registry import load_method

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet


class GATAttackOptions(PerturberOptions):
    """Options of the generator's training against a fixed classifier; the paper states early stopping
    on validation loss (Sec. 4.2), neither interval nor patience.
    """

    keep: Literal["last", "best_validation"] = "best_validation"
    validate_every: int | None = Field(default=100, ge=1)
    patience: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _trains_no_classifier(self) -> Self:
        if "learning_rate" in self.model_fields_set:
            raise ValueError("learning_rate is the classifier's, which is fixed: set generator_learning_rate")
        return self


class GATAttackTraining(Perturber):
    """Descend Eq. 9 in G alone; G ends as it was when its loss on the validation images was least."""

    Options = GATAttackOptions
    options: GATAttackOptions
    judged_by = "validation_loss"
    better = -1

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        if spec.parent is None:
            raise ReproError(
                "gat_attack has no classifier to train against",
                remedy="give the recipe a start_from that names a classifier's recipe, e.g. baseline",
            )
        if load_method(spec.parent.partition("-")[0]).bounds != self.bounds:
            raise ReproError(
                f"the run {spec.parent} trained its classifier on another pixel range",
                remedy="start from a recipe of classifier, gat or another method whose images are in [0,1]",
            )
        del self.optimisers["classifier"]
        self.network.requires_grad_(False)
        self._validation_deltas: list[Tensor] = []

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

    def iterate(self) -> dict[str, Tensor]:
        """Take one step of G."""
        images, labels = self.batches["train"].next()
        return self.train_perturber(images, labels, self.delta(images, labels))

    @torch.no_grad()
    def validate(self) -> Tensor:
        """Return the mean of Eq. 9 over the validation images (0-d)."""
        total, count = torch.zeros((), device=self.device), 0
        for number, (images, labels) in enumerate(self.validation_batches()):
            if number == len(self._validation_deltas):
                # two thirds of a look's work, once: neither the images nor the classifier ever change
                self._validation_deltas.append(self.delta(images, labels))
            with attack_mode(self.network):
                total += self.perturber_losses(images, labels, self._validation_deltas[number])[0].sum()
            count += len(labels)
        return total / count

    def load_state_dict(self, state: State) -> None:
        """Take up what ``state_dict`` returned."""
        super().load_state_dict(state)
        self._validation_deltas = []


METHOD = GATAttackTraining
TRAIN_SPLIT = "train45k"
