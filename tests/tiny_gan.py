"""A small GAN that uses all that a resume must restore; as a script it trains in a process of its own."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.locks import only_process
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.catalogue import dataset_info
from repro.data.image_set import ImageSet
from repro.data.minibatches import Minibatches
from repro.data.synthetic import make_synthetic
from repro.methods.base import Method, MethodOptions, State
from repro.train.begin import new_run
from repro.train.run import train_to_record
from repro.train.settings import LoopSettings
from repro.train.training_data import TrainingData
from small_run import small_run


class TinyOptions(MethodOptions):
    learning_rate: float = 1e-3
    poison_step: int = -1  # at this step a weight becomes NaN and the loss stays finite
    explode_step: int = -1  # at this step the loss is 2e6
    global_noise: bool = False
    pause: float = 0.0  # seconds a step, for tests that kill the process


class TinyGenerator(nn.Module):
    latent_dim, n_classes = 8, 0

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 192))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.tanh(self.layers(z)).view(-1, 3, 8, 8)


class TinyGan(Method):
    Options = TinyOptions
    options: TinyOptions

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        with streams.seeded("initialisation"):
            generator = TinyGenerator()
            critic = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 1))
        self.modules = {
            "generator": generator.to(device),
            "discriminator": critic.to(device, memory_format=torch.channels_last),  # type: ignore[call-overload]
        }
        self.optimisers = {
            name: torch.optim.Adam(module.parameters(), lr=self.options.learning_rate, betas=(0.5, 0.9))
            for name, module in self.modules.items()
        }
        self.schedulers = {
            name: LambdaLR(optimiser, lambda step: 1 - step / spec.steps)
            for name, optimiser in self.optimisers.items()
        }
        order, augmentation = streams.generator("data_order"), streams.generator("augmentation")
        self.batches = {
            "train": Minibatches(
                data, spec.batch_size, order, bounds=self.bounds, flip=True, augmentation=augmentation
            )
        }

    def start_from(self, parent_state: State) -> None:
        for name, weights in parent_state["modules"].items():
            self.modules[name].load_state_dict(weights)

    def step(self, step: int) -> dict[str, Tensor]:
        generator, critic = self.modules["generator"], self.modules["discriminator"]
        real = F.avg_pool2d(self.batches["train"].next()[0], 4)
        z = torch.randn(len(real), 8, generator=self.streams.generator("latent"), device=self.device)
        kept = torch.rand(len(real), 1, generator=self.streams.generator("dropout"), device=self.device) > 0.2
        fake = generator(z * kept)
        if self.options.global_noise:
            fake = fake + 0.01 * torch.randn_like(fake)
        critic_loss = F.softplus(-critic(real)).mean() + F.softplus(critic(fake.detach())).mean()
        self._descend("discriminator", critic_loss)
        generator_loss = F.softplus(-critic(fake)).mean()
        self._descend("generator", generator_loss)
        if step == self.options.poison_step:
            with torch.no_grad():
                next(critic.parameters()).fill_(float("nan"))
        if step == self.options.explode_step:
            generator_loss = generator_loss + 2e6
        time.sleep(self.options.pause)
        return {"generator_loss": generator_loss.detach(), "discriminator_loss": critic_loss.detach()}

    def _descend(self, name: str, loss: Tensor) -> None:
        self.optimisers[name].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[name].step()
        self.schedulers[name].step()


class PowerCutError(Exception):
    """Ends the process's work as a kill would: nothing is written on the way out."""


def cut_at(kind: type[Method], step: int) -> type[Method]:
    """Return the method, ended before this step."""

    def cut_step(self: Method, now: int) -> dict[str, Tensor]:
        if now == step:
            raise PowerCutError
        return kind.step(self, now)

    return type(f"Cut{kind.__name__}", (kind,), {"step": cut_step})


def tiny_spec(
    *, steps: int = 40, seed: int = 0, snapshots: int = 0, parent: str | None = None, **options: float | bool
) -> RunSpec:
    run = {"seed": seed, "steps": steps, "snapshots": snapshots, "parent": parent, "options": options}
    return small_run("tiny_gan", train_limit=48, **run)


def train(
    spec: RunSpec,
    layout: Layout,
    settings: LoopSettings | None = None,
    *,
    images: int = 48,
    kind: type[Method] = TinyGan,
    progress: bool = False,
) -> None:
    data = make_synthetic(dataset_info("cifar10"), "train", images)
    device = torch.device("cpu")
    with only_process(layout.run(spec.run_id), spec.run_id):
        train_to_record(
            new_run(kind, data, spec, layout, device=device, settings=settings), progress=progress
        )


def train_with_checkpoints(spec: RunSpec, layout: Layout, kind: type[Method], log_every: int = 1) -> State:
    """Train on the images that the method asks for, a checkpoint every second step; return the last one."""
    device = torch.device("cpu")
    images, validation = TrainingData().load_all(kind, spec, None, device)
    settings = LoopSettings(checkpoint_steps=2, log_every=log_every)
    with only_process(layout.run(spec.run_id), spec.run_id):
        run = new_run(kind, images, spec, layout, device=device, validation=validation, settings=settings)
        train_to_record(run, progress=False)
    return checkpoint.load(layout.checkpoint(spec.run_id)).state


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    folder, text, every = sys.argv[1:]
    try:
        train(
            RunSpec.model_validate_json(text),
            Layout(Path(folder), "test"),
            LoopSettings(checkpoint_steps=int(every), log_every=5),
        )
    except ReproError as error:
        sys.exit(str(error))
