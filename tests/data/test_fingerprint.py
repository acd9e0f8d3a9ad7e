"""The fingerprint: independent of order, dependent on every pixel and label."""

from __future__ import annotations

import hashlib

import torch
from hypothesis import given
from hypothesis import strategies as st

from repro.data.fingerprint import fingerprint

IMAGES = torch.randint(0, 256, (12, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 5


@given(st.permutations(range(12)))
def test_order_does_not_matter(order: list[int]) -> None:
    assert fingerprint(IMAGES[order], LABELS[order]) == fingerprint(IMAGES, LABELS)


@given(st.integers(0, 12 * 48 - 1))
def test_every_pixel_matters(position: int) -> None:
    changed = IMAGES.clone()
    changed.view(-1)[position] ^= 1
    assert fingerprint(changed, LABELS) != fingerprint(IMAGES, LABELS)


def test_swapped_labels_matter() -> None:
    swapped = LABELS.clone()
    swapped[[0, 1]] = LABELS[[1, 0]]
    assert fingerprint(IMAGES, swapped) != fingerprint(IMAGES, LABELS)


def test_definition_by_hand_on_two_one_pixel_images() -> None:
    images = torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=torch.uint8).view(2, 3, 1, 1)
    digests = [hashlib.sha256(bytes(row)).hexdigest() for row in ([7, 1, 2, 3], [0, 4, 5, 6])]
    expected = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
    assert fingerprint(images, torch.tensor([7, 0])) == expected
