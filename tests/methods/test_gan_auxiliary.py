"""The tasks of SSGAN and InfoMaxGAN, plain and on top of DAT: weights, heads, and that they are learned."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from method_cases import equal, gan_of, weights
from repro.core.errors import ReproError
from repro.methods.gan_base import GanMethod
from repro.methods.registry import validate_options
from small_run import small_run


def make(method: str, **options: Any) -> GanMethod:
    return gan_of(small_run(method, width=0.03, options=options))


def after(method: str, updates: int = 2, **options: Any) -> dict[str, Tensor]:
    # the hinge is flat for these first fakes, which a perturbation then leaves alone
    made = make(method, **{"n_dis": 1, "loss": "non_saturating", **options})
    for step in range(updates):
        made.step(step)
    return weights(made)


@pytest.mark.parametrize("task", ["ssgan", "infomax_gan"])
def test_dat_without_epsilon_is_the_plain_method(task: str) -> None:
    """With nothing perturbed, the auxiliary loss shares the pass of the adversarial one in both."""
    frozen = {"epsilon": 0.0, "freeze_spectral_norm": True, "auxiliary_images": "perturbed"}
    assert equal(after(f"{task}_dat", **frozen), after(task))


@pytest.mark.parametrize(("task", "prefix"), [("ssgan", "rotation"), ("infomax_gan", "infomax")])
def test_a_task_without_weight_is_the_plain_gan(task: str, prefix: str) -> None:
    """Of what both have; the task's extra passes move spectral-norm vectors, so one update is compared."""
    made = make(task, **{f"{prefix}_real": 0.0, f"{prefix}_fake": 0.0})
    plain = make("gan")  # the hinge in both
    for name, module in plain.modules.items():
        made.modules[name].load_state_dict(module.state_dict(), strict=False)
    for method in (made, plain):
        method.discriminator_step()
    ours, theirs = weights(made), weights(plain)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs if ".spectral." not in key)


@pytest.mark.parametrize(("task", "prefix"), [("ssgan", "rotation"), ("infomax_gan", "infomax")])
def test_totals_are_the_weighted_sums(task: str, prefix: str) -> None:
    weights = {f"{prefix}_real": 0.7, f"{prefix}_fake": 0.3}
    made = make(task, loss="non_saturating", **weights)
    for network in made.modules.values():
        network.eval()  # spectral-norm vectors rest
    real, z = made.real_images(), made.latents(8)
    fake = made.fakes(z).detach()

    def of(images: Tensor) -> Tensor:
        return made.rotation_loss(images) if task == "ssgan" else made.contrast(images, None)  # type: ignore[attr-defined]

    d, g = made.loss.d(made.D(real), made.D(fake)), made.loss.g(made.D(fake))
    torch.testing.assert_close(made.discriminator_loss(real, fake)[0], d + 0.7 * of(real))
    torch.testing.assert_close(made.generator_loss(z), g + 0.3 * of(fake))


@pytest.mark.parametrize(("task", "head"), [("ssgan", "rotation"), ("infomax_gan", "projection")])
def test_the_generators_update_leaves_the_heads_alone(task: str, head: str) -> None:
    made = make(task)
    before = weights(made)
    made.generator_step()
    changed = {key for key, value in weights(made).items() if not torch.equal(before[key], value)}
    assert any(key.startswith("generator.") for key in changed)
    assert not {key for key in changed if key.startswith("discriminator.") and ".spectral." not in key}
    assert any(head in key for key in before)


@pytest.mark.parametrize("task", ["ssgan", "infomax_gan"])
def test_the_task_is_learned(task: str) -> None:
    """D alone, on the task that it is given: the loss falls well below that of guessing."""
    made = make(task)
    # normalised layers keep the features of like images alike: without contrast the second task is slow
    images = made.real_images() * (1 if task == "ssgan" else 20)
    optimiser = torch.optim.Adam(made.D.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        value = made.rotation_loss(images) if task == "ssgan" else made.contrast(images, None)  # type: ignore[attr-defined]
        losses.append(value.item())
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    assert losses[-1] < 0.8 * losses[0], losses


def test_other_networks_are_refused() -> None:
    for name in ("ssgan", "infomax_gan", "ssgan_dat", "infomax_gan_dat"):
        with pytest.raises(ReproError, match="network"):
            validate_options(name, {"network": "dcgan"})
