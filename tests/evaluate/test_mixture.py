"""Scores of points against the nine Gaussians: about 0 for the truth, closed forms for what is wrong."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from PIL import Image

from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, RunSpec
from repro.data.gaussians import (
    Mixture,
    Spread,
    component_log_densities,
    component_means,
    component_weights,
    deviation,
    sample_gaussians,
)
from repro.evaluate import mixture_fit, mixture_truth
from repro.evaluate.context import Context, Shared
from repro.evaluate.mixture_scores import (
    MixtureOptions,
    draw_density,
    mixture_scores,
    neighbour_divergence,
)
from repro.evaluate.registry import Values
from repro.evaluate.trained import load_trained
from repro.train.run import train_run

CPU = torch.device("cpu")
N = 3000
GRID = MixtureOptions(estimator="grid", cells=20)


def draw(n: int = N, mixture: Mixture = "balanced", spread: Spread = "variance") -> tuple[torch.Tensor, ...]:
    return sample_gaussians(n, torch.Generator().manual_seed(0), mixture=mixture, spread=spread)


def scores(points: torch.Tensor, spread: Spread = "standard_deviation", **options: object) -> Values:
    return mixture_scores(points, "balanced", spread, MixtureOptions.model_validate(options))


@pytest.mark.parametrize("spread", ["variance", "standard_deviation"])
@pytest.mark.parametrize("mixture", ["balanced", "imbalanced"])
def test_the_true_mixture_scores_as_such(mixture: Mixture, spread: Spread) -> None:
    points, _ = draw(mixture=mixture, spread=spread)
    for options in (MixtureOptions(), GRID):
        found = mixture_scores(points, mixture, spread, options)
        assert found["modes"] == 9
        assert found["high_quality"] > 98
        assert -1e-9 <= found["kl_modes"] < 0.005
        assert abs(found["kl"]) < 0.1


@pytest.mark.parametrize("estimator", ["nearest_neighbour", "grid"])
def test_a_shifted_mixture_has_the_divergence_of_a_shifted_gaussian(estimator: str) -> None:
    """Modes ten deviations apart do not meet: KL = |shift|^2 / (2 variance), here 0.5 and 2."""
    points, _ = draw(spread="standard_deviation")
    for shift, wanted in ((0.1, 0.5), (0.2, 2.0)):
        moved = points + torch.tensor([shift, 0.0])
        found = scores(moved, estimator=estimator, cells=50)
        assert found["kl"] == pytest.approx(wanted, abs=0.15)
        assert found["modes"] == 9


def test_a_gaussian_against_another_one_has_its_closed_form() -> None:
    """KL(N(m, a^2) || N(0, b^2)) in the plane: 2 log(b / a) + (2 a^2 + |m|^2) / (2 b^2) - 1."""
    noise = torch.randn(N, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for a, b, m in ((1.0, 1.0, 0.0), (0.5, 1.0, 0.0), (1.0, 2.0, 1.5)):
        points = a * noise + torch.tensor([m, 0.0])
        log_density = -points.square().sum(dim=1) / (2 * b**2) - math.log(2 * math.pi * b**2)
        wanted = 2 * math.log(b / a) + (2 * a**2 + m**2) / (2 * b**2) - 1
        for k in (1, 5):
            assert neighbour_divergence(points, log_density, k) == pytest.approx(wanted, abs=0.06)


def test_at_variance_a_tenth_the_number_of_modes_is_blind() -> None:
    """A uniform square of side 3 has all nine modes and a small divergence; narrow modes tell it apart."""
    square = 3 * torch.rand(N, 2, generator=torch.Generator().manual_seed(4)) - 1.5
    wide, narrow = scores(square, "variance"), scores(square, "standard_deviation")
    assert wide["modes"] == 9
    assert wide["kl"] == pytest.approx(0.15, abs=0.05)  # 0.149 by integration on a grid
    assert narrow["kl"] == pytest.approx(5.54, abs=0.3)
    assert narrow["high_quality"] < 40 < 80 < wide["high_quality"]


def test_no_divergence_is_below_zero() -> None:
    """An estimate that is below 0 by chance counts as 0."""
    seeds = range(12)
    raw, shown = [], []
    for seed in seeds:
        points, _ = sample_gaussians(200, torch.Generator().manual_seed(seed))
        log_density = component_log_densities(points, mixture="balanced", spread="variance").logsumexp(dim=1)
        raw.append(neighbour_divergence(points, log_density, 5))
        shown.append(scores(points, "variance")["kl"])
    assert min(raw) < 0
    assert shown == [max(0.0, value) for value in raw]


def test_one_mode_of_nine_costs_the_logarithm_of_nine() -> None:
    points, components = draw(9 * N, spread="standard_deviation")
    found = scores(points[components == 4])
    assert found["modes"] == 1
    assert found["kl_modes"] == pytest.approx(math.log(9), abs=1e-3)
    assert found["kl"] == pytest.approx(math.log(9), abs=0.08)


@pytest.mark.parametrize("missing", [0, 1, 4])
def test_a_lost_mode_is_seen_although_its_neighbours_reach_into_it(missing: int) -> None:
    points, components = draw()
    found = scores(points[components != missing], "variance")
    assert found["modes"] == 8
    assert found["kl_modes"] > 0.02


def test_a_lost_column_of_little_weight_is_seen() -> None:
    points, components = draw(mixture="imbalanced")
    found = mixture_scores(points[components // 3 != 1], "imbalanced", "variance", MixtureOptions())
    assert found["modes"] == 6


def test_points_far_from_every_mode_are_of_low_quality() -> None:
    points, _ = draw(spread="standard_deviation")
    points[: N // 4] = 5.0 + points[: N // 4]
    assert scores(points)["high_quality"] == pytest.approx(74, abs=1.5)


def test_points_around_a_mode_do_not_hit_it() -> None:
    """Each belongs to its nearest mode, all of them to the nine in equal shares, and none is near one."""
    angle = 2 * math.pi * torch.rand(N, generator=torch.Generator().manual_seed(5))
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    means = component_means()[torch.arange(N) % 9]
    for points in (means + 0.45 * circle, 1.9 * circle, torch.full((N, 2), 1e30)):
        assert scores(points)["modes"] == scores(points)["high_quality"] == 0
    assert scores(means + 0.25 * circle)["modes"] == 9


def test_copies_of_one_point_cost_much_and_stay_finite() -> None:
    found = scores(torch.zeros(50, 2))
    assert 20 < found["kl"] < 100
    assert found["modes"] == 1


def test_a_points_components_sum_to_its_density() -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.3, 0.4]])
    for spread in ("variance", "standard_deviation"):
        logs = component_log_densities(points, mixture="imbalanced", spread=spread)  # type: ignore[arg-type]
        assert logs.shape == (3, 9)
        peak = component_weights("imbalanced")[4] / (2 * math.pi * deviation(spread) ** 2)  # type: ignore[arg-type]
        assert logs[0, 4].exp().item() == pytest.approx(peak.item())


def test_the_picture_shows_where_the_points_are(tmp_path: Path) -> None:
    points, _ = draw(spread="standard_deviation")
    draw_density(points + torch.tensor([0.0, 0.5]), tmp_path / "d.png", "balanced", "standard_deviation")
    with Image.open(tmp_path / "d.png") as picture:
        assert picture.size == (256, 256)
        # the mode at (1, 1) has moved up to (1, 1.5): x rightwards, y upwards, 64 pixels a unit
        assert picture.getpixel((192, 32)) < 100
        assert picture.getpixel((192, 64)) > 200
        assert picture.getpixel((2, 2)) == 255


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, RunSpec]:
    layout = Layout(tmp_path_factory.mktemp("toy"), "test")
    options = {"mixture": "imbalanced", "latent_dim": 4}
    spec = RunSpec(
        recipe="t", method="toy_dat", dataset="gaussians", source="real", seed=0, steps=20, batch_size=32,
        snapshots=10, options=options,
    )  # fmt: skip
    train_run(spec, layout, device=CPU, data_root=None, progress=False)
    return layout, spec


def context(layout: Layout, run: str) -> Context:
    spec = EvaluationSpec(measure="mixture_fit", run=run, dataset="gaussians", source="real")
    return Context(spec, Shared(layout, CPU, None, None), layout.root / "pictures")


def test_each_share_of_the_training_has_its_own_scores(toy: tuple[Layout, RunSpec]) -> None:
    layout, spec = toy
    trained, found = load_trained(layout, spec.run_id, CPU), {}
    assert trained.stand_ins == set()
    for share in (20, 30, 100):
        options = mixture_fit.Options(share=share, samples=200)
        found[share] = mixture_fit.measure(trained, context(layout, spec.run_id), options)
        assert set(found[share]) == {"modes", "high_quality", "kl_modes", "kl"}
    assert len({values["kl"] for values in found.values()}) == 3
    assert (layout.root / "pictures" / "density.png").is_file()
    with pytest.raises(ReproError, match=r"no snapshot after 25 %.*"):
        mixture_fit.measure(trained, context(layout, spec.run_id), mixture_fit.Options(share=25))


def test_the_truth_needs_no_run(layout: Layout) -> None:
    where = context(layout, "real")
    values = mixture_truth.measure(None, where, mixture_truth.Options(mixture="imbalanced", samples=2000))
    assert values["modes"] == 9
    assert where.stand_ins == set()
