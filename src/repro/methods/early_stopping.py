"""Early stopping: the best weights by a score on validation images, and when to stop looking for better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repro.methods.base import State


class EarlyStopping:
    """Keeps the weights of the look with the highest score; of equal ones the first.

    Args:
        modules: the networks whose weights are kept.
        patience: looks in a row without a higher score after which training is over.
    """

    def __init__(self, modules: Mapping[str, nn.Module], patience: int) -> None:
        self._modules, self._patience = modules, patience
        self._weights: dict[str, dict[str, Tensor]] = {}
        self._since = 0
        self.best = float("-inf")
        self.best_step = 0

    @property
    def over(self) -> bool:
        """Whether nothing is to be trained any more."""
        return self._since >= self._patience

    def look(self, score: float, step: int) -> None:
        """Take in the score after ``step`` steps."""
        if score > self.best:
            self.best, self.best_step, self._since = score, step, 0
            self._weights = {
                name: {key: value.detach().clone() for key, value in module.state_dict().items()}
                for name, module in self._modules.items()
            }
        else:
            self._since += 1

    def restore(self) -> None:
        """Give the networks the weights of the best look."""
        for name, weights in self._weights.items():
            self._modules[name].load_state_dict(weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the best weights, their score and step, and the looks since."""
        return {
            "weights": self._weights,
            "best": self.best,
            "best_step": self.best_step,
            "since": self._since,
        }

    def load_state_dict(self, state: State, device: torch.device) -> None:
        """Take up what ``state_dict`` returned."""
        self._weights = {
            name: {key: value.to(device) for key, value in weights.items()}
            for name, weights in state["weights"].items()
        }
        self.best, self.best_step = float(state["best"]), int(state["best_step"])
        self._since = int(state["since"])
