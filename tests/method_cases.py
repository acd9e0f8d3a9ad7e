"""Tiny runs of each method, shared by the method tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.gaussians import gaussian_set
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.methods.base import Method
from repro.methods.gan_base import GanMethod
from repro.methods.registry import load_method
from small_run import small_run

CPU = torch.device("cpu")
STEPS = 4
WIDTH = 0.03  # most layers get the least number of channels, 4
POINTS = {"dataset": "gaussians", "source": "real", "width": 1.0}
METHODS = [
    "classifier",
    "fast_gradient_training",
    "gat",
    "random_perturbation",
    "adversarial_training",
    "robgan",
    "robgan_finetune",
]


@cache
def tiny_data(images: int = 20, dataset: str = "cifar10") -> ImageSet:
    """Synthetic CIFAR-10, two images a class: two batches of eight an epoch; or other images."""
    return load_images(dataset, "train", source="synthetic", limit=images, root=None)


def gan_of(spec: RunSpec, images: int = 24) -> GanMethod:
    """Return a GAN as its run begins it, on so many synthetic images or on the points of the plane."""
    data = gaussian_set() if spec.dataset == "gaussians" else tiny_data(images, spec.dataset)
    made = load_method(spec.method)(spec, data, Streams(spec.seed), CPU)
    assert isinstance(made, GanMethod)
    return made


def count(network: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def spec_of(name: str, *, seed: int = 0, width: float = WIDTH, **options: Any) -> RunSpec:
    own: dict[str, dict[str, Any]] = {
        "robgan_finetune": {"parent": "robgan-parent"},
        "toy_gan": POINTS,
        "toy_dat": POINTS,
    }
    fields = {"width": width, **own.get(name, {})}
    return small_run(name, seed=seed, steps=STEPS, options=options, **fields)


def make(name: str, *, seed: int = 0, width: float = WIDTH, **options: Any) -> tuple[Method, Streams]:
    streams = Streams(seed)
    spec = spec_of(name, seed=seed, width=width, **options)
    data = gaussian_set() if spec.dataset == "gaussians" else tiny_data()
    return load_method(name)(spec, data, streams, CPU), streams


def train(name: str, *, updates: int = 2, seed: int = 0, **options: Any) -> Method:
    method, _ = make(name, seed=seed, **options)
    for step in range(updates):
        method.step(step)
    return method


def weights(method: Method) -> dict[str, Tensor]:
    """Copies of every parameter and buffer by ``module.name``."""
    return {
        f"{module}.{name}": value.clone()
        for module, network in method.modules.items()
        for name, value in network.state_dict().items()
    }


def changed_modules(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def same(first: Method, second: Method) -> bool:
    return equal(weights(first), weights(second))
