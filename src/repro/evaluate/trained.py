"""A finished run, ready to be measured: its weights in its networks, in eval mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from repro.core import checkpoint
from repro.core.divergence import divergence_of
from repro.core.errors import ReproError
from repro.core.failures import WARNINGS
from repro.core.paths import Layout
from repro.core.records import read_record, require_weights, stood_in
from repro.core.spec import Flag, RunSpec, StandIn, snapshot_steps
from repro.core.streams import Streams
from repro.data.catalogue import dataset_info
from repro.data.synthetic import blank_images
from repro.methods.base import Method
from repro.methods.registry import load_method, train_split

_ANEW = "delete the run's folder and train it again"


@dataclass(frozen=True)
class Trained:
    """What a measurement is given.

    Attributes:
        spec: the run, as its checkpoint records it.
        method: its method, modules in eval mode.
        sha256: hash of the checkpoint that the weights came from.
        layout: where the run lies.
        recorded: what stood in in its data and networks, as the run's record says it.
        failed: how the training went wrong without diverging, likewise.
        listed: hashes of its snapshots by step, likewise; None where there is no record.
    """

    spec: RunSpec
    method: Method
    sha256: str
    layout: Layout
    recorded: frozenset[StandIn] = frozenset()
    failed: tuple[Flag, ...] = ()
    listed: Mapping[int, str] | None = None

    @property
    def stand_ins(self) -> set[StandIn]:
        """Return what stood in for the real thing in the training's data and networks."""
        found = {*self.recorded}
        if self.spec.source == "synthetic":
            found.add("synthetic_data")
        elif self.spec.train_limit is not None:
            found.add("sample_data")
        if self.spec.width < 1:
            found.add("reduced_width")
        return found

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Return the steps of which this run made a snapshot, ascending; none where it was to make none."""
        return snapshot_steps(self.spec.steps, self.spec.snapshots)

    def load_snapshot(self, step: int, *, needs: Sequence[str] = ()) -> None:
        """Take up the weights of the snapshot of ``step``; modules that it does not hold stay as they are.

        Args:
            step: one of ``snapshots``.
            needs: modules that it must hold, such as ``discriminator``.

        Raises:
            ReproError: the snapshot is missing, damaged, from another run or step, not the one that the run's
                record lists, or lacks a needed module.
        """
        path = self.layout.snapshot(self.spec.run_id, step)
        loaded = checkpoint.load(path)
        checkpoint.require_same_run(loaded.header, self.spec, path)
        if checkpoint.step_of(loaded.header, self.spec, path) != step:
            raise ReproError("this snapshot is of another step than its name", remedy=_ANEW, where=path)
        if self.listed is not None and self.listed.get(step) != loaded.sha256:
            raise ReproError(
                "this snapshot is not the one that the run's record lists",
                remedy=f"put it back, or {_ANEW}",
                where=path,
            )
        missing = [name for name in needs if name not in loaded.state]
        if missing:
            raise ReproError(
                f"this snapshot holds no {missing[0]}",
                remedy="delete the run's folder and train it again; snapshots of its method hold it now",
                where=path,
            )
        try:
            self.method.load_snapshot_state(loaded.state)
        except (KeyError, TypeError, RuntimeError) as error:
            raise _unfit(path, error) from error


def load_trained(layout: Layout, run_id: str, device: torch.device) -> Trained:
    """Return the run ``run_id`` at its newest checkpoint.

    The method is built around a handful of black images of the data set's size and classes: a
    measurement brings its own data, so the training split (and its place in the epoch) is not loaded.

    Raises:
        ReproError: the checkpoint is missing, damaged, of another run than its folder's, of an unfinished or
            of a diverged one, or left out of the publication that the run is of.
    """
    path = layout.checkpoint(run_id)
    diverged = divergence_of(layout, run_id)
    if diverged is not None:
        raise ReproError(
            f"run {run_id} diverged at step {diverged.step}: {diverged.reason}",
            remedy="nothing can be measured with it; let its recipe train at a lower learning rate",
            where=layout.record(run_id),
        )
    require_weights(layout, run_id)
    loaded = checkpoint.load(path)
    spec = checkpoint.spec_of(loaded.header, path)
    if spec.run_id != run_id:
        raise ReproError(
            f"the checkpoint in the folder of run {run_id} is of run {spec.run_id}",
            remedy="delete the folder and train the run again",
            where=path,
        )
    step = checkpoint.step_of(loaded.header, spec, path)
    if step != spec.steps:
        raise ReproError(
            f"run {run_id} is not finished: step {step} of {spec.steps}",
            remedy="let the training go on (it resumes where it stopped), then measure",
            where=path,
        )
    kind = load_method(spec.method)
    split = train_split(spec.method, spec.options)
    info = dataset_info(spec.dataset)
    around = info.drawn() if info.drawn else blank_images(info, split, spec.batch_size)
    trained_on = loaded.header.get("classes")  # of a part of a set fewer than of the whole
    around = replace(around, classes=around.classes[:trained_on])
    method = kind(spec, around.to(device), Streams(spec.seed, device), device)
    method.precision = "float32"  # whatever it trained in
    for name, module in method.modules.items():
        try:
            module.load_state_dict(loaded.state["method"]["modules"][name])
        except (KeyError, TypeError, RuntimeError) as error:
            raise _unfit(path, error) from error
        module.eval()
    record = read_record(layout, run_id)
    failed = tuple(record.get(WARNINGS, ()))
    listed = {entry["step"]: entry["sha256"] for entry in record.get("snapshots", ())} if record else None
    return Trained(spec, method, loaded.sha256, layout, stood_in(record), failed, listed)


def _unfit(path: Path, error: Exception) -> ReproError:
    return ReproError(
        f"its weights do not fit the networks of its method as they are now ({error})",
        remedy=f"put the code back that trained it, or {_ANEW}",
        where=path,
    )
