"""Images, boxes and networks that nobody tuned for."""

from __future__ import annotations

from math import inf

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attack_networks import Head, Recurrent, built, convolution, differences, images_for, traces
from repro.attacks import FGL2, FGSM, PGD, AutoAttack, Bounds, Execution, GATAttack, ThreatModel, TwoClasses
from repro.attacks.checks import check_values
from repro.attacks.flips import iterations_to_flip
from repro.attacks.kernels.unit_direction import unit_direction
from repro.attacks.layout import LEAST_IMAGES, LEAST_STEPS
from repro.core.errors import ReproError

LAST = torch.channels_last
THREAT = ThreatModel(norm="l2", radius=0.5, step_size=0.2, steps=LEAST_STEPS)
noted: set[bool] = set()  # by networks, which an attack gives back as they were


@pytest.mark.parametrize(
    ("bounds", "value"), [(Bounds(low=0.0, high=inf), -5.0), (Bounds(low=-inf, high=1.0), 5.0)]
)
def test_a_box_that_ends_on_one_side_is_a_box_on_that_side(bounds: Bounds, value: float) -> None:
    images, labels = images_for("hooks")
    assert check_values(images * -value, labels, Bounds(low=-inf, high=inf)) == labels.max()
    assert check_values(images, labels, bounds) == labels.max()
    with pytest.raises(ReproError, match="values in"):
        check_values(images * value, labels, bounds)


def test_no_image_stays_no_image_in_the_plain_kernels() -> None:
    images, labels = images_for("hooks", 0)
    network = built("hooks")
    assert unit_direction(images).shape == images.shape
    assert iterations_to_flip(network, images, THREAT).attacked.shape == images.shape
    scaled = GATAttack(model=network, perturber=nn.Tanh(), delta_scale="unit_rms")(images, labels)
    assert scaled.shape == images.shape


class Seeing(Head):
    """Notes how its images lie."""

    def forward(self, images: Tensor) -> Tensor:
        noted.add(images.is_contiguous(memory_format=LAST))
        logits: Tensor = super().forward(images)
        return logits


def test_images_made_in_inference_mode_are_tried_channels_last_too() -> None:
    images, labels = images_for("hooks", LEAST_IMAGES)
    torch.manual_seed(0)
    attack = PGD(model=Seeing(convolution(outputs=16), nn.ReLU(), convolution(16, 8)), threat=THREAT)
    with torch.inference_mode():
        made = images.clone()
    for given in (images, made):
        noted.clear()
        attack(given, labels)
        assert noted == {True, False}  # False: the trial


def test_a_network_made_in_inference_mode_is_refused_and_left_alone() -> None:
    with torch.inference_mode():
        network = Head(convolution(), nn.ReLU())
    before = traces(network)
    with pytest.raises(ReproError, match="made in inference mode") as caught:
        PGD(model=network, threat=THREAT)(*images_for("hooks"))
    assert "outside torch.inference_mode()" in str(caught.value.remedy)
    assert differences(before, network) == []
    made = Head(convolution(), nn.ReLU())  # the remedy
    PGD(model=made, threat=THREAT)(*images_for("hooks"))


class Standardised(nn.Conv2d):
    """A convolution whose forward pass views its weight as a matrix."""

    def forward(self, images: Tensor) -> Tensor:
        rows = self.weight.view(len(self.weight), -1)
        scale = rows.std(dim=1)[:, None, None, None]
        return F.conv2d(images, self.weight / scale, padding=1)


def test_weights_stay_where_they_lie_when_images_come_channels_last() -> None:
    torch.manual_seed(0)
    network = Head(Standardised(3, 8, 3), nn.ReLU())
    images, labels = images_for("hooks", LEAST_IMAGES)
    attack = PGD(model=network, threat=THREAT)
    found = attack(images.contiguous(memory_format=LAST), labels)
    plain = PGD(model=network, threat=THREAT, execution=Execution(channels_last=False))
    torch.testing.assert_close(found, plain(images, labels), atol=1e-4, rtol=0)


class Apart(Head):
    """Its logits ask for gradients, but not by way of the images."""

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = super().forward(images).detach()
        return logits * torch.ones(1, requires_grad=True)


class Detached(Head):
    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = super().forward(images).detach()
        return logits


@pytest.mark.parametrize("kind", [Apart, Detached])
@pytest.mark.parametrize("attack", [PGD, GATAttack])
def test_logits_without_a_way_back_to_the_images_are_refused(kind: type[Head], attack: type) -> None:
    network = kind(convolution(), nn.ReLU())
    more = {"threat": THREAT} if attack is PGD else {"perturber": nn.Tanh()}
    with pytest.raises(ReproError, match="no gradient leads"):
        attack(model=network, **more)(*images_for("hooks"))


class Noting(Recurrent):
    """Notes whether cuDNN may be used."""

    def forward(self, images: Tensor) -> Tensor:
        noted.add(torch.backends.cudnn.enabled)
        logits: Tensor = super().forward(images)
        return logits


def test_recurrent_layers_are_differentiated_without_cudnn_which_cannot_in_eval_mode() -> None:
    images, labels = images_for("hooks")
    assert torch.backends.cudnn.enabled
    noted.clear()
    PGD(model=Noting(), threat=THREAT)(images, labels)
    assert noted == {False}
    assert torch.backends.cudnn.enabled


class Factorised(nn.Conv2d):
    """A convolution whose weight is made at each pass."""

    def __init__(self) -> None:
        super().__init__(3, 4, 3, bias=False)
        self.left, self.right = nn.Parameter(torch.randn(4, 2)), nn.Parameter(torch.randn(2, 27))
        del self.weight

    def forward(self, images: Tensor) -> Tensor:
        return F.conv2d(images, (self.left @ self.right).view(4, 3, 3, 3)).mean(dim=(2, 3))


@pytest.mark.parametrize("count", [4, 40])
def test_a_convolution_without_a_weight_of_its_own_is_attacked(count: int) -> None:
    threat = ThreatModel(radius=0.1, step_size=0.03, steps=5)
    images, labels = torch.rand(count, 3, 8, 8), torch.arange(count) % 4
    attacked = PGD(model=Factorised(), threat=threat)(images, labels)
    assert 0.05 < (attacked - images).abs().max() <= 0.1 + 1e-6


def test_a_network_whose_parameters_are_computed_is_attacked() -> None:
    network = nn.Linear(12, 3)
    base = network.weight
    del network.weight
    network.weight = nn.Parameter(torch.zeros(3, 12))
    network._parameters["weight"] = base * 2  # as clones of meta-learning are
    images, labels = torch.rand(5, 12), torch.arange(5) % 3
    attacked = PGD(model=network, threat=ThreatModel(radius=0.1, step_size=0.1, steps=1))(images, labels)
    assert (attacked - images).abs().max() > 0.05
    assert network._parameters["weight"] is not base


def test_a_lazy_layer_without_tensors_is_refused_and_left_alone() -> None:
    network = nn.Sequential(nn.LazyInstanceNorm2d(affine=False, track_running_stats=False), nn.Flatten())
    with pytest.raises(ReproError, match="lazy layer"):
        PGD(model=network, threat=ThreatModel(radius=0.1, step_size=0.1))(
            torch.rand(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64)
        )
    assert network(torch.rand(2, 3, 4, 4)).shape == (2, 48)


def test_verdicts_that_depend_on_the_batch_are_not_mixed() -> None:
    """Batch norm without running statistics, as of MAML's networks, uses the batch's in eval mode too."""
    pytest.importorskip("torchattacks", reason="torchattacks is not installed (auditor.txt)")
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.Flatten(), nn.Linear(4 * 30 * 30, 3))
    images, labels = torch.rand(6, 3, 32, 32), torch.arange(6) % 3
    steps = {"radius": 0.1, "step_size": 0.1, "random_start": True}
    several, one = (ThreatModel(**steps, restarts=restarts) for restarts in (2, 1))  # type: ignore[arg-type]
    random = torch.Generator().manual_seed(0)
    for refused in (
        lambda: PGD(model=network, threat=several, generator=random)(images, labels),
        lambda: AutoAttack(model=network, threat=one)(images, labels),
        lambda: iterations_to_flip(network, images, ThreatModel(radius=0.1, step_size=0.1)),
    ):
        with pytest.raises(ReproError, match=r"^1, a batch norm, keeps no running statistics"):
            refused()
    attacked = PGD(model=network, threat=one, generator=random)(images, labels)  # as the message advises
    assert (attacked - images).abs().max() > 0.05


def test_a_discriminator_that_returns_more_is_attacked_as_advised() -> None:
    class Scored(nn.Linear):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            return super().forward(images), images

    network, images = Scored(12, 1), torch.rand(5, 12)
    threat = ThreatModel(radius=0.1, step_size=0.1, steps=1)
    labels = torch.zeros(5, dtype=torch.int64)
    with pytest.raises(ReproError, match="one number an image") as caught:
        PGD(model=network, threat=threat, logits=lambda outputs: outputs[0])(images, labels)
    assert "`logits=`" in caught.value.remedy
    judged = TwoClasses(network, logits=lambda outputs: outputs[0])
    assert (PGD(model=judged, threat=threat)(images, labels) - images).abs().max() > 0.05


@pytest.mark.parametrize("kind", [FGSM, FGL2])
def test_one_step_attacks_take_what_pgd_takes(kind: type[FGSM] | type[FGL2]) -> None:
    class Pair(nn.Linear):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            return super().forward(images), images

    network, images, labels = Pair(12, 3), torch.rand(5, 12), torch.arange(5) % 3
    attacked = kind(model=network, radius=0.1, logits=lambda outputs: outputs[0])(images, labels)
    assert (attacked - images).abs().max() > 0.01
