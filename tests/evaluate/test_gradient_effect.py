"""What a perturbation changes in D's weight gradient, against float64 by hand, and without a trace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from method_cases import gan_of
from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec
from repro.evaluate.context import Context, Shared
from repro.evaluate.gradient_effect import Options, measure, relative_change
from repro.evaluate.trained import Trained
from repro.methods.gan_base import GanMethod
from small_run import small_run

CPU = torch.device("cpu")
Array = NDArray[np.float64]
BATCHES, N, HIDDEN = 3, 5, 4
READINGS = {
    "published code": {"reduction": "batch_mean", "targets": "raw", "clamp": 1.0, "clip_real": False},
    "eq10": {},
    "algorithm1": {"targets": "algorithm1", "epsilon": 0.3},
    "eq10, batch mean": {"reduction": "batch_mean"},
    "eq10, function of the mean": {"target_mean": "of_logits", "epsilon": 0.3},
    "another batch": {"against": "next_batch"},
}


def gan(network: str = "dcgan", **options: str) -> GanMethod:
    """A plain GAN as a run begins it, with weights of its own seed."""
    given = {"network": network, "n_dis": 1, **options}
    spec = small_run(train_limit=60, steps=4, batch_size=N, width=0.03, snapshots=2, options=given)
    return gan_of(spec, images=60)


def drawn(method: GanMethod, batches: int) -> tuple[Tensor, Tensor]:
    """Batches of real images and of latents."""
    draw = torch.Generator().manual_seed(3)
    real = torch.rand(batches, N, 3, 32, 32, generator=draw) * 2 - 1
    return real, torch.randn(batches, N, int(method.G.latent_dim), generator=draw)


class SmallCritic(nn.Module):
    """D(x) = b tanh(A x) of the six corner values of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(HIDDEN, 6, generator=torch.Generator().manual_seed(1)))
        self.b = nn.Parameter(torch.randn(HIDDEN, generator=torch.Generator().manual_seed(2)))

    def forward(self, images: Tensor) -> Tensor:
        return torch.tanh(images[:, :, 0, :2].flatten(1) @ self.a.T) @ self.b


class ByHand:
    """The same critic under the hinge loss, float64: slopes of logits by hand, of the loss by differences."""

    def __init__(self, critic: SmallCritic) -> None:
        self.weights = np.concatenate([p.detach().double().numpy().ravel() for p in critic.parameters()])

    def parts(self) -> tuple[Array, Array]:
        return self.weights[:-HIDDEN].reshape(HIDDEN, 6), self.weights[-HIDDEN:]

    def logits(self, x: Array) -> Array:
        a, b = self.parts()
        return np.tanh(x @ a.T) @ b

    def slopes(self, x: Array) -> Array:
        """dD/dx of each image, (N, 6)."""
        a, b = self.parts()
        return ((1 - np.tanh(x @ a.T) ** 2) * b) @ a

    def loss(self, real: Array, fake: Array) -> float:
        return float((np.maximum(0, 1 - self.logits(real)) + np.maximum(0, 1 + self.logits(fake))).mean())

    def gradient(self, real: Array, fake: Array) -> Array:
        found, step, at = np.zeros_like(self.weights), 1e-6, self.weights
        for k in range(len(at)):
            ends = []
            for sign in (1, -1):
                self.weights = at.copy()
                self.weights[k] += sign * step
                ends.append(self.loss(real, fake))
            found[k] = (ends[0] - ends[1]) / (2 * step)
        self.weights = at
        return found

    def perturbed(self, x: Array, others: Array, reading: dict[str, object], *, real: bool) -> Array:
        """Eq. (10), Algorithm 1 or the published code, written down once more."""
        functions: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
            "g1": (lambda t: np.minimum(0, t - 1), lambda t: (t < 1) * 1.0),
            "g2": (lambda t: np.minimum(0, -t - 1), lambda t: (t > -1) * -1.0),
            "raw": (lambda t: t, np.ones_like),
        }
        names = {"eq10": "g1" if real else "g2", "algorithm1": "g2" if real else "g1", "raw": "raw"}
        function, slope = functions[names[str(reading.get("targets", "eq10"))]]
        logits, of_others = self.logits(x), self.logits(others)
        target = function(of_others).mean()
        if reading.get("target_mean") == "of_logits":
            target = function(of_others.mean())
        if reading.get("reduction") == "batch_mean":
            sign = np.sign(function(logits).mean() - target) / len(x)
        else:
            sign = np.sign(function(logits) - target)
        factor = sign * slope(logits)
        move = -float(reading.get("epsilon", 1.0)) * factor[:, None] * self.slopes(x)  # type: ignore[arg-type]
        move = np.clip(move, -1, 1) if reading.get("clamp") else move
        return np.clip(x + move, -1, 1) if reading.get("clip_real", True) or not real else x + move


@pytest.mark.parametrize("reading", READINGS)
def test_agrees_with_float64_by_hand(reading: str) -> None:
    method = gan()
    critic = SmallCritic()
    method.D = method.modules["discriminator"] = critic
    real, latents = drawn(method, BATCHES)
    method.G.train()
    with torch.no_grad():
        fake = torch.stack([method.fakes(z) for z in latents])
    x, y = (part[..., 0, :2].flatten(2).double().numpy() for part in (real, fake))
    hand, options = ByHand(critic), READINGS[reading]
    clean = [hand.gradient(a, b) for a, b in zip(x, y, strict=True)]
    if reading == "another batch":
        other = [*clean[1:], clean[0]]
    else:
        other = [
            hand.gradient(hand.perturbed(a, b, options, real=True), hand.perturbed(b, a, options, real=False))
            for a, b in zip(x, y, strict=True)
        ]
    wanted = sum(np.linalg.norm(a - b) for a, b in zip(other, clean, strict=True))
    wanted = 100 * wanted / sum(np.linalg.norm(a) for a in clean)
    found = relative_change(method, real, latents, Options.model_validate(options))
    assert found == pytest.approx(wanted, rel=2e-3)
    assert found > 0.1


@pytest.mark.parametrize("network", ["sngan", "dcgan", "robust_dcgan"])
@pytest.mark.parametrize("reading", ["published code", "another batch"])
def test_leaves_networks_as_they_were(network: str, reading: str) -> None:
    method = gan(network)
    method.D.eval()  # as a measurement is given it; G in training
    before = {name: value.clone() for name, value in method.D.state_dict().items()}
    of_generator = {name: value.clone() for name, value in method.G.state_dict().items()}
    real, latents = drawn(method, 2)
    options = Options.model_validate(READINGS[reading])
    first = relative_change(method, real, latents, options)
    assert relative_change(method, real, latents, options) == first
    for kept, network_now in ((before, method.D), (of_generator, method.G)):
        assert all(torch.equal(value, kept[name]) for name, value in network_now.state_dict().items())
    assert not any(module.training for module in method.D.modules())
    assert all(module.training for module in method.G.modules())
    assert all(p.grad is None and p.requires_grad for p in (*method.D.parameters(), *method.G.parameters()))


def test_no_perturbation_and_no_other_batch_change_nothing() -> None:
    method = gan("sngan")
    real, latents = drawn(method, 1)
    for options in (Options(epsilon=0.0), Options(against="next_batch")):
        assert relative_change(method, real, latents, options) < 1e-4
    assert relative_change(method, real, latents, Options(epsilon=10.0)) > 1e-2


def trained(layout: Layout, method: GanMethod) -> Trained:
    """A run with two snapshots: D as it began, and with a weight of its last layer doubled."""
    for step in (2, 4):
        header = {"spec": method.spec.model_dump(mode="json"), "step": step}
        checkpoint.save(layout.snapshot(method.spec.run_id, step), method.snapshot_state(), header)
        with torch.no_grad():
            list(method.D.parameters())[-2].mul_(2)
    return Trained(method.spec, method, "0" * 64, layout)


def context(layout: Layout, limit: int = 60) -> Context:
    spec = EvaluationSpec(
        measure="gradient_effect", run="g", dataset="cifar10", source="synthetic", limit=limit
    )
    return Context(spec, Shared(layout, CPU, None, None), layout.root / "pictures")


def test_measures_each_snapshot_on_the_same_images(layout: Layout) -> None:
    run = trained(layout, gan())
    where = context(layout)
    values = measure(run, where, Options(batches=4))
    assert where.watch.seconds.keys() == {"network", "kernel"}
    assert set(values) == {"gradient_change@50%", "gradient_change@100%"}
    assert values["gradient_change@50%"] != values["gradient_change@100%"]
    assert measure(run, context(layout), Options(batches=4)) == values


def test_refuses_what_it_cannot_measure(layout: Layout) -> None:
    run = trained(layout, gan())
    with pytest.raises(ReproError, match="no two batches of 5") as caught:
        measure(run, context(layout, limit=9), Options())
    assert "images_of: gradient_effect" in str(caught.value.remedy)
    assert measure(run, context(layout, limit=10), Options())
    none = Trained(run.spec.model_copy(update={"snapshots": 0}), run.method, "0" * 64, layout)
    with pytest.raises(ReproError, match="left no snapshots"):
        measure(none, context(layout), Options())
