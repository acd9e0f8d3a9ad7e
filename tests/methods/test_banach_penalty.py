"""BWGAN's penalty: its norms against an independent transform in float64, closed forms, special cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from attack_cases import LinearD
from repro.methods.regularisers.banach_penalty import BanachPenalty, lp_norms, sobolev_filter
from repro.methods.regularisers.registry import make_regulariser
from repro.models import wgan_gp_resnet

SPACES = [(0.0, 2.0), (-1.5, 2.0), (2.0, 2.0), (0.0, 10.0), (0.0, 1.3), (-1.0, 4.0), (1.0, 1.0)]


def penalty(**options: Any) -> BanachPenalty:
    made = make_regulariser("banach_penalty", options, torch.Generator().manual_seed(3))
    assert isinstance(made, BanachPenalty)
    return made


def norm(image: NDArray[np.float64], s: float, p: float, c: float = 5.0) -> float:
    """The definition: sums over a discrete Fourier basis written out as matrices, no fast transform."""
    _, height, width = image.shape
    basis = [np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) for n in (height, width)]
    frequency = [np.minimum(np.arange(n), n - np.arange(n)) / (n // 2) for n in (height, width)]
    weight = (1 + c * (frequency[0][:, None] ** 2 + frequency[1][None] ** 2)) ** (s / 2)
    transform = basis[0] @ image @ basis[1]
    filtered = basis[0].conj() @ (weight * transform) @ basis[1].conj() / (height * width)
    assert np.abs(filtered.imag).max() < 1e-9
    values = np.abs(filtered.real)
    return float(values.max() if p == np.inf else (values**p).sum() ** (1 / p))


def dual(p: float) -> float:
    return np.inf if p == 1 else p / (p - 1)


@pytest.mark.parametrize(("s", "p"), SPACES)
@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 6, 10)])
def test_norms_are_those_of_the_definition(s: float, p: float, shape: tuple[int, ...]) -> None:
    images = torch.randn(4, *shape, dtype=torch.float64)
    found = penalty(s=s, p=p)
    expected = [norm(image, s, p) for image in images.numpy()]
    torch.testing.assert_close(found.norms(images), torch.tensor(expected, dtype=torch.float64))
    expected = [norm(image, -s, dual(p)) for image in images.numpy()]
    torch.testing.assert_close(found.dual_norms(images), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize(("s", "p"), SPACES)
def test_the_dual_norm_bounds_the_pairing_and_is_reached(s: float, p: float) -> None:
    """|<g, x>| <= |g|_B* |x|_B (Hoelder), with equality for the x that g itself says."""
    found = penalty(s=s, p=p)
    g, x = torch.randn(2, 50, 1, 6, 6, dtype=torch.float64)
    pairing = (g * x).flatten(1).sum(1).abs()
    assert (pairing <= found.dual_norms(g) * found.norms(x) * (1 + 1e-9)).all()
    if p == 1:
        return
    h = sobolev_filter(g, scale=5.0, order=-s)
    best = sobolev_filter(h.sign() * h.abs() ** (dual(p) - 1), scale=5.0, order=-s)
    pairing = (g * best).flatten(1).sum(1)
    torch.testing.assert_close(pairing, found.dual_norms(g) * found.norms(best), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("s", "p"), SPACES)
@pytest.mark.parametrize("scales", ["images", "published_code", "fixed"])
def test_on_a_linear_critic(s: float, p: float, scales: str) -> None:
    """|grad D| is |w| everywhere: the loss of Adler and Lunz, times gamma, by hand."""
    weight, real = torch.randn(3, 6, 6, dtype=torch.float64), torch.randn(5, 3, 6, 6, dtype=torch.float64)
    network = LinearD(weight.clone())
    found = penalty(s=s, p=p, scales=scales, weight=3.0, drift=0.1)(network, real, -real)
    q, images = dual(p), real.numpy()
    gamma = np.mean([norm(x, s if scales == "published_code" else -s, q) for x in images])
    lam = np.mean([norm(x, s, p) for x in images])
    if scales == "fixed":
        gamma = lam = 1.0
    drift = np.mean([(x * weight.numpy()).sum() ** 2 for x in images])
    loss = lam * (norm(weight.numpy(), -s, q) / gamma - 1) ** 2 + 0.1 * drift
    assert found.item() == pytest.approx(3 * gamma * loss, rel=1e-5)
    found.backward()
    assert network.weight.grad is not None
    assert network.weight.grad.isfinite().all()


def test_l2_with_fixed_scales_is_wgan_gp() -> None:
    network = wgan_gp_resnet.Discriminator(width=0.03).double()
    real, fake = torch.randn(2, 4, 3, 32, 32, dtype=torch.float64)
    values = []
    for name, options in (
        ("gradient_penalty", {}),
        ("banach_penalty", {"scales": "fixed", "drift": 0.0, "weight": 10.0}),
    ):
        made = make_regulariser(name, options, torch.Generator().manual_seed(1))
        assert made is not None
        network.zero_grad()
        value = made(network, real, fake)
        value.backward()
        values.append([value.detach(), *(p.grad for p in network.parameters() if p.grad is not None)])
    torch.testing.assert_close(values[0], values[1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("p", [1.0, 10 / 9, 2.0, 10.0, torch.inf])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_norms_and_their_slopes_stay_finite(p: float, size: float) -> None:
    """In float32 too, where the tenth power of 1e-6 is 0, and where dead ReLUs leave a gradient of zeros."""
    values = torch.tensor([[0.0, 1.0, -1.0], [0.0, 0.0, 0.0]]).mul(size).requires_grad_()
    norms = lp_norms(values, p)
    count = 1.0 if p == torch.inf else 2 ** (1 / p)
    torch.testing.assert_close(norms, torch.tensor([count * size, 0.0]))
    (slope,) = torch.autograd.grad(norms.sum(), values)
    assert slope[0, 1].item() == pytest.approx(-slope[0, 2].item())
    assert slope[0, 1].item() == pytest.approx(count / 2)
    assert not slope[1].any()
