"""Threat models and bounds as values."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from repro.attacks.pgd import PGD
from repro.attacks.threat_model import SYMMETRIC, UNIT, Bounds, ThreatModel
from repro.core.errors import ReproError


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (0.5, 0.5), (float("nan"), 1.0)])
def test_empty_bounds_are_refused(low: float, high: float) -> None:
    with pytest.raises(ReproError, match="empty"):
        Bounds(low=low, high=high)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("radius", -0.1),
        ("step_size", -1.0),
        ("steps", 0),
        ("restarts", 0),
        ("radius", float("nan")),
        ("step_size", 0.0),
    ],
)
def test_impossible_threat_models_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ReproError, match=field):
        ThreatModel(**{"radius": 0.1, "step_size": 0.1, field: value})  # type: ignore[arg-type]


def test_restarts_from_the_same_point_are_refused() -> None:
    with pytest.raises(ReproError, match="restarts"):
        ThreatModel(radius=0.1, step_size=0.1, restarts=2)
    assert ThreatModel(radius=0.1, step_size=0.1, restarts=2, random_start=True).restarts == 2


@given(st.floats(-3, 3), st.floats(0.1, 5), st.floats(-3, 3), st.floats(0.1, 5))
def test_converting_there_and_back_is_the_identity(
    low: float, size: float, other_low: float, other: float
) -> None:
    first, second = Bounds(low=low, high=low + size), Bounds(low=other_low, high=other_low + other)
    images = torch.linspace(low, low + size, 9, dtype=torch.float64)
    there = first.to(second, images)
    assert there[0].item() == pytest.approx(second.low, abs=1e-9)
    assert there[-1].item() == pytest.approx(second.high, abs=1e-9)
    torch.testing.assert_close(second.to(first, there), images)


def test_a_threat_model_scales_with_the_pixel_range() -> None:
    threat = ThreatModel(radius=8 / 255, step_size=2 / 255, steps=10, bounds=UNIT)
    wide = threat.to(SYMMETRIC)
    assert wide.radius == pytest.approx(16 / 255)
    assert wide.step_size == pytest.approx(4 / 255)
    assert wide.bounds == SYMMETRIC
    assert (wide.steps, wide.norm) == (threat.steps, threat.norm)
    assert wide.to(UNIT).radius == pytest.approx(threat.radius)


def test_the_description_tells_what_a_table_needs() -> None:
    text = ThreatModel(
        norm="l2", radius=0.5, step_size=0.1, steps=7, random_start=True, restarts=3, loss="cw_margin"
    ).describe()
    for part in (
        "L2 radius 0.5",
        "[0, 1]",
        "7 steps of 0.1",
        "random start",
        "3 restarts",
        "CW margin",
        "eval",
    ):
        assert part in text
    assert "1 step of" in ThreatModel.fast_gradient("linf", 0.1).describe()


def test_restarts_whose_verdicts_depend_on_the_batch_are_refused() -> None:
    given = {"radius": 0.1, "step_size": 0.1, "random_start": True, "batch_norm_mode": "train"}
    with pytest.raises(ReproError, match="worst of 3 restarts") as caught:
        ThreatModel(**given, restarts=3)  # type: ignore[arg-type]
    assert caught.value.remedy == "set restarts to 1, or batch_norm_mode to eval"
    ThreatModel(**given)  # type: ignore[arg-type]
    ThreatModel(**given | {"batch_norm_mode": "eval"}, restarts=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("low", [-1.0, float("-inf")])
def test_a_radius_in_an_endless_box_is_of_no_share_of_it(low: float) -> None:
    text = ThreatModel(radius=0.1, step_size=0.1, bounds=Bounds(low=low, high=float("inf"))).describe()
    assert text.startswith(f"L-infinity radius 0.1 in [{low:g}, inf], 1 step of")
    assert "(0.05 in [0, 1])" in ThreatModel(radius=0.1, step_size=0.1, bounds=SYMMETRIC).describe()


@pytest.mark.parametrize(("bounds", "radius"), [(UNIT, 8.0), (SYMMETRIC, 2.1), (UNIT, 1.001)])
def test_a_radius_that_exceeds_the_box_is_refused(bounds: Bounds, radius: float) -> None:
    with pytest.raises(ReproError, match=r"exceeds the box \[") as caught:
        ThreatModel(radius=radius, step_size=0.1, bounds=bounds)
    assert f"{radius:g}/255?" in caught.value.remedy
    # the remedies: units of the box, or the box that it is meant in
    assert ThreatModel(radius=radius / 255, step_size=0.1, bounds=bounds).radius == radius / 255
    assert ThreatModel(radius=radius, step_size=0.1, bounds=Bounds(low=0, high=255)).radius == radius


def test_a_euclidean_radius_that_exceeds_the_box_is_refused_where_the_images_are_known() -> None:
    images, labels = torch.rand(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 3))
    diameter = 48**0.5
    PGD(model=network, threat=ThreatModel(norm="l2", radius=diameter, step_size=1))(images, labels)
    wide = ThreatModel(norm="l2", radius=8, step_size=1)  # fine on larger images
    wide.check_reach(3 * 32 * 32)
    with pytest.raises(ReproError, match=r"l2 radius 8 exceeds the box \[0, 1\], which is 6\.9"):
        PGD(model=network, threat=wide)(images, labels)
