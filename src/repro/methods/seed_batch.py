"""Several seeds of one method as one: their networks stacked, each with its own data order, noise and masks.

The methods stay whole: each can be saved, restored and measured as if it had been trained alone, and the k-th
ends as it would have, within rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim import Adam

from repro.core.spec import Precision
from repro.core.streams import Streams
from repro.models.stacked import StackedNetworks, stackable

if TYPE_CHECKING:
    from repro.data.minibatches import Minibatches
    from repro.methods.classifier import Classifier

ClassifierT = TypeVar("ClassifierT", bound="Classifier")

PAYS: frozenset[tuple[str, Precision]] = frozenset({("cuda", "tf32"), ("cuda", "bf16")})
"""Devices and formats where seeds are stacked (benchmarks/test_seed_batches.py); elsewhere they go in turn.

On one core of an AMD EPYC one seed fills the core: at the paper's width (batches of 16) a step of 4 seeds
takes 0.92 (classifier) to 1.01 times (fast gradient) as long stacked as in turn; narrower networks (4 to 8
seeds) take 1.07 to 1.7 times as long. On an H100 a step of 50 seeds in TF32 takes 0.17 (classifier, fast
gradient) to 0.22 times (GAT) as long as in turn; in float32 one of 5 seeds of GAT takes 1.25 times as long.
"""


class JointStreams(Streams):
    """The random streams of several runs: numbers for all are drawn from each one's own stream."""

    def __init__(self, members: Sequence[Streams]) -> None:
        super().__init__(members[0].seed, members[0].device)
        self.members = tuple(members)

    def generator(self, name: str) -> torch.Generator:
        """Refuse: a single generator would serve all seeds."""
        raise RuntimeError(f"a batch of seeds has no single stream {name!r}; draw with a method of Streams")

    def normal(self, name: str, like: Tensor) -> Tensor:
        """Return standard normal numbers in the shape of ``like`` (K * N, ...), N from each run's stream."""
        parts = like.chunk(len(self.members))
        return torch.cat([own.normal(name, part) for own, part in zip(self.members, parts, strict=True)])


class JointMinibatches:
    """The minibatches of several runs, one after the other in one batch."""

    def __init__(self, members: Sequence[Minibatches]) -> None:
        self.members = tuple(members)

    def next(self) -> tuple[Tensor, Tensor]:
        """Return images (K * N, 3, H, W) and labels (K * N,)."""
        images, labels = zip(*(member.next() for member in self.members), strict=True)
        return torch.cat(images), torch.cat(labels)


def can_be_joined(method: Classifier) -> bool:
    """Return whether every network of ``method`` is trained and can be stacked."""
    return method.modules.keys() == method.optimisers.keys() and all(map(stackable, method.modules.values()))


def joined(members: Sequence[ClassifierT]) -> ClassifierT:
    """Return a method whose every ``iterate`` is one of each of ``members``.

    Its metrics are (K,), one value a member. The members' own weights and optimisers share its memory.

    Args:
        members: one method with the same options and as many steps done, different seeds.
    """
    first = members[0]
    together = copy.copy(first)
    together.models = len(members)
    together.streams = JointStreams([member.streams for member in members])
    together.batches = {
        name: cast("Minibatches", JointMinibatches([member.batches[name] for member in members]))
        for name in first.batches
    }
    together.modules = {
        name: StackedNetworks([member.modules[name] for member in members]) for name in first.modules
    }
    together.optimisers = {
        name: _joint_adam(together.modules[name], name, members) for name in first.optimisers
    }
    return together


def _joint_adam(stack: nn.Module, name: str, members: Sequence[Classifier]) -> Adam:
    """Return Adam over the stacked parameters, its moments shared with the members' own optimisers."""
    own = [member.optimisers[name] for member in members]
    settings = own[0].param_groups[0]
    joint = Adam(stack.parameters(), lr=settings["lr"], betas=settings["betas"])
    for parameter, *theirs in zip(
        stack.parameters(), *(member.modules[name].parameters() for member in members), strict=True
    ):
        states = [optimiser.state.get(p, {}) for optimiser, p in zip(own, theirs, strict=True)]
        state = joint.state[parameter]
        state["step"] = torch.clone(states[0]["step"]) if states[0] else torch.zeros(())
        for moment in ("exp_avg", "exp_avg_sq"):
            if states[0]:
                state[moment] = torch.stack([each[moment] for each in states]).contiguous()
            else:
                state[moment] = torch.zeros_like(parameter)
        for k, (optimiser, p) in enumerate(zip(own, theirs, strict=True)):
            moments = {moment: state[moment][k] for moment in ("exp_avg", "exp_avg_sq")}
            optimiser.state[p] = {"step": state["step"], **moments}
    return joint
