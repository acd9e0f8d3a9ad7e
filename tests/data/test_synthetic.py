"""The synthetic source: right sizes, reproducible, disjoint splits, neither trivial nor hopeless."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from repro.data.catalogue import CATALOGUE
from repro.data.fingerprint import image_digests
from repro.data.image_set import ImageSet
from repro.data.load import load_images
from repro.data.minibatches import Minibatches, scale

IMAGE_SETS = [(name, split) for name, info in CATALOGUE.items() for split in info.splits]


def make(name: str, split: str, limit: int | None) -> ImageSet:
    return load_images(name, split, source="synthetic", limit=limit, root=None)


@pytest.mark.parametrize(("name", "split"), IMAGE_SETS)
def test_every_split_has_the_real_size_and_class_count(name: str, split: str) -> None:
    info = CATALOGUE[name]
    data = make(name, split, 210)
    assert data.images.shape == (min(210, info.splits[split]), 3, info.height, info.width)
    assert data.images.dtype == torch.uint8
    assert data.labels.dtype == torch.int64
    kinds = info.split_classes(split)
    assert len(data.classes) == kinds
    assert set(data.labels.tolist()) == set(range(kinds or 1))
    assert data.stand_ins == ("synthetic_data",)
    assert not data.complete


def test_a_whole_small_split_is_complete_but_still_a_stand_in() -> None:
    data = make("lsun_bedroom", "test", None)
    assert len(data) == 300
    assert data.complete
    assert data.stand_ins == ("synthetic_data",)


def test_same_call_gives_same_images_and_a_smaller_limit_the_first_of_them() -> None:
    whole, part = make("cifar10", "train", 700), make("cifar10", "train", 300)
    assert torch.equal(whole.images[:300], part.images)
    assert torch.equal(whole.labels[:300], part.labels)
    assert part.fingerprint == whole.first(300).fingerprint == make("cifar10", "train", 300).fingerprint


def test_splits_share_no_image_and_hold_no_image_twice() -> None:
    digests = [
        digest
        for split in ("train", "test", "train45k", "validation5k")
        for digest in image_digests(make("cifar10", split, 500).images, torch.zeros(500))
    ]
    assert len(set(digests)) == len(digests) == 2000


def test_classes_are_balanced() -> None:
    assert torch.equal(make("cifar10", "train", 1000).labels.bincount(), torch.full((10,), 100))


def small_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, 1, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


@pytest.mark.slow
def test_a_small_network_learns_the_classes_but_not_perfectly() -> None:
    train, test = make("cifar10", "train", 2000), make("cifar10", "test", 1000)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = small_network()
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    batches = Minibatches(train, 64, torch.Generator().manual_seed(0), bounds=(-1, 1))
    for _ in range(20 * batches.batches_per_epoch):
        images, labels = batches.next()
        loss = F.cross_entropy(network(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        correct = network(scale(test.images, (-1, 1))).argmax(1) == test.labels
    assert 0.6 <= correct.float().mean().item() <= 0.9
