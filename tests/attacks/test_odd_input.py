"""Images, boxes and networks that nobody tuned for."""

from __future__ import annotations

from math import inf

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attack_networks import Head, Recurrent, built, convolution, differences, images_for, traces
from repro.attacks import PGD, Bounds, Execution, GATAttack, ThreatModel
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
