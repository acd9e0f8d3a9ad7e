"""Twins over training and iterations to flip, measured on runs whose networks are set by hand."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from method_cases import gan_of
from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.data.load import load_images
from repro.evaluate import adversarial_share, flip_iterations
from repro.evaluate.context import Context, Shared
from repro.evaluate.registry import validate_options
from repro.evaluate.trained import Trained
from small_run import small_run

CPU = torch.device("cpu")


class SignGenerator(nn.Module):
    """G(z) = 0.5 tanh(z[0]) in every pixel; the rest of the latent is not used."""

    latent_dim, n_classes = 4, 0

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        grey = self.gain * torch.tanh(z[:, 0])
        return grey[:, None, None, None].expand(-1, 3, 32, 32)


class MeanCritic(nn.Module):
    """d(x) = mean of x - offset: an L-infinity step of length s moves d by exactly s."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.tensor(offset))

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1).mean(dim=1) - self.offset


SPEC = small_run(
    "gan",
    train_limit=40,
    steps=4,
    batch_size=20,
    width=0.03,
    snapshots=2,
    options={"network": "dcgan", "n_dis": 1},
)


def trained(layout: Layout, offsets: dict[int, float], *, with_critic: bool = True) -> Trained:
    """A run whose snapshots differ in D's offset alone."""
    method = gan_of(SPEC, images=40)
    method.G, method.D = SignGenerator(), MeanCritic(0.0)  # type: ignore[attr-defined]
    method.modules = {"generator": method.G, "discriminator": method.D}  # type: ignore[attr-defined]
    for step, offset in offsets.items():
        state = {"generator": SignGenerator().state_dict()}
        if with_critic:
            state["discriminator"] = MeanCritic(offset).state_dict()
        header = {"spec": SPEC.model_dump(mode="json"), "step": step}
        checkpoint.save(layout.snapshot(SPEC.run_id, step), state, header)
    return Trained(SPEC, method, "0" * 64, layout)


def context(layout: Layout, measure: str, limit: int = 60, **options: object) -> Context:
    spec = EvaluationSpec(
        measure=measure, run=SPEC.run_id, dataset="cifar10", source="synthetic", limit=limit, options=options
    )
    shared = Shared(layout, CPU, None, None)
    return Context(spec, shared, layout.root / "pictures")


def brightness(where: Context, n: int) -> Tensor:
    """The values of the samples that the measurement draws."""
    return 0.5 * torch.tanh(torch.randn(n, 4, generator=where.generator("latent"))[:, 0])


@pytest.mark.parametrize("space", ["latent", "image"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_share_is_that_within_reach_of_the_threshold(layout: Layout, space: str, norm: str) -> None:
    """Samples below the offset have a twin if delta bridges the gap: in L2 a grey step s is s sqrt(3072)."""
    delta = 0.1 if norm == "linf" else 0.1 * 3072**0.5
    offsets = {2: 0.0, 4: 0.25}
    run = trained(layout, offsets)
    where = context(layout, "adversarial_share")
    options = validate_options(
        "adversarial_share", {"space": space, "norm": norm, "radius": delta, "samples": 200, "steps": 40}
    )
    values = adversarial_share.measure(run, where, options)  # type: ignore[arg-type]
    grey = brightness(where, 200)
    for share, offset in (("50", 0.0), ("100", 0.25)):
        fake = grey <= offset
        least = (fake & (grey > offset - 0.95 * 0.1)).sum() / fake.sum()
        most = (fake & (grey > offset - 0.1)).sum() / fake.sum()
        assert values[f"called_fake@{share}%"] == pytest.approx(100 * fake.double().mean().item())
        assert 100 * least - 1e-3 <= values[f"adversarial_share@{share}%"] <= 100 * most + 1e-3
        assert 0 < least < 1
    assert where.threat_model is not None
    assert "0.1" in where.threat_model or "5.5" in where.threat_model
    assert where.watch.seconds.keys() == ({"attack"} if space == "latent" else {"network", "kernel"})


@pytest.mark.parametrize("space", ["latent", "image"])
def test_a_second_search_tells_what_the_first_misses(layout: Layout, space: str) -> None:
    """One step finds the nearest twins only; a second search with as short a budget misses others."""
    run, where = trained(layout, {2: 0.0, 4: 0.25}), context(layout, "adversarial_share")
    long, short = (
        adversarial_share.measure(
            run, where, adversarial_share.Options(space=space, steps=steps, samples=200, checked=200)
        )
        for steps in (40, 1)
    )
    assert long["recall@100%"] > 95
    assert long["second_share@100%"] == pytest.approx(long["adversarial_share@100%"], abs=5)
    assert short["adversarial_share@100%"] < long["adversarial_share@100%"]
    if space == "latent":  # in the image one step from the sample itself finds whatever one from nearby does
        assert 0 <= short["recall@100%"] < 95


def test_what_the_share_is_of(layout: Layout) -> None:
    run, where = trained(layout, {2: 0.0, 4: 0.25}), context(layout, "adversarial_share")
    measured = {
        of: adversarial_share.measure(run, where, adversarial_share.Options(of=of, samples=100))
        for of in ("called_fake", "all")
    }
    for share in ("50", "100"):
        key = f"adversarial_share@{share}%"
        part = measured["all"][f"called_fake@{share}%"] / 100
        assert measured["all"][key] == pytest.approx(part * measured["called_fake"][key])


def test_without_a_fake_there_is_no_twin(layout: Layout) -> None:
    run, where = trained(layout, {2: -2.0, 4: 2.0}), context(layout, "adversarial_share")
    values = adversarial_share.measure(run, where, adversarial_share.Options(samples=50, checked=0))
    assert values == {
        "adversarial_share@50%": 0.0,
        "called_fake@50%": 0.0,
        "adversarial_share@100%": 0.0,
        "called_fake@100%": 100.0,
    }


def test_the_midpoint_lies_between_real_and_generated(layout: Layout) -> None:
    """With an offset that calls everything fake, the midpoint still parts the two."""
    run, where = trained(layout, {2: 5.0, 4: 5.0}), context(layout, "adversarial_share", threshold="midpoint")
    zero, midpoint = (
        adversarial_share.measure(run, where, adversarial_share.Options(threshold=threshold, samples=50))
        for threshold in ("zero", "midpoint")
    )
    assert zero["called_fake@100%"] == 100
    assert 0 < midpoint["called_fake@100%"] < 100


def test_snapshots_must_be_there_and_hold_the_discriminator(layout: Layout) -> None:
    options, where = adversarial_share.Options(), context(layout, "adversarial_share")
    with pytest.raises(ReproError, match="checkpoint is missing"):
        adversarial_share.measure(trained(layout, {4: 0.0}), where, options)
    with pytest.raises(ReproError, match="holds no discriminator"):
        adversarial_share.measure(trained(layout, {2: 0.0, 4: 0.0}, with_critic=False), where, options)


def test_a_generator_with_classes_is_refused(layout: Layout) -> None:
    run = trained(layout, {4: 0.0})
    run.method.modules["generator"].n_classes = 10  # type: ignore[assignment]
    with pytest.raises(ReproError, match="unconditional"):
        adversarial_share.measure(run, context(layout, "x"), adversarial_share.Options())


def test_iterations_and_histogram_are_those_of_the_distance(layout: Layout) -> None:
    """d falls by one step each iteration, so the count is the distance over the step, rounded up."""
    run, where = trained(layout, {}), context(layout, "flip_iterations")
    options = flip_iterations.Options(step_size=0.02, largest=12, bins=5, examples=4)
    values = flip_iterations.measure(run, where, options)
    greys = {
        "real": (load_images("cifar10", "test", source="synthetic", limit=60, root=None).images / 127.5 - 1)
        .flatten(1)
        .mean(dim=1),
        "generated": brightness(where, 60),
    }
    for kind, grey in greys.items():
        wanted = (grey.abs() / 0.02).ceil().clamp_min(1)
        flipped = wanted <= 12
        assert values[kind] == pytest.approx(wanted.clamp_max(12).mean().item(), abs=0.1)
        assert values[f"{kind}_flipped"] == pytest.approx(100 * flipped.double().mean().item(), abs=2)
        bars = [values[f"{kind}@{k}"] for k in range(1, 6)]
        assert sum(bars) + values[f"{kind}@more"] == pytest.approx(100)
        assert bars[0] == pytest.approx(100 * (wanted == 1).double().mean().item(), abs=2)
    assert values["generated_judged_right"] == pytest.approx(
        100 * (greys["generated"] <= 0).double().mean().item()
    )
    with Image.open(where.pictures / "examples.png") as picture:
        assert picture.size == (4 * 34 + 2, 3 * 34 + 2)
    assert where.stand_ins >= {"reduced_budget"}


def test_only_images_judged_right_can_be_asked_for(layout: Layout) -> None:
    run, where = trained(layout, {}), context(layout, "flip_iterations")
    options = flip_iterations.Options(attacked="judged_right", step_size=0.02, largest=60)
    grey = brightness(where, 60)
    wanted = (grey[grey <= 0].abs() / 0.02).ceil().clamp_min(1)
    values = flip_iterations.measure(run, where, options)
    assert values["generated"] == pytest.approx(wanted.mean().item(), abs=0.1)
    with torch.no_grad():
        run.method.modules["discriminator"].offset.fill_(-3.0)  # type: ignore[union-attr, operator]
    with pytest.raises(ReproError, match="judges no generated image rightly"):
        flip_iterations.measure(run, where, options)


@pytest.mark.parametrize(
    ("measure", "option", "value"),
    [
        ("adversarial_share", "space", "pixels"),
        ("adversarial_share", "radius", 0),
        ("adversarial_share", "of", "real"),
        ("flip_iterations", "attacked", "wrong"),
        ("flip_iterations", "largest", 0),
        ("flip_iterations", "epsilon", 0.1),
    ],
)
def test_bad_options_are_refused(measure: str, option: str, value: object) -> None:
    with pytest.raises(ReproError, match=option):
        validate_options(measure, {option: value})


@pytest.mark.parametrize("measure", [adversarial_share, flip_iterations])
def test_a_discriminator_of_nans_is_not_measured(layout: Layout, measure: ModuleType) -> None:
    run = trained(layout, {2: float("nan"), 4: float("nan")})
    run.method.D = MeanCritic(float("nan"))  # type: ignore[attr-defined]
    name = measure.__name__.rpartition(".")[2]
    with pytest.raises(ReproError, match="NaN or infinity"):
        measure.measure(run, context(layout, name), validate_options(name, {}))
