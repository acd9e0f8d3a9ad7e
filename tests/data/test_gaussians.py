"""The nine Gaussians: means, weights and spread as the paper says."""

from __future__ import annotations

import pytest
import torch

from repro.data.gaussians import Mixture, Spread, component_means, component_weights, sample_gaussians


def stream() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_means_are_the_grid() -> None:
    assert sorted(map(tuple, component_means().tolist())) == [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]


@pytest.mark.parametrize(("spread", "variance"), [("variance", 0.1), ("standard_deviation", 0.01)])
def test_each_component_has_its_mean_and_variance(spread: Spread, variance: float) -> None:
    points, components = sample_gaussians(90_000, stream(), spread=spread)
    for k, mean in enumerate(component_means()):
        mine = points[components == k]
        assert torch.allclose(mine.mean(0), mean, atol=0.02)
        assert torch.allclose(mine.var(0), torch.full((2,), variance), rtol=0.06)
        covariance = ((mine[:, 0] - mean[0]) * (mine[:, 1] - mean[1])).mean()
        assert abs(covariance.item()) < 0.06 * variance


@pytest.mark.parametrize(
    ("mixture", "columns"), [("balanced", [1 / 3] * 3), ("imbalanced", [0.15, 0.05, 0.8])]
)
def test_column_weights_go_left_to_right(mixture: Mixture, columns: list[float]) -> None:
    assert component_weights(mixture).sum().item() == pytest.approx(1)
    _, components = sample_gaussians(60_000, stream(), mixture=mixture)
    x = component_means()[components, 0]
    assert [(x == v).float().mean().item() for v in (-1, 0, 1)] == pytest.approx(columns, abs=0.01)
