"""How several runs take a step: as one stacked program where their networks allow it, else in turn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from repro.methods.classifier import Classifier
from repro.methods.seed_batch import FASTEST, can_be_joined, joined
from repro.models.stacked import Way
from repro.train.loop import Loop
from repro.train.together import TakeStep


def program(loops: Sequence[Loop], device: torch.device, way: Way | None) -> TakeStep:
    """Return what trains all of ``loops`` by one step: stacked if their networks allow it, else in turn."""
    methods = [loop.method for loop in loops]
    members = [method for method in methods if isinstance(method, Classifier) and can_be_joined(method)]
    chosen = way or FASTEST.get(device.type)
    if chosen is None or len(loops) == 1 or len(members) < len(methods):
        return lambda step: [method.step(step) for method in methods]
    together = joined(members, chosen)
    for loop in loops:
        loop.book.sessions[-1]["seeds_together"] = len(loops)

    def take_step(step: int) -> list[dict[str, Tensor]]:
        metrics = together.step(step)
        return [{name: values[k] for name, values in metrics.items()} for k in range(len(loops))]

    return take_step
