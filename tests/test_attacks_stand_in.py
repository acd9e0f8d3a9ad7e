"""Networks that stand in for others on the CPU: folded batch norms and Winograd's convolutions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from attack_cases import Normed, Smooth
from repro.attacks import PGD, Execution, ThreatModel
from repro.attacks.stand_in import stand_in
from repro.attacks.winograd import WinogradConvolution, convolve, suits, transform
from repro.models.gat_networks import GATClassifier
from repro.models.preact_resnet import PreActResNet18

THREAT = ThreatModel(radius=0.1, step_size=0.04, steps=4)
PLAIN = Execution(channels_last=False, fold_batch_norm=False, winograd=False)
ROUNDING = 5e-5  # of the largest value, in float32; the direct convolution comes to some 2e-6


def batch(n: int = 6, size: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n, 3, size, size, generator=generator), torch.arange(n) % 4


def test_folded_batch_norms_give_the_same_logits_and_gradients() -> None:
    network = Normed().eval()
    images, _ = batch()
    folded = stand_in(network, images, Execution())
    assert folded is not None
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.graph.modules())
    results = []
    for module in (network, folded.graph):
        given = images.clone().requires_grad_()
        logits = module(given)
        results.append((logits, torch.autograd.grad(logits.square().sum(), given)[0]))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)


def test_a_folded_attack_follows_the_weights() -> None:
    network = Normed().eval()
    images, labels = batch()
    threat = ThreatModel(norm="l2", radius=0.5, step_size=0.2, steps=3)
    fast, plain = PGD(model=network, threat=threat), PGD(model=network, threat=threat, execution=PLAIN)
    first = fast(images, labels)
    torch.testing.assert_close(first, plain(images, labels), rtol=0, atol=1e-4)
    with torch.no_grad():
        network.norm.weight.mul_(-1.5)
        network.norm.running_mean.add_(0.7)
    second = fast(images, labels)
    assert (second - first).abs().max() > 0.01
    torch.testing.assert_close(second, plain(images, labels), rtol=0, atol=1e-4)


class Counting(Normed):
    """Does something that a trace records wrongly: the batch's size decides."""

    def forward(self, images: Tensor) -> Tensor:
        scale = 1.0 if int(images.shape[0]) else 2.0
        return super().forward(images) * scale


def test_what_cannot_stand_in_is_left_alone() -> None:
    images, labels = batch()
    assert stand_in(Smooth(), images, Execution()) is None
    assert stand_in(Counting().eval(), images, Execution()) is None
    hooked = Normed().eval()
    hooked.first.register_forward_hook(lambda module, args, output: output * 2)
    assert stand_in(hooked, images, Execution()) is None
    plain = PGD(model=Counting(), threat=THREAT, execution=PLAIN)(images, labels)
    torch.testing.assert_close(PGD(model=Counting(), threat=THREAT)(images, labels), plain, atol=1e-5, rtol=0)


def assert_near(found: Tensor, exact: Tensor) -> None:
    assert found.dtype == torch.float32
    assert found.shape == exact.shape
    assert (found - exact).abs().max() <= ROUNDING * exact.abs().max()


@settings(max_examples=40)
@given(
    sizes=st.tuples(*[st.integers(1, 9)] * 3, *[st.integers(1, 6)] * 2),
    seed=st.integers(0, 999),
    with_bias=st.booleans(),
    channels_last=st.booleans(),
)
def test_winograd_equals_the_float64_convolution(
    sizes: tuple[int, int, int, int, int], seed: int, with_bias: bool, channels_last: bool
) -> None:
    n, wide, made, rows, columns = sizes
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(n, wide, 4 * rows, 4 * columns, generator=generator)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    weight = torch.randn(made, wide, 3, 3, generator=generator)
    bias = torch.randn(made, generator=generator) if with_bias else None
    exact = F.conv2d(images.double(), weight.double(), None if bias is None else bias.double(), padding=1)
    assert_near(convolve(images, transform(weight), bias), exact)


def test_winograd_works_in_chunks_of_a_batch() -> None:
    torch.manual_seed(0)
    images, weight = torch.randn(11, 5, 16, 16), torch.randn(3, 5, 3, 3)  # 16 tiles an image: 8 and then 3
    assert_near(convolve(images, transform(weight)), F.conv2d(images.double(), weight.double(), padding=1))


@pytest.mark.parametrize("size", [8, 6])
@pytest.mark.parametrize(("wide", "made", "both_ways"), [(7, 5, False), (72, 68, True), (48, 96, False)])
def test_a_winograd_convolution_has_the_gradient_of_its_input(
    wide: int, made: int, both_ways: bool, size: int
) -> None:
    torch.manual_seed(0)
    source = nn.Conv2d(wide, made, 3, padding=1).requires_grad_(False)
    fast = WinogradConvolution(source)
    fast.refresh()
    assert (fast.filters_back is not None) == both_ways
    images = torch.randn(4, wide, size, size, requires_grad=True)
    maps = fast(images)
    slope = torch.randn_like(maps)
    (found,) = torch.autograd.grad(maps, images, slope)
    exact_images = images.detach().double().requires_grad_()
    exact_maps = source.double()(exact_images)
    (exact,) = torch.autograd.grad(exact_maps, exact_images, slope.double())
    assert_near(maps, exact_maps)
    assert_near(found, exact)


def test_a_winograd_convolution_refuses_a_second_derivative() -> None:
    fast = WinogradConvolution(nn.Conv2d(2, 2, 3, padding=1).requires_grad_(False))
    fast.refresh()
    images = torch.randn(1, 2, 4, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(fast(images).square().sum(), images, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        slope.sum().backward()


def test_under_autocast_the_convolution_itself_is_called() -> None:
    source = nn.Conv2d(2, 2, 3, padding=1).requires_grad_(False)
    fast = WinogradConvolution(source)
    fast.refresh()
    images = torch.randn(1, 2, 4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(fast(images), source(images))


def test_which_convolutions_winograd_suits() -> None:
    assert suits(nn.Conv2d(64, 64, 3, padding=1))
    assert suits(nn.Conv2d(48, 96, 3, padding=1))
    unsuited = [
        nn.Conv2d(3, 64, 3, padding=1),
        nn.Conv2d(64, 10, 3, padding=1),
        nn.Conv2d(48, 48, 3, padding=1),
        nn.Conv2d(64, 64, 3),
        nn.Conv2d(64, 64, 1),
        nn.Conv2d(64, 64, 3, padding=1, stride=2),
        nn.Conv2d(64, 64, 3, padding=1, dilation=2),
        nn.Conv2d(64, 64, 3, padding=1, groups=2),
        nn.Conv2d(64, 64, 3, padding=1, padding_mode="reflect"),
    ]
    assert not any(suits(convolution) for convolution in unsuited)


@pytest.mark.parametrize(("make", "fewest"), [(PreActResNet18, 10), (GATClassifier, 2)])
def test_a_papers_network_is_attacked_alike(make: type[nn.Module], fewest: int) -> None:
    torch.manual_seed(0)
    network = make(10).eval()
    images, labels = torch.rand(2, 3, 32, 32), torch.tensor([3, 7])
    found = stand_in(network, images, Execution())
    assert found is not None
    assert sum(isinstance(module, WinogradConvolution) for module in found.graph.modules()) >= fewest
    threat = ThreatModel(norm="l2", radius=0.5, step_size=0.2, steps=3)
    fast = PGD(model=network, threat=threat)(images, labels) - images
    plain = PGD(model=network, threat=threat, execution=PLAIN)(images, labels) - images
    assert plain.flatten(1).norm(dim=1).min() > 0.3
    # channels-last order alone moves the result by 1e-3: rounding turns single ReLUs of a random network
    assert (fast - plain).norm() < 5e-3 * plain.norm()


def test_a_stand_in_follows_changed_weights() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64)).eval()
    other = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1)).eval()
    images = torch.randn(2, 64, 8, 8)
    for module in (network, other):
        found = stand_in(module, images, Execution())
        assert found is not None
        with torch.no_grad():
            module[0].weight.mul_(-1.5)
            found.refresh()
            torch.testing.assert_close(found.graph(images), module(images), rtol=1e-3, atol=1e-4)
