"""Small trainings by one process and by several; as a script, which ``torchrun`` starts, it does them all."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from method_cases import tiny_data
from repro.attacks import checks
from repro.core import checkpoint, ranks
from repro.core.device import set_deterministic
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data import minibatches
from repro.methods import base
from repro.methods.base import Method
from repro.methods.gan import Gan
from repro.methods.registry import load_method
from repro.models import divided
from repro.train import run as training
from repro.train.settings import LoopSettings
from small_run import small_run
from tiny_gan import PowerCutError, cut_at

CPU = torch.device("cpu")
STEPS = 2
GAN: dict[str, Any] = {"network": "dcgan", "n_dis": 1}

# What couples a batch's images, or draws for each: batch norm in G, D and under second derivatives, spectral
# norm, targets, norms and scales over the batch, turns by place, noise, attacks' starts, dropout; and a
# penalty of the weights, which every process computes alike.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "sngan": ("gan", {"n_dis": 1, "flip": True}),
    "gradient penalty": ("gan", {**GAN, "regulariser": "gradient_penalty", "loss": "wasserstein"}),
    "Banach penalty": ("gan", {**GAN, "regulariser": "banach_penalty", "loss": "wasserstein"}),
    "RFM": ("gan", {**GAN, "regulariser": "rfm"}),
    "orthonormal": ("gan", {**GAN, "regulariser": "orthonormal"}),
    "Rob-GAN": ("robgan", {"network": "robgan_resnet", "radius": 0.03, "step_size": 0.01, "steps": 3}),
    "adversarial training": ("adversarial_training", {"random_start": True, "steps": 2}),
    "DAT": ("dat", {**GAN, "position": "all"}),
    "SSGAN": ("ssgan", {"n_dis": 1}),
    "RGAN": ("rgan", {"random_start": True, "direction_steps": 2}),
    "dropout": ("gat", {"network": "gat_classifier", "dropout": 0.5}),
}


@contextmanager
def in_float64() -> Iterator[None]:
    """Compute all in float64, so that what is left of a difference is none of rounding."""
    scale = minibatches.scale
    torch.set_default_dtype(torch.float64)
    with (
        mock.patch.object(torch.Tensor, "float", torch.Tensor.double),
        mock.patch.object(minibatches, "scale", lambda images, bounds: scale(images, bounds).double()),
        mock.patch.object(checks, "check_network"),  # attacks are for float32 networks alone
    ):
        yield
    torch.set_default_dtype(torch.float32)


def trained(case: str) -> tuple[list[dict[str, float]], dict[str, Tensor], int]:
    """Train a case; return what each step logged, weights and statistics, and images of the largest pass."""
    name, options = CASES[case]
    method = load_method(name)(
        small_run(name, steps=STEPS, width=0.03, options=options), tiny_data(), Streams(0), CPU
    )
    if ranks.count() > 1:
        method.divide()
    passed = [0]
    networks = list(method.modules.values())
    for layer in (layer for network in networks for layer in network.modules()):
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(lambda _, given: passed.append(len(given[0])))
    log = [{key: float(value) for key, value in method.step(step).items()} for step in range(STEPS)]
    weights = {
        f"{module}.{key}": value.detach().clone()
        for module, network in method.modules.items()
        for key, value in network.state_dict().items()
    }
    return log, weights, max(passed)


def compared(case: str) -> dict[str, float]:
    """Return how far a case trained by all is from it trained by one, and which share a pass has."""
    with (
        mock.patch.object(divided, "count", return_value=1),
        mock.patch.object(ranks, "count", return_value=1),
    ):
        alone_log, alone_weights, whole = trained(case)
    log, weights, passed = trained(case)
    assert [line.keys() for line in log] == [line.keys() for line in alone_log]
    assert weights.keys() == alone_weights.keys()
    pairs = [(ours[key], theirs[key]) for ours, theirs in zip(log, alone_log, strict=True) for key in ours]
    return {
        "losses": max(abs(ours - theirs) / max(1, abs(theirs)) for ours, theirs in pairs),
        "weights": max(float((weights[key] - alone_weights[key]).abs().max()) for key in weights),
        "passed": passed / whole,
    }


FAULTS = {
    "gradients are not averaged": (base, "average_gradients", lambda *_: None),
    "batch norm sees a part": (divided, "_whole_batch_norm", lambda norm, x: type(norm).forward(norm, x)),
}


class OneIsNaN(Gan):
    """Its loss is NaN in the second process alone."""

    def step(self, step: int) -> dict[str, Tensor]:
        metrics = super().step(step)
        return metrics | ({"d_loss": metrics["d_loss"] * torch.nan} if ranks.rank() and step == 3 else {})


class OneDiffers(Gan):
    """Its weights come to differ in the second process."""

    def step(self, step: int) -> dict[str, Tensor]:
        if ranks.rank() and step == 3:
            with torch.no_grad():
                next(self.D.parameters()).add_(1e-6)
        return super().step(step)


class OneIsStopped(Gan):
    """The second process alone gets a signal, twice."""

    def step(self, step: int) -> dict[str, Tensor]:
        if ranks.rank() and step == 3:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
        return super().step(step)


def train(folder: Path, kind: type[Method] = Gan, **fields: Any) -> tuple[RunSpec, Layout, str]:
    """Train a run with ``kind``; return what error ended it, "" for none."""
    spec, layout = (
        small_run(**{"options": GAN, "width": 0.03, "snapshots": 2, "train_limit": 48, **fields}),
        Layout(folder, "t"),
    )
    settings = LoopSettings(checkpoint_steps=2, log_every=1)
    try:
        with mock.patch.object(training, "load_method", return_value=kind):
            training.train_run(spec, layout, device=CPU, data_root=None, progress=False, settings=settings)
    except (ReproError, PowerCutError) as error:
        return spec, layout, str(error) or "cut"
    return spec, layout, ""


def ended(folder: Path, *kinds: type[Method], **fields: Any) -> dict[str, Any]:
    """Train a run with each kind in turn; return the errors and, in the first process, what lies there."""
    errors = []
    for kind in kinds:
        spec, layout, error = train(folder, kind, **fields)
        errors.append(error)
    if not ranks.first():
        return {"errors": errors}
    log = layout.log(spec.run_id).read_text().splitlines()
    return {
        "errors": errors,
        "step": checkpoint.load(layout.checkpoint(spec.run_id)).header["step"],
        "record": None if errors[-1] else json.loads(layout.record(spec.run_id).read_text()),
        "log": [json.loads(line)["metrics"] for line in log],
    }


def main(folder: Path) -> dict[str, Any]:
    """Do all, and return what was found in this process."""
    writes: list[str] = []
    found: dict[str, Any] = {"writes": writes}

    def note(event: str, given: tuple[Any, ...]) -> None:
        opened = event == "open" and isinstance(given[1], str) and set(given[1]) & set("wax+")
        if (opened or event in ("os.mkdir", "os.rename", "os.remove")) and str(folder) in str(given[0]):
            writes.append(f"{event} {given[0]}")

    with in_float64():
        found["cases"] = {case: compared(case) for case in CASES}
        found["faults"] = {}
        for fault, (module, name, wrong) in FAULTS.items():
            with mock.patch.object(module, name, wrong):
                found["faults"][fault] = compared("RFM")["weights"]
    sys.addaudithook(note)
    found["whole"] = ended(folder / "whole", Gan)
    found["cut"] = ended(folder / "cut", cut_at(Gan, 3), Gan)
    found["NaN"] = ended(folder / "nan", OneIsNaN)
    found["differs"] = ended(folder / "differs", OneDiffers, Gan)
    found["stopped"] = ended(folder / "stopped", OneIsStopped)
    found["uneven"] = train(folder / "uneven", batch_size=9)[2]
    return found


if __name__ == "__main__":
    set_deterministic()
    with ranks.joined():
        results = ranks.gathered(main(Path(sys.argv[1]) / "results"))
        if ranks.first():
            (Path(sys.argv[1]) / "found.json").write_text(json.dumps(results))
