"""Attacks against answers that are known exactly, and the traces that attacks must not leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attack_cases import CASES, Case, Linear, Smooth
from repro.attacks.fast_gradient import FastGradient
from repro.attacks.objective import image_gradient, losses, of_label
from repro.attacks.pgd import PGD
from repro.attacks.threat_model import UNIT, ThreatModel
from repro.core.errors import ReproError
from repro.models.heads import HeadLogits


def linear_case(scale: float = 1.0) -> tuple[Linear, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    network = Linear(torch.randn(3, 4, 4, generator=generator) * scale)
    images = torch.rand(6, 3, 4, 4, generator=generator) * 0.2 + 0.4
    return network, images, torch.tensor([0, 1, 0, 1, 0, 1])


def margins(network: Linear, images: Tensor, labels: Tensor) -> Tensor:
    """Score of the wrong class minus that of the true one."""
    logits = network(images)
    rows = torch.arange(len(labels))
    return (logits[rows, 1 - labels] - logits[rows, labels]).detach()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_worst_case_of_a_linear_network_is_found(case: Case) -> None:
    network, images, labels = linear_case()
    radius = 0.1  # the box is never reached
    attacked = case.make(network, radius, UNIT)(images, labels)
    order = 1 if case.norm == "linf" else 2  # the dual norm
    gain = radius * torch.linalg.vector_norm(network.weight.flatten(), order)
    found = margins(network, attacked, labels) - margins(network, images, labels)
    if "random" in case.name:  # five steps of a third of the radius get close from anywhere
        assert (found >= 0.9 * gain).all()
        assert (found <= gain * (1 + 1e-4)).all()
    else:
        torch.testing.assert_close(found, gain.expand(6), rtol=1e-4, atol=1e-5)


def test_the_worst_case_in_ball_and_box_is_found_in_linf() -> None:
    network, images, labels = linear_case()
    images = (images - 0.4) * 5  # spread over the box, so that it binds
    threat = ThreatModel(radius=0.3, step_size=0.1, steps=8)
    attacked = PGD(model=network, threat=threat)(images, labels)
    towards_wrong = torch.where(labels == 0, -1.0, 1.0).view(-1, 1, 1, 1)
    expected = (images + 0.3 * towards_wrong * network.weight.detach().sign()).clamp(0, 1)
    torch.testing.assert_close(attacked, expected)


def test_fast_gradient_without_clipping_leaves_the_box() -> None:
    network, images, labels = linear_case()
    threat = ThreatModel.fast_gradient("linf", 1.0)
    free = FastGradient(model=network, threat=threat, clip=False)(images, labels)
    clipped = FastGradient(model=network, threat=threat, clip=True)(images, labels)
    assert free.max() > 1
    assert torch.equal(free.clamp(0, 1), clipped)


@pytest.mark.parametrize("other", [{"steps": 2}, {"step_size": 0.05}, {"random_start": True}])
def test_fast_gradient_refuses_a_threat_model_that_it_would_not_carry_out(other: dict[str, Any]) -> None:
    threat = ThreatModel.model_validate({"radius": 0.1, "step_size": 0.1, **other})
    with pytest.raises(ValueError, match="one step"):
        FastGradient(model=Smooth(), threat=threat)


def test_losses_equal_their_formulas() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
    labels = torch.tensor([0, 2])
    expected = -torch.log_softmax(logits, dim=1)[[0, 1], labels]
    torch.testing.assert_close(losses(logits, labels, "cross_entropy"), expected)
    torch.testing.assert_close(losses(logits, labels, "cw_margin"), torch.tensor([0.5 - 2.0, 3.0 - 1.0]))
    source = torch.tensor([0.3, -0.7])
    joint = 0.5 * -torch.sigmoid(source).log() + 0.5 * expected
    torch.testing.assert_close(losses(HeadLogits(source, logits), labels, "joint"), joint)
    torch.testing.assert_close(losses(HeadLogits(source, logits), labels, "cross_entropy"), expected)
    with pytest.raises(ReproError, match="joint"):
        losses(logits, labels, "joint")


def test_an_images_gradient_does_not_depend_on_the_batch() -> None:
    network = Smooth()
    images = torch.rand(4, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3])
    together = image_gradient(network, images, labels, "cross_entropy")
    alone = image_gradient(network, images[2:3], labels[2:3], "cross_entropy")
    assert torch.equal(together[2:3], alone)


class WithState(nn.Module):
    """Convolution, batch norm, dropout: everything that an attack could disturb."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
        self.last = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.layers(images).mean(dim=(2, 3)))


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("training", [True, False])
def test_an_attack_leaves_the_network_as_it_was(mode: str, training: bool) -> None:
    network = WithState().train(training)
    network.layers[1].eval()  # a frozen batch norm must stay frozen
    network.last.bias.requires_grad_(False)
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 7.0) if parameter.requires_grad else None
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    random_state = torch.get_rng_state()
    images, labels = torch.rand(8, 3, 6, 6, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3

    threat = ThreatModel(radius=0.1, step_size=0.05, steps=3, batch_norm_mode=mode)  # type: ignore[arg-type]
    attacked = PGD(model=network, threat=threat)(images, labels)

    assert not torch.equal(attacked, images)
    assert [module.training for module in network.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random_state)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad == (name != "last.bias")
        assert parameter.grad is None or bool((parameter.grad == 7).all())


def test_the_batch_norm_mode_changes_the_attack() -> None:
    network = WithState()
    network.layers[1].running_mean.fill_(5.0)
    images, labels = torch.rand(8, 3, 6, 6, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3
    results = [
        PGD(model=network, threat=ThreatModel(radius=0.1, step_size=0.1, batch_norm_mode=mode))(
            images, labels
        )
        for mode in ("eval", "train")
    ]
    assert not torch.equal(*results)


def test_a_random_start_needs_its_stream() -> None:
    with pytest.raises(ValueError, match="random stream"):
        PGD(model=Smooth(), threat=ThreatModel(radius=0.1, step_size=0.1, random_start=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_label_s_score_is_that_of_gather(dtype: torch.dtype) -> None:
    """Values, gradients and gradients of gradients, bit by bit; ``gather``'s cannot be captured on CUDA."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (7,), generator=random)
    start, weight = (torch.randn(7, 10, generator=random, dtype=dtype) for _ in range(2))

    def all_of(chosen: Callable[[Tensor, Tensor], Tensor]) -> list[Tensor]:
        logits = start.clone().requires_grad_()
        value = chosen(logits.softmax(1) * logits, labels)
        (slope,) = torch.autograd.grad(value.sum(), logits, create_graph=True)
        (bend,) = torch.autograd.grad((slope * weight).sum(), logits)
        return [value, slope, bend]

    expected = all_of(lambda scores, chosen: scores.gather(1, chosen[:, None]).squeeze(1))
    for found, wanted in zip(all_of(of_label), expected, strict=True):
        assert torch.equal(found, wanted)
