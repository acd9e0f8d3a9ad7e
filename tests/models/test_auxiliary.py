"""SSGAN's and InfoMaxGAN's networks, and their two losses against plain references."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from method_cases import count
from repro.methods.infomax_gan import info_nce
from repro.methods.ssgan import rotate_quarters
from repro.models import infomax_gan, ssgan

DISCRIMINATORS = {  # parameters of mimicry's SSGAN and InfoMaxGAN
    32: (1_054_341, 1_615_233),
    48: (10_145_541, 14_603_521),
    64: (10_145_541, 14_603_521),
    128: (29_021_957, 35_315_457),
}


@pytest.mark.parametrize("size", DISCRIMINATORS)
def test_discriminators_have_mimicrys_parameter_counts(size: int) -> None:
    with torch.device("meta"):
        found = count(ssgan.Discriminator(size)), count(infomax_gan.Discriminator(size))
    assert found == DISCRIMINATORS[size]


@pytest.mark.parametrize(("size", "side"), [(32, 8), (48, 3), (64, 4), (128, 4)])
def test_views_share_the_pass_of_the_logits(size: int, side: int) -> None:
    network = infomax_gan.Discriminator(size, width=0.03).eval()
    images = torch.randn(2, 3, size, size)
    logits, local, whole = network.views(images)
    assert local.shape[2:] == (side, side)
    torch.testing.assert_close(logits, network(images))
    torch.testing.assert_close(whole, network.features(images))
    projected = network.project(local, whole)
    assert projected[0].shape[:2] == projected[1].shape
    assert ssgan.Discriminator(size, width=0.03).rotation_logits(images).shape == (2, 4)


def test_local_features_are_after_the_relu_only_in_mimicrys_form() -> None:
    images = torch.randn(2, 3, 32, 32)
    for kind, negative in (("relu", False), ("raw", True)):
        network = infomax_gan.Discriminator(width=0.1, shortcut_input=kind)  # type: ignore[arg-type]
        assert (network.views(images).local < 0).any().item() is negative


@pytest.mark.parametrize("n", [4, 8, 6, 3])
def test_quarters_are_turned_by_index(n: int) -> None:
    images = torch.randn(n, 3, 5, 5)
    turned, turns = rotate_quarters(images)
    assert turned.shape == images.shape
    assert turns.tolist() == [4 * i // n for i in range(n)]
    for before, after, k in zip(images, turned, turns.tolist(), strict=True):
        torch.testing.assert_close(after, torch.rot90(before, k, (1, 2)))
    if n == 8:
        assert turns.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        torch.testing.assert_close(turned[4], images[4].flip(1).flip(2))


def reference(local: Tensor, whole: Tensor, own: float) -> Tensor:
    """One log-softmax for each place: itself, then all places of all images, own ones set to ``own``."""
    n, m = len(local), local[0, 0].numel()
    losses = []
    for i in range(n):
        for p in range(m):
            row = [local.flatten(2)[i, :, p] @ whole[i]]
            for j in range(n):
                for q in range(m):
                    score = local.flatten(2)[j, :, q] @ whole[i]
                    row.append(torch.tensor(own) if i == j else score)
            losses.append(-F.log_softmax(torch.stack(row), 0)[0])
    return torch.stack(losses).mean()


@pytest.mark.parametrize("own", [-10.0, -math.inf, 2.0])
def test_info_nce_is_the_log_softmax_over_places(own: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.methods.infomax_gan.OWN", own)
    local, whole = torch.randn(3, 5, 2, 2, requires_grad=True), torch.randn(3, 5, requires_grad=True)
    loss = info_nce(local, whole)
    expected = reference(local, whole, own)
    torch.testing.assert_close(loss, expected)
    ours = torch.autograd.grad(loss, (local, whole))
    theirs = torch.autograd.grad(expected, (local, whole))
    torch.testing.assert_close(ours, theirs)


def test_info_nce_of_matching_features_is_small_and_of_equal_ones_log_n() -> None:
    whole = 10 * torch.eye(4)
    assert info_nce(whole[:, :, None, None].expand(4, 4, 2, 2), whole).item() < 1e-3
    level = torch.ones(4, 3, 2, 2) / 3
    expected = math.log(1 + 3 * 4 + 4 * math.exp(-11))
    assert info_nce(level, torch.ones(4, 3)).item() == pytest.approx(expected, rel=1e-5)
