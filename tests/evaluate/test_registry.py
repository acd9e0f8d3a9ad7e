"""Measurements by name, listed without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from repro.core.by_name import declaring
from repro.core.errors import ReproError
from repro.core.spec import EvaluationSpec
from repro.evaluate.registry import load_measurement, needs, validate_options

NAMES = declaring("repro.evaluate", r"def measure\(")
OF_DATA = {"fidelity_real", "mixture_truth"}
OF_FEATURES = {
    "curve",
    "fidelity",
    "fidelity_conventions",
    "fidelity_dinov2",
    "fidelity_real",
    "input_noise",
    "mode_coverage",
    "tsne",
}


@pytest.mark.parametrize("name", NAMES)
def test_each_has_options_with_defaults(name: str) -> None:
    measurement = load_measurement(name)
    assert measurement.Options() == validate_options(name, {})
    assert needs(name).run == (name not in OF_DATA)
    assert needs(name).features == (name in OF_FEATURES)
    assert needs(name).samples == (name in OF_FEATURES | {"samples"})


def test_listing_imports_no_torch() -> None:
    assert {*OF_DATA, *OF_FEATURES} < {*NAMES}
    listing = f"from repro.evaluate.registry import needs; print([needs(name) for name in {NAMES}])"
    code = f"import sys; {listing}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_option_names_the_known_ones() -> None:
    with pytest.raises(ReproError, match="no option 'spilt'") as error:
        validate_options("accuracy", {"spilt": "test"})
    assert "split" in error.value.remedy


def test_the_best_snapshot_needs_the_fid_that_it_is_chosen_by() -> None:
    asked = EvaluationSpec(measure="fidelity", run="r", dataset="cifar10", source="real", generated=100)
    options = {"checkpoint": "best_snapshot", "metrics": ("is", "kid")}
    with pytest.raises(ReproError, match="lowest FID"):
        validate_options("fidelity", options).check(asked)
    validate_options("fidelity", {"metrics": ("is", "kid")}).check(asked)


WITH_RADII = ("input_noise", "robust_accuracy", "auto_attack")


@pytest.mark.parametrize(
    ("measure", "options", "message"),
    [
        ("curve", {"checkpoint": "best_snapshot"}, "each snapshot"),
        ("curve", {"metrics": ("prc",)}, "each snapshot"),
        ("input_noise", {"metrics": ("fid",)}, "no option 'metrics'"),
        ("input_noise", {"kid_subsets": 10}, "no option 'kid_subsets'"),
        ("input_noise", {"splits": 200}, "too few for 200 splits"),
        ("input_noise", {"radii": (0.0, 1.0)}, "greater than 0"),
        ("input_noise", {"radii": (-1.0,)}, "greater than 0"),
        *((name, {"radii": (0.1, 0.10000001)}, "each radius once") for name in WITH_RADII),
        ("gradient_effect", {"against": "next_batch", "epsilon": 7.0}, "perturbs nothing, leave out epsilon"),
        ("gradient_effect", {"against": "next_batch", "targets": "eq10"}, "leave out targets"),
        ("adversarial_share", {"space": "image", "radius": 5.0}, "exceeds the box"),
        ("adversarial_share", {"space": "image", "radius": 111.0, "norm": "l2"}, "exceeds the box"),
        ("adversarial_share", {"split": "train"}, "no effect at threshold: zero, but at midpoint"),
        ("gradient_effect", {"refresh_targets": True}, "no effect at perturbation_steps: 1"),
        ("mixture_fit", {"cells": 10}, "no effect at estimator: nearest_neighbour, but at grid"),
        ("robust_accuracy", {"planted_inner": 9}, "no effect at planted: None"),
        ("tsne", {"noise_radius": 1.0}, "no effect at pair: images, but at noise"),
        ("tsne", {"pair": "worst_images", "noise_radius": 1.0}, "at noise"),
        ("tsne", {"image_radius": 1.0}, "at worst_images"),
        ("tsne", {"pair": "noise", "split": "test"}, "at worst_images or images"),
        ("mode_coverage", {"images": 10}, "10 generated and 10 real images are too few for 10 classes"),
        ("mode_coverage", {"neighbours": 100}, "100 generated and 10000 real images are too few"),
    ],
)
def test_options_that_a_measurement_cannot_heed_are_refused(
    measure: str, options: dict[str, object], message: str
) -> None:
    asked = EvaluationSpec(measure=measure, run="r", dataset="cifar10", source="real", generated=100)
    with pytest.raises(ReproError, match=message):
        validate_options(measure, options).check(asked)
    validate_options(measure, {}).check(asked)


@pytest.mark.parametrize(
    ("measure", "options"),
    [
        ("input_noise", {"radii": (0.01, 0.0100001, 2.0)}),
        ("gradient_effect", {"against": "next_batch"}),
        ("adversarial_share", {"space": "image", "radius": 110.0, "norm": "l2"}),  # 32 x 32 x 3: 110.9 across
        ("adversarial_share", {"radius": 5.0}),
        ("adversarial_share", {"threshold": "midpoint", "split": "train"}),
        ("mixture_fit", {"estimator": "grid", "cells": 10}),
        ("robust_accuracy", {"planted": 4, "planted_inner": 9, "planted_passes": 0.5}),
        ("tsne", {"pair": "noise", "noise_radius": 1.0}),
        ("tsne", {"pair": "worst_images", "image_radius": 1.0, "split": "test"}),
    ],
)
def test_options_on_the_right_side_of_these_bounds_are_taken(
    measure: str, options: dict[str, object]
) -> None:
    asked = EvaluationSpec(measure=measure, run="r", dataset="cifar10", source="real", generated=100)
    validate_options(measure, options).check(asked)
