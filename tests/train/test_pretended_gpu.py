"""Every method on a pretended GPU: nothing lies elsewhere, waits for it or draws where no stream is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from paper_runs import SAME, kind_of, made, option_sets, small
from papers_case import plan_of
from pretended_gpu import GPU, Guard, pretended_gpu
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, RunSpec
from repro.data.catalogue import dataset_info
from repro.evaluate.context import Context, Shared
from repro.evaluate.registry import load_measurement, validate_options
from repro.evaluate.trained import Trained
from repro.methods.adversarial_training import AdversarialTraining
from repro.methods.base import Method
from repro.methods.classifier import Classifier
from repro.methods.registry import method_names
from repro.methods.robgan import RobGAN

CHANGES = {"eval_mode_after", "reset_seeds_every"}  # options of which the second step shows something
UNUSED = {"extractor"}  # methods that no paper's run has
FOREIGN = {
    "fidelity",
    "fidelity_conventions",
    "fidelity_dinov2",
    "fidelity_real",
    "curve",
    "input_noise",
    "tsne",
    "auto_attack",
    "mode_coverage",
}  # a library of others does the work, in its own way
LESS = {"steps": 2, "largest": 3, "samples": 20, "images": 8, "checked": 4, "planted": 2, "planted_inner": 9}


def faults_of(spec: RunSpec) -> list[str]:
    """Return what a GPU would not like in a step, and in a look at the validation images, of a run."""
    with pretended_gpu() as gpu:
        method = made(spec, gpu)
        with Guard() as guard:
            logged = method.step(0)
            if isinstance(method, Classifier) and method.validation is not None:
                logged["validation"] = method.validate()
            if isinstance(method, AdversarialTraining | RobGAN) and method.validation is not None:
                logged["held_out"] = method.watched.accuracy(method.validation)
        assert guard.operations > 50
        found = [
            f"{name} is logged on {value.device}" for name, value in logged.items() if value.device != gpu
        ]
        if guard.faults or CHANGES & spec.options.keys():
            with Guard() as later:
                method.step(1)
            # what is sent to the GPU once, and then kept there, is no fault
            found += later.faults + [fault for fault in guard.faults if "upload" not in fault]
        return found


@pytest.mark.slow
def test_every_method_with_all_options_of_the_papers() -> None:
    runs = option_sets()
    assert {run.method for run in runs.values()} >= {*method_names()} - UNUSED
    faulty = {name: faults for name, run in runs.items() if (faults := faults_of(run))}
    assert faulty == {}


def trained(run: RunSpec, layout: Layout) -> Trained:
    method = made(small(run), GPU)
    for network in method.modules.values():
        network.eval()
    return Trained(small(run), method, "", layout)


def faults_in(spec: EvaluationSpec, layout: Layout) -> list[str]:
    """Return what a GPU would not like in a measurement, which may read its numbers."""
    measurement, runs = load_measurement(spec.measure), plan_of("paper").runs
    with pretended_gpu() as gpu:
        shared = Shared(layout, gpu, None, None)
        run = trained(runs[spec.run], layout) if spec.run in runs else None
        if spec.surrogate:
            shared._trained[spec.surrogate] = trained(runs[spec.surrogate], layout)
        context = Context(spec, shared, layout.root / "pictures")
        for wanted in context._reads():
            context._load(*wanted)
        with Guard(reads=True) as guard:
            measurement.measure(run, context, validate_options(spec.measure, spec.options))
        return guard.faults


@pytest.mark.slow
def test_every_measurement_with_all_options_of_the_papers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trained, "snapshots", (1, 2))
    monkeypatch.setattr(Trained, "load_snapshot", lambda *_, **__: None)
    found: dict[tuple[object, ...], EvaluationSpec] = {}
    for spec in plan_of("paper").evaluations.values():
        if spec.measure not in FOREIGN:
            kinds = sorted((name, kind_of(value)) for name, value in spec.options.items() if name not in SAME)
            found.setdefault((spec.measure, bool(spec.surrogate), *kinds), spec)
    faulty = {}
    for spec in found.values():
        options = {
            name: min(LESS[name], value) if name in LESS else value for name, value in spec.options.items()
        }
        size = {"source": dataset_info(spec.dataset).source("synthetic"), "limit": 8, "options": options}
        if faults := faults_in(spec.model_copy(update=size), Layout(tmp_path, "test")):
            faulty[f"{spec.measure} {dict(options)}"] = faults
    assert faulty == {}


# The gate itself, by planted faults


def pixels(method: Method) -> Tensor:
    return method.data.images.float()


PLANTED: dict[str, Callable[[Method], object]] = {
    "convolution of tensors on cpu and meta": lambda m: F.conv2d(pixels(m), torch.ones(3, 3, 1, 1)),
    "the host reads a value": lambda m: pixels(m).mean().item(),
    "the host reads a tensor": lambda m: m.data.labels.tolist(),
    "an upload": lambda m: torch.tensor([1.0], device=GPU),
    "an upload ": lambda m: torch.ones(3).to(GPU),
    "bernoulli_ draws from a global generator": lambda m: F.dropout(torch.empty(3, device=GPU)),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = next(run for run in option_sets().values() if run.method == "classifier")
    before = Classifier.iterate

    def iterate(method: Classifier) -> dict[str, Tensor]:
        PLANTED[fault](method)
        return before(method)

    monkeypatch.setattr(Classifier, "iterate", iterate)
    found = faults_of(run)
    assert any(line.startswith(f"{fault.strip()} at") for line in found), found
