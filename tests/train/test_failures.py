"""Trainings that fail without diverging are told from their logs, and what is measured of them is marked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from repro.core.failures import FailureRules, failures
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.core.spec import EvaluationSpec
from repro.data.load import load_images
from repro.evaluate.batch import evaluate_batch
from repro.evaluate.result import read_result
from repro.methods.registry import load_method
from repro.train.begin import new_run
from repro.train.record import record_line
from repro.train.run import train_run, train_to_record
from repro.train.settings import LoopSettings
from small_run import small_run

CPU = torch.device("cpu")
RULES = FailureRules(overfitting_fall=0.3, overfitting_rise=0.05, collapse_fall=0.5, collapse_below=0.3)


def log(**metrics: tuple[float, ...]) -> list[dict[str, Any]]:
    return [
        {"metrics": dict(zip(metrics, each, strict=True))} for each in zip(*metrics.values(), strict=True)
    ]


@pytest.mark.parametrize(
    ("lines", "flags"),
    [
        (log(accuracy=(0.3, 0.5, 0.9), held_out_accuracy=(0.3, 0.4, 0.27)), {"overfitting"}),
        (log(accuracy=(0.3, 0.5, 0.9), held_out_accuracy=(0.3, 0.4, 0.29)), set()),  # lost less than 30 %
        (log(accuracy=(0.3, 0.5, 0.52), held_out_accuracy=(0.3, 0.4, 0.1)), set()),  # both got worse
        (log(accuracy=(0.3, 0.5, 0.9), held_out_accuracy=(0.3, 0.1, 0.4)), set()),  # it recovered
        (log(accuracy=(0.3, 0.9)), set()),  # nobody has looked
        (log(diversity=(0.2, 0.9, 0.29)), {"mode_collapse"}),
        (log(diversity=(0.2, 0.9, 0.31)), set()),
        (log(diversity=(0.2, 0.25, 0.15)), set()),  # it never had any
        (log(diversity=(0.2, 0.05, 0.9)), set()),
        ([], set()),
    ],
)
def test_the_rules(lines: list[dict[str, Any]], flags: set[str]) -> None:
    assert failures(lines, RULES).keys() == flags


BY_HEART = {"radius": 0.01, "step_size": 0.01, "steps": 1, "learning_rate": 2e-3,
            "held_out": "test", "held_out_images": 100, "held_out_steps": 3,
            "network": "embedding", "milestones": (), "augmentation": False}  # fmt: skip


def trained_on_wrong_labels(layout: Layout, *, noise: float, steps: int) -> dict[str, Any]:
    """Train on 100 images, a share ``noise`` of whose labels are drawn anew; return the run's record."""
    spec = small_run(
        "adversarial_training", train_limit=100, steps=steps, batch_size=20, width=0.25, options=BY_HEART
    )
    train, test = (
        load_images("cifar10", split, source="synthetic", limit=n, root=None)
        for split, n in (("train", 100), ("test", 200))
    )
    stream = torch.Generator().manual_seed(0)
    wrong = torch.rand(100, generator=stream) < noise
    labels = torch.where(wrong, torch.randint(10, (100,), generator=stream), train.labels)
    kind, settings = load_method(spec.method), LoopSettings(log_every=5)
    run = new_run(
        kind, replace(train, labels=labels), spec, layout, device=CPU, validation=test, settings=settings
    )
    train_to_record(run, progress=False)
    assert all("held_out_accuracy" in line["metrics"] for line in read_lines(layout.log(spec.run_id)))
    return read_record(layout, spec.run_id)


@pytest.mark.parametrize("noise", [0.6, 0.0])
def test_a_classifier_that_learns_wrong_labels_by_heart_is_said_to_overfit(
    layout: Layout, noise: float
) -> None:
    steps = 120 if noise else 20
    record = trained_on_wrong_labels(layout, noise=noise, steps=steps)
    assert set(record["warnings"]) == ({"overfitting"} if noise else set())
    assert ("WARNING, overfitting: under attack" in record_line(record)) == bool(noise)


@pytest.mark.parametrize(("rate", "flags"), [(0.1, ("mode_collapse",)), (0.005, ())])
def test_a_generator_that_collapses_marks_what_is_measured_of_it(
    layout: Layout, rate: float, flags: tuple[str, ...]
) -> None:
    options = {"learning_rate": rate}
    spec = small_run("toy_gan", dataset="gaussians", steps=150, batch_size=64, snapshots=1, options=options)
    train_run(spec, layout, device=CPU, data_root=None, progress=False)
    assert tuple(read_record(layout, spec.run_id)["warnings"]) == flags
    measured = EvaluationSpec(
        measure="mixture_fit",
        run=spec.run_id,
        dataset="gaussians",
        source="synthetic",
        options={"samples": 500},
    )
    evaluate_batch([measured], layout, layout.root / "m.json", device=CPU, data_root=None, inception=None)
    result = read_result(layout.evaluation(measured.evaluation_id))
    assert result is not None
    assert result.flags == flags
