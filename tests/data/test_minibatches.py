"""Minibatches: pixel ranges, coverage, augmentation, exact resume."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from repro.core.errors import ReproError
from repro.core.vision import torchvision
from repro.data.image_set import ImageSet
from repro.data.minibatches import Minibatches, crop_and_flip, resized_crop, scale, to_uint8

BOUNDS = st.tuples(st.floats(-4, 0), st.floats(0.125, 4))


def numbered(n: int, side: int = 8) -> ImageSet:
    """Images whose label is their index."""
    images = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=stream(9))
    return ImageSet("numbered", "train", "synthetic", images, torch.arange(n), (), "", True)


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(BOUNDS)
def test_scaling_and_back_is_the_identity_on_all_256_levels(bounds: tuple[float, float]) -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    scaled = scale(levels, bounds)
    assert scaled.dtype == torch.float32
    assert torch.allclose(scaled[[0, 255]], torch.tensor(bounds), atol=1e-6)
    assert torch.equal(to_uint8(scaled, bounds), levels)


def test_to_uint8_rounds_to_nearest_and_clips() -> None:
    values = torch.tensor([-0.5, 0.4 / 255, 0.6 / 255, 1.5])
    assert to_uint8(values, (0, 1)).tolist() == [0, 0, 1, 255]


def test_scale_leaves_its_argument_alone() -> None:
    images = torch.ones(2, 3, 4, 4)
    scale(images, (-1, 1))
    assert torch.equal(images, torch.ones(2, 3, 4, 4))


def small_gpu(free: int) -> Any:
    """A GPU with so many bytes free: what is larger does not fit."""
    to = Tensor.to

    def move(tensor: Tensor, place: Any, *more: Any, **kwargs: Any) -> Tensor:
        if not str(place).startswith("cuda"):
            return to(tensor, place, *more, **kwargs)
        if tensor.nbytes > free:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return to(tensor, "meta")

    memory = mock.patch.object(torch.cuda, "mem_get_info", return_value=(free, free))
    return memory, mock.patch.object(Tensor, "to", move)


def test_a_set_that_would_fill_the_gpu_stays_and_its_batches_are_sent() -> None:
    data, gpu = numbered(20), torch.device("cuda", 1)
    sent = []
    for free in (10 * data.images.nbytes, data.images.nbytes):
        memory, move = small_gpu(free)
        with memory, move:
            near = data.near(gpu)
        assert near.device.type == ("meta" if free > data.images.nbytes else "cpu")
        sent.append(near.sent_to)
    assert sent == [None, gpu]
    kept = replace(data, sent_to=torch.device("cpu"))
    how: dict[str, Any] = {"bounds": (0, 1), "flip": True, "crop_padding": 2}
    here, there = (Minibatches(d, 4, stream(0), augmentation=stream(1), **how) for d in (data, kept))
    for _ in range(12):  # more than two epochs
        for one, other in zip(here.next(), there.next(), strict=True):
            assert torch.equal(one, other)


def test_images_that_do_not_fit_are_said_to_with_a_way_out() -> None:
    data, gpu = numbered(20), torch.device("cuda")
    memory, move = small_gpu(data.images.nbytes // 2)
    with memory, move, pytest.raises(ReproError, match=r"20 images of numbered \(train, 0.0 GiB\)") as caught:
        data.to(gpu)
    assert "limit" in caught.value.remedy
    with memory, move:
        assert len(data.first(10).to(gpu)) == 10
        assert data.to("cpu").device.type == "cpu"


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_each_epoch_visits_each_image_once(n: int, batch_size: int, seed: int) -> None:
    if n < batch_size:
        with pytest.raises(ReproError, match="fewer than one batch"):
            Minibatches(numbered(n), batch_size, stream(seed), bounds=(0, 1))
        return
    batches = Minibatches(numbered(n), batch_size, stream(seed), bounds=(0, 1))
    for epoch in range(3):
        seen = []
        for _ in range(batches.batches_per_epoch):
            seen += batches.next()[1].tolist()
            assert batches.epoch == epoch
        assert len(seen) == len(set(seen)) == n - n % batch_size


def test_epochs_have_different_orders_and_streams_decide_them() -> None:
    def epochs(seed: int) -> list[list[int]]:
        batches = Minibatches(numbered(50), 50, stream(seed), bounds=(0, 1))
        return [batches.next()[1].tolist() for _ in range(2)]

    first, second = epochs(0)
    assert first != second
    assert epochs(0) == [first, second]
    assert epochs(1)[0] != first


def test_images_go_with_their_labels_and_lie_in_the_bounds() -> None:
    data = numbered(20)
    images, labels = Minibatches(data, 10, stream(0), bounds=(-1, 1)).next()
    assert torch.equal(to_uint8(images, (-1, 1)), data.images[labels])
    assert images.min() >= -1
    assert images.max() <= 1


def reference_crop(image: Tensor, padding: int, top: int, left: int, flipped: bool) -> Tensor:
    side = image.shape[-1]
    padded = F.pad(image, (padding,) * 4)
    window = padded[:, top : top + side, left : left + side]
    return window.flip(2) if flipped else window


@settings(max_examples=30)
@given(st.integers(0, 4), st.integers(0, 1000))
def test_crop_and_flip_equals_cropping_one_image_at_a_time(padding: int, seed: int) -> None:
    images = numbered(6).images
    offsets = torch.randint(2 * padding + 1, (6, 2), generator=stream(seed))
    flipped = torch.rand(6, generator=stream(seed)) < 0.5
    expected = [
        reference_crop(images[i], padding, int(offsets[i, 0]), int(offsets[i, 1]), bool(flipped[i]))
        for i in range(6)
    ]
    assert torch.equal(crop_and_flip(images, padding, offsets, flipped), torch.stack(expected))


def test_resized_crop_equals_torchvisions_of_one_image_at_a_time() -> None:
    images = torch.randint(0, 256, (40, 3, 16, 16), dtype=torch.uint8, generator=stream(1))
    sides = torch.randint(1, 17, (40,), generator=stream(2))
    places = torch.rand(40, 2, generator=stream(3))
    flipped = torch.rand(40, generator=stream(4)) < 0.5
    got = resized_crop(images, sides, places, flipped)
    for image, side, place, mirror, ours in zip(images, sides.tolist(), places, flipped, got, strict=True):
        top, left = (int(at * (17 - side)) for at in place.tolist())
        theirs = torchvision.transforms.functional.resized_crop(
            image.float(), top, left, side, side, [16, 16], antialias=False
        )
        torch.testing.assert_close(ours, theirs.flip(2) if mirror else theirs, atol=1e-3, rtol=0)


def test_random_squares_are_as_large_as_asked_and_lie_everywhere() -> None:
    """A ramp from 0 to 252 shows by its first and last column what part of it a batch's image holds."""
    ramp = (4 * torch.arange(64, dtype=torch.uint8)).expand(3, 64, 64)
    data = replace(numbered(200, 64), images=ramp.expand(200, 3, 64, 64).contiguous())
    batches = Minibatches(
        data, 200, stream(1), bounds=(0, 255), crop_area=(0.64, 0.81), augmentation=stream(2)
    )
    images, _ = batches.next()
    first, last = images[:, 0, 0, 0] / 4, images[:, 0, 0, -1] / 4
    sides = last - first + 1
    assert (sides.min() - 0.8 * 64).abs() < 1
    assert (sides.max() - 0.9 * 64).abs() < 1
    assert first.min() < 0.5
    assert last.max() > 62.5
    assert (images[:, 0, 0] == images[:, 2, 63]).all()


def test_padding_is_black_before_scaling() -> None:
    data = numbered(4)
    white = ImageSet(
        "white", "train", "synthetic", torch.full_like(data.images, 255), data.labels, (), "", True
    )
    batches = Minibatches(white, 4, stream(0), bounds=(-1, 1), crop_padding=4, augmentation=stream(1))
    values = torch.cat([batches.next()[0] for _ in range(10)]).unique()
    assert values.tolist() == [-1.0, 1.0]


def test_about_half_of_the_images_are_flipped() -> None:
    data = numbered(1000)
    batches = Minibatches(data, 1000, stream(0), bounds=(0, 1), flip=True, augmentation=stream(1))
    images, labels = batches.next()
    same = (to_uint8(images, (0, 1)) == data.images[labels]).flatten(1).all(1)
    mirrored = (to_uint8(images, (0, 1)) == data.images[labels].flip(3)).flatten(1).all(1)
    assert bool((same | mirrored).all())
    assert 430 < int(same.sum()) < 570


@pytest.mark.parametrize("steps", [0, 1, 3, 7])
def test_resuming_gives_the_same_batches(steps: int) -> None:
    def build() -> tuple[Minibatches, torch.Generator, torch.Generator]:
        order, augmentation = stream(3), stream(4)
        return (
            Minibatches(
                numbered(25), 10, order, bounds=(0, 1), flip=True, crop_padding=2, augmentation=augmentation
            ),
            order,
            augmentation,
        )

    going, order, augmentation = build()
    for _ in range(steps):
        going.next()
    saved = going.state_dict()
    states = order.get_state(), augmentation.get_state()
    expected = [going.next() for _ in range(6)]
    resumed, order, augmentation = build()
    resumed.load_state_dict(saved)
    order.set_state(states[0])
    augmentation.set_state(states[1])
    for images, labels in expected:
        again = resumed.next()
        assert torch.equal(again[0], images)
        assert torch.equal(again[1], labels)
    assert resumed.epoch == going.epoch


def test_a_state_of_another_set_is_refused() -> None:
    other = Minibatches(numbered(12), 4, stream(0), bounds=(0, 1))
    other.next()
    with pytest.raises(ReproError, match="12 images"):
        Minibatches(numbered(20), 4, stream(0), bounds=(0, 1)).load_state_dict(other.state_dict())


def test_augmentation_without_its_stream_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="stream"):
        Minibatches(numbered(4), 2, stream(0), bounds=(0, 1), flip=True)
