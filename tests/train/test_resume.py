"""A run that is killed and taken up again ends exactly like one that is not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_gan
from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.catalogue import dataset_info
from repro.data.synthetic import make_synthetic
from repro.train.settings import LoopSettings

EVERY_7 = LoopSettings(checkpoint_steps=7, log_every=5)


def record(spec: RunSpec, layout: Layout) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(layout.record(spec.run_id).read_text())
    return content


def start(spec: RunSpec, layout: Layout) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "OMP_NUM_THREADS": str(torch.get_num_threads()),  # other threads sum in another order
    }
    return subprocess.Popen(
        [sys.executable, tiny_gan.__file__, str(layout.results), spec.model_dump_json(), "7"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def wait_for_step(spec: RunSpec, layout: Layout, process: subprocess.Popen[str], step: int) -> None:
    """Wait until a checkpoint of at least this step is there."""
    path, until = layout.checkpoint(spec.run_id), time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        if path.exists() and checkpoint.load(path).header["step"] >= step:
            return
        time.sleep(0.01)
    raise AssertionError(f"no checkpoint of step {step}; the process ended with {process.poll()}")


def log_without_times(spec: RunSpec, layout: Layout) -> list[tuple[int, dict[str, float]]]:
    return [(line["step"], line["metrics"]) for line in read_lines(layout.log(spec.run_id))]


def test_a_run_killed_three_times_ends_bit_identical(tmp_path: Path) -> None:
    spec = tiny_gan.tiny_spec(steps=60, snapshots=3, pause=0.01)
    whole, killed = Layout(tmp_path / "whole", "test"), Layout(tmp_path / "killed", "test")
    tiny_gan.train(spec, whole, EVERY_7)
    chance = random.Random(0)  # where in a step the kill comes is the machine's affair
    for step in (7, 21, 35):
        process = start(spec, killed)
        wait_for_step(spec, killed, process, step)
        time.sleep(chance.uniform(0, 0.06))
        process.kill()
        process.communicate()
    tiny_gan.train(spec, killed, EVERY_7)
    a = checkpoint.load(whole.checkpoint(spec.run_id))
    b = checkpoint.load(killed.checkpoint(spec.run_id))
    for part in ("modules", "optimisers", "schedulers", "batches"):
        torch.testing.assert_close(b.state["method"][part], a.state["method"][part], rtol=0, atol=0)
    assert a.sha256 == b.sha256  # weights, moments, rates, data order, streams: the whole content
    assert log_without_times(spec, killed) == log_without_times(spec, whole)
    ours, theirs = record(spec, killed), record(spec, whole)
    assert ours["resumes"] == 3
    assert theirs["resumes"] == 0
    assert ours["sessions"][0]["step"] == 0
    assert ours["snapshots"] == theirs["snapshots"]
    assert ours["metrics"] == theirs["metrics"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_a_checkpoint_and_a_hint(layout: Layout, number: signal.Signals) -> None:
    spec = tiny_gan.tiny_spec(steps=500, pause=0.02)
    process = start(spec, layout)
    wait_for_step(spec, layout, process, 7)
    process.send_signal(number)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 1
    assert number.name in message
    assert "same command again" in message
    assert not layout.record(spec.run_id).exists()
    step = checkpoint.load(layout.checkpoint(spec.run_id)).header["step"]
    assert f"after step {step} of 500" in message


def test_a_resumed_optimiser_has_the_memory_order_of_its_weights(layout: Layout) -> None:
    spec = tiny_gan.tiny_spec(steps=10)
    tiny_gan.train(spec, layout)
    images = make_synthetic(dataset_info("cifar10"), "train", 48)
    method = tiny_gan.TinyGan(spec, images, Streams(0, torch.device("cpu")), torch.device("cpu"))
    method.load_state_dict(checkpoint.load(layout.checkpoint(spec.run_id)).state["method"])
    weight = method.modules["discriminator"][0].weight  # type: ignore[index]
    moments = method.optimisers["discriminator"].state[weight]["exp_avg"]
    assert moments.stride() == weight.stride()
    assert not moments.is_contiguous()


def half_done(layout: Layout) -> RunSpec:
    """Leave a run behind that ended at step 14 of 40."""
    stopped = tiny_gan.tiny_spec(poison_step=16)
    with pytest.raises(ReproError, match="not finite"):
        tiny_gan.train(stopped, layout, EVERY_7)
    return stopped


def test_a_checkpoint_of_another_configuration_is_refused(layout: Layout) -> None:
    stopped, other = half_done(layout), tiny_gan.tiny_spec(seed=5)
    layout.run(other.run_id).mkdir(parents=True)
    layout.checkpoint(stopped.run_id).rename(layout.checkpoint(other.run_id))
    with pytest.raises(ReproError, match="another configuration") as caught:
        tiny_gan.train(other, layout)
    assert "seed: 0 in the file, 5 asked" in caught.value.message
    assert "poison_step" in caught.value.message


def test_other_images_than_before_are_refused(layout: Layout) -> None:
    stopped = half_done(layout)
    with pytest.raises(ReproError, match="another data"):
        tiny_gan.train(stopped, layout, images=40)


def test_a_damaged_checkpoint_is_not_overwritten(layout: Layout) -> None:
    stopped = half_done(layout)
    path = layout.checkpoint(stopped.run_id)
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(ReproError, match="damaged"):
        tiny_gan.train(stopped, layout)
    assert path.read_bytes() == content
