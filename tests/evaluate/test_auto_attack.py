"""AutoAttack as a measurement: percentages, and flags on a network that hides its gradients."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, RunSpec
from repro.core.streams import Streams
from repro.data.load import load_images
from repro.evaluate.auto_attack import Options
from repro.evaluate.batch import evaluate_batch
from repro.evaluate.registry import validate_options
from repro.evaluate.result import Result, read_result
from repro.methods.registry import load_method

RUN = RunSpec(
    recipe="c", method="classifier", dataset="cifar10", source="synthetic", train_limit=80, seed=0, steps=40,
    batch_size=20, width=0.25, options={"network": "embedding"},
)  # fmt: skip
OPTIONS = {"radii": (0.0005, 0.3), "unit": "symmetric", "steps": 3, "queries": 10, "batch_size": 12}


def audited(folder: Path, *, logits_times: float) -> Result:
    """Train a small classifier, multiply its logits, and audit it on 30 images."""
    layout = Layout(folder, "test")
    data = load_images(RUN.dataset, "train", source="synthetic", limit=RUN.train_limit, root=None)
    streams = Streams(RUN.seed)
    method = load_method(RUN.method)(RUN, data, streams, torch.device("cpu"))
    for step in range(RUN.steps):
        method.step(step)
    last = [part for part in method.classifier().modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(logits_times)
    state = {"method": method.state_dict(), "streams": streams.state_dict()}
    header = {"spec": RUN.model_dump(mode="json"), "code": {}, "step": RUN.steps}
    checkpoint.save(layout.checkpoint(RUN.run_id), state, header)
    spec = EvaluationSpec(
        measure="auto_attack",
        run=RUN.run_id,
        dataset="cifar10",
        source="synthetic",
        limit=30,
        options=OPTIONS,
    )
    evaluate_batch([spec], layout, layout.batch("evaluate", "b"), device=torch.device("cpu"))
    found = read_result(layout.evaluation(spec.evaluation_id))
    assert found is not None
    return found


@pytest.mark.skipif(find_spec("torchattacks") is None, reason="torchattacks is not installed (auditor.txt)")
def test_an_audit_of_a_run_and_of_one_that_hides_its_gradients(tmp_path: Path) -> None:
    sound = audited(tmp_path / "sound", logits_times=1)
    values, names = sound.values, ("apgd_ce", "apgd_ce_again", "apgd_t", "fab_t", "square")
    for radius in ("0.0005", "0.3"):
        left = [values["accuracy@0"], *(values[f"{name}@{radius}"] for name in names)]
        assert left == sorted(left, reverse=True), "an attack gave images back"
        assert values[f"accuracy@{radius}"] == left[-1]
        assert values[f"vanished@{radius}"] == 0
        hits = [0.3 * percent for percent in left]  # of 30 images in batches of 12, 12 and 6
        assert hits == pytest.approx([round(each) for each in hits], abs=1e-9)
    assert values["accuracy@0.3"] < values["accuracy@0.0005"] <= values["accuracy@0"]
    assert "vanishing_gradients" not in sound.flags
    assert sound.attack_seconds.keys() == {"attack"}
    assert sound.threat_model is not None
    assert "AutoAttack" in sound.threat_model
    assert "radii 0.0005, 0.3 in [-1, 1], " in sound.threat_model

    masked = audited(tmp_path / "masked", logits_times=1e8)  # the softmax is exactly 0 or 1
    assert masked.values["accuracy@0"] == pytest.approx(values["accuracy@0"], abs=7)  # ties are rounded
    assert masked.values["vanished@0.0005"] > 1
    assert "vanishing_gradients" in masked.flags


def test_the_radius_is_converted_to_the_models_range() -> None:
    threat = Options(unit="unit", radii=(0.1,)).threat_model(0.1, (-1.0, 1.0))
    assert threat.radius == pytest.approx(0.2)
    assert (threat.bounds.low, threat.bounds.high) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("option", "value"), [("radii", (0.0,)), ("radii", ()), ("norm", "l1"), ("steps", 0), ("restarts", 2)]
)
def test_bad_options_are_refused(option: str, value: object) -> None:
    with pytest.raises(ReproError, match=option):
        validate_options("auto_attack", {option: value})
