"""Sampling from the worst input noise, and two samples in a picture with the numbers beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from method_cases import gan_of
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.core.streams import Streams
from repro.evaluate import input_noise, tsne
from repro.evaluate.context import Context, Shared
from repro.evaluate.extractor import Extractor
from repro.evaluate.features import register
from repro.evaluate.trained import Trained
from repro.evaluate.worst_case import worst_images, worst_noise
from repro.methods.gan_base import NO_LABELS, GanMethod
from repro.methods.rgan import Rgan
from repro.models.embedding import EmbeddingNetwork
from small_run import small_run

CPU = torch.device("cpu")


@pytest.fixture
def trained(layout: Layout) -> Trained:
    """A plain GAN as its run begins it, in eval mode, with some statistics in its batch norm."""
    torch.manual_seed(0)
    spec = small_run("gan", width=0.03, options={"network": "dcgan", "n_dis": 1}, batch_size=8)
    method = gan_of(spec, images=60)
    method.step(0)
    for module in method.modules.values():
        module.eval()
    return Trained(spec, method, "0", layout)


def unasked(name: str) -> torch.Generator:
    raise AssertionError(f"a stream {name} is drawn from without a random start")


def context(trained: Trained, tmp_path: Path, measure: str, **options: object) -> Context:
    shared = Shared(trained.layout, CPU, None, None)
    network = EmbeddingNetwork(10, width=0.1).eval()
    list(network.parameters())[-2].data *= 1e5  # so that its classes differ from image to image
    register("test-worst-case", network, (-1.0, 1.0))
    shared._extractors["e"] = Extractor("test-worst-case", "0", None)
    spec = EvaluationSpec(
        measure=measure, run="r", dataset="cifar10", source="synthetic", limit=40, generated=40,
        extractor="e", surrogate=None, options=options, seed=0, stand_ins=(),
    )  # fmt: skip
    return Context(spec, shared, tmp_path / "pictures")


def test_the_worst_noise_lies_at_its_radius_and_raises_the_generators_loss(trained: Trained) -> None:
    method = trained.method
    assert isinstance(method, GanMethod)
    z = torch.randn(20, int(method.G.latent_dim))
    moved = worst_noise(method, 0.5, unasked)(z)
    torch.testing.assert_close((moved - z).norm(dim=1), torch.full((20,), 0.5))
    assert torch.equal(worst_noise(method, 0.0, unasked)(z), z)
    with torch.no_grad():
        losses = [method.loss.each_g(method.D(method.G(latents))) for latents in (z, moved, 2 * z - moved)]
    assert (losses[1] > losses[0]).all()
    assert losses[1].mean() > losses[2].mean()


def test_the_worst_images_lower_what_d_gains(trained: Trained) -> None:
    method = trained.method
    assert isinstance(method, GanMethod)
    real, fake = torch.rand(2, 6, 3, 32, 32) * 2 - 1
    worse = worst_images(method, real, fake, 0.5, unasked)
    for before, after, gain in zip((real, fake), worse, (method.loss.g1, method.loss.g2), strict=True):
        torch.testing.assert_close((after - before).flatten(1).norm(dim=1), torch.full((6,), 0.5))
        with torch.no_grad():
            assert (gain(method.D(after)) < gain(method.D(before))).all()


def robust(**options: object) -> GanMethod:
    spec = small_run("rgan", width=0.03, options={"network": "dcgan", **options}, batch_size=8)
    method = gan_of(spec, images=60)
    for module in method.modules.values():
        module.eval()
    return method


def test_rgans_worst_inputs_are_sought_as_its_run_seeks_them() -> None:
    """Sign, steps, start and distance are the run's; a random start leaves the run's own streams alone."""
    z, images = torch.randn(9, 100), torch.rand(9, 3, 32, 32) * 2 - 1
    plain = worst_noise(robust(), 0.5, unasked)(z)
    easiest = worst_noise(robust(noise_sign="literal_algorithm"), 0.5, unasked)(z)
    torch.testing.assert_close(easiest - z, z - plain)
    for options in ({"direction_steps": 3}, {"direction_steps": 3, "direction_distance": "unit"}):
        other = robust(**options)
        assert not torch.allclose(worst_noise(other, 0.5, unasked)(z), plain)
        search = other.search(0.5, "x")  # type: ignore[operator]
        assert (search.steps, search.distance) == (3, 1.0 if "direction_distance" in options else 0.5)
    started = robust(random_start=True)
    before = started.streams.state_dict()
    streams = Streams(5)
    assert not torch.allclose(worst_noise(started, 0.5, streams.generator)(z), plain)
    worst_images(started, images, -images, 0.5, streams.generator)
    assert set(streams.state_dict()) == {"noise/latent", "noise/images"}
    assert before.keys() == started.streams.state_dict().keys()
    assert all(torch.equal(value, started.streams.state_dict()[name]) for name, value in before.items())


@pytest.mark.parametrize("clipped", [False, True])
def test_rgans_worst_images_are_those_of_its_training(clipped: bool) -> None:
    method = robust(clip_images=clipped)
    assert isinstance(method, Rgan)
    real, fake = torch.ones(2, 4, 3, 32, 32) * torch.tensor([0.99, -0.99])[:, None, None, None, None]
    found = worst_images(method, real, fake, method.options.image_radius, unasked)
    for ours, theirs in zip(found, method.worse_images(real, fake, NO_LABELS), strict=True):
        torch.testing.assert_close(ours, theirs)
        assert bool((ours.abs() <= 1).all()) == clipped


@pytest.mark.parametrize("seed", [0, 3])
def test_no_evaluation_draws_what_a_training_of_its_seed_draws(
    trained: Trained, tmp_path: Path, seed: int
) -> None:
    where = context(trained, tmp_path, "tsne")
    where.spec = where.spec.model_copy(update={"seed": seed})
    training = Streams(seed)
    for name in ("latent", "labels", "data_order", "attack_start", "noise"):
        assert where.generator(name).initial_seed() != training.generator(name).initial_seed()
        ours, theirs = (torch.randn(8, 4, generator=each.generator(name)) for each in (where, training))
        assert not torch.isin(ours, theirs).any()


def test_scores_of_draws_from_the_same_latents(trained: Trained, tmp_path: Path) -> None:
    options = input_noise.Options(radii=(0.0001, 3.0), draws=3, splits=2)
    where = context(trained, tmp_path, "input_noise")
    values = input_noise.measure(trained, where, options)
    assert where.watch.seconds.keys() == {"network", "kernel"}
    assert set(values) == {f"{name}@{radius}" for name in ("is", "is_std") for radius in ("0", "0.0001", "3")}
    assert values["is@0.0001"] == pytest.approx(values["is@0"], rel=1e-5)
    assert values["is@3"] != pytest.approx(values["is@0"], rel=1e-5)
    assert all(value >= 1 for name, value in values.items() if name.startswith("is@"))
    assert values["is_std@0"] > 0


def test_alike_samples_are_told_apart_half_of_the_time_and_far_ones_always() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.normal(size=(2, 600, 4))
    assert tsne.nearest_neighbour_accuracy(first, second) == pytest.approx(50, abs=6)
    assert tsne.nearest_neighbour_accuracy(first, second + 50) == 100
    # each point's twin is its nearest neighbour: worse than chance, which is why noises are drawn apart
    assert tsne.nearest_neighbour_accuracy(first, first + 1e-6) == 0


def test_frechet_distance_of_moved_and_stretched_points() -> None:
    """|a|^2 for a move by a; the sum of (sigma - 1)^2 for a stretch of white axes."""
    points = torch.randn(5000, 3, dtype=torch.float64)
    points = (points - points.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(points.T.cov())).T
    assert tsne.frechet_distance(points, points + 2) == pytest.approx(12, abs=1e-4)
    scales = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)
    assert tsne.frechet_distance(points, points * scales) == pytest.approx(4 + 0.25, abs=1e-3)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("noise", "latents moved by 0.01 where G's loss grows fastest (RGAN, Eq. 9)"),
        ("worst_images", "images moved by 4 where what D gains falls fastest (RGAN, Eq. 10)"),
        ("images", None),
    ],
)
def test_a_picture_of_both_samples(trained: Trained, tmp_path: Path, pair: str, said: str | None) -> None:
    options = tsne.Options(pair=pair, points=24)  # type: ignore[arg-type]
    measured = context(trained, tmp_path, "tsne", pair=pair, points=24)
    values = tsne.measure(trained, measured, options)
    assert values["points"] == 24
    assert measured.threat_model == said
    assert measured.watch.seconds.keys() == ({"network", "kernel"} if said else set())
    assert 0 <= values["nearest_neighbour"] <= 100
    picture = np.asarray(Image.open(measured.pictures / "tsne.png")).astype(int)
    for colour in ((0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2), (255, 255, 255)):
        alike = (np.abs(picture - colour).max(axis=2) < 20).sum()
        assert alike > 24  # of dots of some twenty pixels each
    again = tsne.measure(trained, context(trained, tmp_path / "again", "tsne", pair=pair, points=24), options)
    assert again == values
    assert (tmp_path / "again/pictures/tsne.png").read_bytes() == (
        measured.pictures / "tsne.png"
    ).read_bytes()


def test_the_generator_of_a_class_is_refused(trained: Trained) -> None:
    trained.method.generator().n_classes = 10  # type: ignore[assignment]
    with pytest.raises(ReproError, match="no generator of noise alone"):
        input_noise.measure(trained, None, input_noise.Options())  # type: ignore[arg-type]
