"""Every method of the registry resumes bit-identically through the real loop."""

from __future__ import annotations

import pytest
import torch

from repro.core import checkpoint
from repro.core.jsonl import read_lines
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.methods.registry import load_method, method_names
from repro.train.record import finished
from small_run import small_run
from tiny_gan import PowerCutError, cut_at, train_with_checkpoints

CPU = torch.device("cpu")
PARENTS = {"robgan_finetune": "robgan", "gat_attack": "classifier"}
ATTACKING = {
    "adversarial_training",
    "asgan",
    "dat",
    "fast_gradient_training",
    "gat",
    "gat_attack",
    "infomax_gan_dat",
    "rgan",
    "robgan",
    "robgan_finetune",
    "ssgan_dat",
    "toy_dat",
}
POINTS = ("toy_gan", "toy_dat")


def spec(method: str, parent: str | None = None) -> RunSpec:
    """A run with the method's defaults; GAT's with dropout, whose layers hold a stream from the start."""
    return small_run(
        method,
        dataset="gaussians" if method in POINTS else "cifar10",
        seed=1,
        steps=5,
        batch_size=4,
        width=0.125,
        snapshots=2,
        train_limit=12,
        parent=parent,
        options={"dropout": 0.3} if method == "gat" else {},
    )


@pytest.mark.parametrize("name", method_names())
def test_resuming_changes_nothing(layout: Layout, name: str) -> None:
    parent = spec(PARENTS[name]) if name in PARENTS else None
    ours = spec(name, parent.run_id if parent else None)
    kind, again = load_method(name), Layout(layout.results, "again")
    for place in (layout, again):
        if parent is not None:
            train_with_checkpoints(parent, place, load_method(parent.method))
    train_with_checkpoints(ours, layout, kind)
    with pytest.raises(PowerCutError):
        train_with_checkpoints(
            ours, again, cut_at(kind, 3)
        )  # the checkpoint is of step 2, so one step is done again
    train_with_checkpoints(ours, again, kind)
    a, b = (checkpoint.load(place.checkpoint(ours.run_id)) for place in (layout, again))
    torch.testing.assert_close(b.state, a.state, rtol=0, atol=0)
    assert a.sha256 == b.sha256
    for place in (layout, again):
        check_times(place, ours)


def check_times(layout: Layout, ours: RunSpec) -> None:
    """The log and the record split what the attacks took off the device time, for methods that attack."""
    parts = {"network", "kernel"} if ours.method in ATTACKING else set()
    lines = read_lines(layout.log(ours.run_id))
    assert len(lines) == ours.steps
    for line in lines:
        split = line.get("attack_seconds_per_step", {})
        assert split.keys() == parts
        assert sum(split.values()) <= line["device_seconds_per_step"]
        assert all(seconds > 0 for seconds in split.values())
    record = finished(layout, ours.run_id)
    assert record is not None
    assert record["attack_seconds"].keys() == parts
    assert sum(record["attack_seconds"].values()) <= record["device_seconds"] + 0.002
