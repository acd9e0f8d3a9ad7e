"""Runs that go wrong stop, say why, and keep the last good checkpoint."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

import tiny_gan
from repro.core import checkpoint
from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.image_set import ImageSet
from repro.train.metric_means import DivergedError, MetricMeans
from repro.train.settings import LoopSettings


def test_a_weight_that_is_nan_never_reaches_the_checkpoint(layout: Layout) -> None:
    # the poisoned step is the one right before a checkpoint, and its own losses are still finite
    spec = tiny_gan.tiny_spec(poison_step=13)
    with pytest.raises(ReproError, match=r"discriminator.*not finite") as caught:
        tiny_gan.train(spec, layout, LoopSettings(checkpoint_steps=7, log_every=100))
    assert "diverged at step 14: " in caught.value.message
    assert isinstance(caught.value, DivergedError)
    assert caught.value.divergence.last_good_step == 7
    loaded = checkpoint.load(layout.checkpoint(spec.run_id))
    assert loaded.header["step"] == 7
    assert all(w.isfinite().all() for w in loaded.state["method"]["modules"]["discriminator"].values())
    assert not layout.record(spec.run_id).exists()


def test_a_huge_loss_counts_as_diverged_unless_allowed(layout: Layout) -> None:
    spec = tiny_gan.tiny_spec(explode_step=12)
    with pytest.raises(ReproError, match=r"generator_loss\| reached 2e\+06, more than 1e\+06"):
        tiny_gan.train(spec, layout, LoopSettings(log_every=5))
    tiny_gan.train(spec, layout, LoopSettings(log_every=5, largest_loss=1e7))
    assert layout.record(spec.run_id).exists()


def test_one_bad_value_in_a_long_interval_is_seen() -> None:
    for bad in (float("nan"), float("inf"), float("-inf")):
        means = MetricMeans(torch.device("cpu"), 1e6)
        for value in (1.0, bad, 2.0):
            means.add({"accuracy": torch.tensor(value)})
        found = means.divergence(13)  # ten steps were done before this session
        assert found is not None
        assert (found.step, found.quantity, found.reason) == (12, "accuracy", "accuracy is not finite")


def test_a_metric_that_comes_now_and_then_is_averaged_over_its_own_steps() -> None:
    means = MetricMeans(torch.device("cpu"), 1e6)
    for step in range(6):
        means.add({"a": torch.tensor(float(step))} | ({"b": torch.tensor(4.0)} if step % 3 == 0 else {}))
    found = means.means()
    assert found["b"] == 4.0
    assert found["a"] == pytest.approx(2.5)
    assert means.means() == {}


def test_global_randomness_in_a_method_is_an_error(layout: Layout) -> None:
    with pytest.raises(RuntimeError, match="global generator"):
        tiny_gan.train(tiny_gan.tiny_spec(global_noise=True), layout)


def test_a_results_folder_that_cannot_be_written_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file where the folder should be")
    with pytest.raises(ReproError, match="cannot write"):
        tiny_gan.train(tiny_gan.tiny_spec(), Layout(tmp_path / "results", "test"))


def test_a_full_disk_keeps_the_old_checkpoint(layout: Layout) -> None:
    path = layout.checkpoint("run")
    sha256 = checkpoint.save(path, {"weights": torch.zeros(100)}, {"step": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # as a full disk: a write fails half-way
    try:
        with pytest.raises(ReproError, match="cannot write checkpoint"):
            checkpoint.save(path, {"weights": torch.zeros(100_000)}, {"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoint.load(path).sha256 == sha256
    assert [p.name for p in path.parent.iterdir()] == [path.name]


class Masked(tiny_gan.TinyGan):
    """A network with a buffer of minus infinities, as masks of attention are."""

    def __init__(self, spec: RunSpec, data: ImageSet, streams: Streams, device: torch.device) -> None:
        super().__init__(spec, data, streams, device)
        self.modules["discriminator"].register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1))


def test_what_is_infinite_by_design_is_no_divergence(layout: Layout) -> None:
    spec = tiny_gan.tiny_spec(steps=6)
    tiny_gan.train(spec, layout, LoopSettings(checkpoint_steps=2), kind=Masked)
    assert layout.record(spec.run_id).exists()
    wild = tiny_gan.tiny_spec(steps=6, poison_step=3)
    with pytest.raises(DivergedError, match=r"discriminator.*not finite"):
        tiny_gan.train(wild, layout, LoopSettings(checkpoint_steps=4, log_every=100), kind=Masked)
