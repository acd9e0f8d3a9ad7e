"""What a training method is: options, modules, one training step, a state to save and take up again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from repro.core.errors import ReproError
from repro.core.ranks import check_divides, count
from repro.core.spec import RunSpec
from repro.core.timing import SplitWatch
from repro.methods.optimisation import restride
from repro.methods.options import MethodOptions, NetworkOptions, read_options
from repro.models.divided import average_gradients, divide
from repro.models.registry import build, load_network, wants

if TYPE_CHECKING:
    from repro.core.streams import Streams
    from repro.data.image_set import ImageSet
    from repro.data.minibatches import Minibatches

State = Mapping[str, Any]


class _Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> object: ...


class Method(ABC):
    """One paper's training algorithm.

    A subclass sets ``Options`` and ``bounds``, annotates ``options`` with its own options class, calls
    ``super().__init__`` first and then fills ``modules``, ``optimisers``, ``schedulers`` and ``batches``;
    whatever is in these four dicts is saved and restored. The training loop saves the random streams.

    Args:
        spec: the run; ``spec.options`` are validated against ``Options``.
        data: the training images, on ``device``.
        streams: the run's named random generators.
        device: where the networks live.

    Raises:
        ReproError: an option is unknown or has a forbidden value.
    """

    Options: ClassVar[type[MethodOptions]] = MethodOptions
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    options: MethodOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        self.spec = spec
        self.data = data
        self.streams = streams
        self.device = device
        self.precision = spec.precision  # of its passes; who measures the method sets float32
        self.watch = SplitWatch(device)  # a method that attacks adds up the time of network and kernel here
        self.options = read_options(spec.method, self.Options, spec.options)
        self.modules: dict[str, nn.Module] = {}
        self.optimisers: dict[str, Optimizer] = {}
        self.schedulers: dict[str, LRScheduler] = {}
        self.batches: dict[str, Minibatches] = {}
        self.validation: ImageSet | None = None

    @classmethod
    def validation_split(cls, spec: RunSpec) -> str | None:
        """Return the split that training looks at for early stopping, if any; given as ``validation``."""
        return None

    @property
    def over(self) -> bool:
        """Whether training has stopped early, so that further steps do nothing."""
        return False

    @abstractmethod
    def step(self, step: int) -> dict[str, Tensor]:
        """Train once.

        Args:
            step: number of steps done before this one, from 0. For GAN methods one step is one generator
                update with its discriminator updates.

        Returns:
            Losses and the like as detached 0-d tensors on the device (``.item()`` would wait for it).
        """

    def divide(self) -> None:
        """Train together with other processes from here on, see ``models/divided.py``.

        Raises:
            ReproError: the batch does not divide among them.
        """
        check_divides(self.spec.batch_size, count())
        for network in self.modules.values():
            divide(network)
        for optimiser in self.optimisers.values():
            optimiser.register_step_pre_hook(average_gradients)

    def _parts(self) -> dict[str, Mapping[str, _Stateful]]:
        return {
            "modules": self.modules,
            "optimisers": self.optimisers,
            "schedulers": self.schedulers,
            "batches": self.batches,
        }

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next steps depend on, except the random streams."""
        return {
            part: {name: thing.state_dict() for name, thing in things.items()}
            for part, things in self._parts().items()
        }

    def load_state_dict(self, state: State) -> None:
        """Take up a state that ``state_dict`` of the same method returned."""
        for part, things in self._parts().items():
            for name, thing in things.items():
                thing.load_state_dict(state[part][name])
        for optimiser in self.optimisers.values():
            restride(optimiser)

    def start_from(self, parent_state: State) -> None:
        """Begin at the end of another run (fine-tuning).

        Args:
            parent_state: the other run's ``Method.state_dict()``.

        Raises:
            ReproError: this method cannot start from another run.
        """
        raise ReproError(
            f"method {self.spec.method} cannot start from another run",
            remedy="remove start_from from the recipe, or use a method that fine-tunes",
        )

    def classifier(self) -> nn.Module:
        """Return the network from images in ``bounds`` (N,3,H,W) to class logits (N, classes)."""
        raise self._lacks("classifier")

    def discriminator(self) -> nn.Module:
        """Return the network from images in ``bounds`` (N,3,H,W) to real-or-fake logits (N,)."""
        if "discriminator" in self.modules:
            return self.modules["discriminator"]
        raise self._lacks("discriminator")

    def generator(self) -> nn.Module:
        """Return the network from latents (and labels) to images in [-1,1]."""
        if "generator" in self.modules:
            return self.modules["generator"]
        raise self._lacks("generator")

    @torch.no_grad()
    def sample(
        self,
        n: int,
        latent: torch.Generator,
        labels: Tensor | None = None,
        batch_size: int = 250,
        moved: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Draw images from the generator in eval mode; its state stays as it was.

        Args:
            n: number of images.
            latent: source of the latents and, for a conditional generator without ``labels``, of uniform
                labels. All are drawn before the first image, so ``batch_size`` does not alter the result.
            labels: classes (n,), int64; only for a conditional generator.
            batch_size: images per forward pass.
            moved: returns the latents that are shown in the place of those drawn (n, latent_dim).

        Returns:
            Images (n,3,H,W) (for toy data: points (n,2)), float32, in ``bounds``.
        """
        network = self.generator()
        width, classes = int(network.latent_dim), int(network.n_classes)  # type: ignore[arg-type]
        z = torch.randn(n, width, generator=latent, device=latent.device).to(self.device)
        if classes and labels is None:
            labels = torch.randint(classes, (n,), generator=latent, device=latent.device)
        labels = labels.to(self.device) if classes and labels is not None else None
        modes = {module: module.training for module in network.modules()}
        network.eval()
        try:
            z = z if moved is None else moved(z)
            parts = [
                network(z[i : i + batch_size], None if labels is None else labels[i : i + batch_size]).float()
                for i in range(0, n, batch_size)
            ]
        finally:
            for module, training in modes.items():
                module.training = training
        return torch.cat(parts)

    def latents(self, n: int) -> Tensor:
        """Return ``n`` standard normal latents (n, latent_dim) for the generator's training."""
        size = int(self.generator().latent_dim)  # type: ignore[arg-type]
        return torch.randn(n, size, generator=self.streams.generator("latent"), device=self.device)

    def uniform_classes(self, n: int) -> Tensor:
        """Return ``n`` uniformly drawn classes (n,), int64, for the generator's training."""
        count = int(self.generator().n_classes)  # type: ignore[arg-type]
        return torch.randint(count, (n,), generator=self.streams.generator("labels"), device=self.device)

    def snapshot_state(self) -> dict[str, Any]:
        """Return what a snapshot holds: all weights; whatever is asked over the training may need them."""
        return {name: module.state_dict() for name, module in self.modules.items()}

    def load_snapshot_state(self, state: State) -> None:
        """Take up what ``snapshot_state`` returned; modules that it does not hold stay as they are."""
        for name, weights in state.items():
            self.modules[name].load_state_dict(weights)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which networks run in the number format ``precision``."""
        from repro.core.device import autocast

        return autocast(self.precision, self.device)

    def image_size(self) -> int:
        """Return the side of the images in pixels; 0 for points."""
        return int(self.data.images.shape[-1])

    def build_network(self) -> list[nn.Module]:
        """Return the untrained network that the options name: one, or generator and discriminator.

        Their weights are of torch's global generator: call it under ``streams.seeded``.

        Raises:
            ReproError: it wants classes, and the training images have none.
        """
        assert isinstance(self.options, NetworkOptions)
        parts = load_network(self.options.networks, self.options.network)
        given = {"image_size": self.image_size(), "width": self.spec.width, "streams": self.streams}
        if any(wants(part, "n_classes") for part in parts):
            given["n_classes"] = self.n_classes()
        return [build(part, self.options, **given) for part in parts]

    def n_classes(self) -> int:
        """Return the number of classes of the training images.

        Raises:
            ReproError: fewer than two, so that there is nothing to classify.
        """
        if len(self.data.classes) < 2:
            raise ReproError(
                f"{self.data.name} ({self.data.split}) has no classes, {self.spec.method} needs them",
                remedy="use a data set and split with labels, e.g. cifar10 train",
            )
        return len(self.data.classes)

    def _lacks(self, what: str) -> ReproError:
        return ReproError(
            f"method {self.spec.method} has no {what}",
            remedy=f"ask only methods with a {what} for this measurement (see the sheet's row)",
        )
