"""The beginning of a run: at step 0, at its parent's end, or where its newest checkpoint stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from repro.core import checkpoint, ranks
from repro.core.device import apply_precision, set_deterministic
from repro.core.errors import ReproError
from repro.core.files import remove_leftovers
from repro.core.jsonl import lines_after
from repro.core.paths import Layout
from repro.core.provenance import code_version, describe_device, training_code
from repro.core.spec import RunSpec
from repro.core.streams import Streams
from repro.data.image_set import ImageSet
from repro.methods.base import Method
from repro.train.certificate import Certificate
from repro.train.history import RunHistory
from repro.train.loop import Follower, Run
from repro.train.metric_means import MetricMeans
from repro.train.parents import load_parent
from repro.train.settings import LoopSettings
from repro.train.snapshots import check_snapshots
from repro.train.state import TrainingState, part_hashes


def new_run(
    kind: type[Method],
    images: ImageSet,
    spec: RunSpec,
    layout: Layout,
    *,
    device: torch.device,
    validation: ImageSet | None = None,
    settings: LoopSettings | None = None,
) -> Run:
    """Return a run at step 0, not yet begun.

    Raises:
        ReproError: unknown option, the run's folder cannot be used, its batch does not divide, or the code
            changed since this process began.
    """
    folder, settings = layout.run(spec.run_id), settings or LoopSettings()
    checkpoint.check_path(layout.checkpoint(spec.run_id))
    if ranks.first():
        for place in (folder, folder / "snapshots"):
            remove_leftovers(place)
    set_deterministic()
    apply_precision(spec.precision, device)
    streams = Streams(spec.seed, device)
    method = kind(spec, images, streams, device)
    method.validation = validation
    if ranks.count() > 1:
        method.divide()
    header = {
        "kind": "checkpoint",
        "spec": spec.model_dump(mode="json"),
        "step": 0,
        "code": code_version(),
        "data": images.fingerprint,
        "classes": len(images.classes),
        "validation": None if validation is None else validation.fingerprint,
        "parent": None,
    }
    session = {
        "step": 0,
        "code": code_version(),
        "training_code": training_code(),
        "device": describe_device(device)["name"],
        "processes": ranks.count(),
        "threads": torch.get_num_threads(),
    }
    state = TrainingState(method, streams, MetricMeans(device, settings.largest_loss))
    kind_of_run = Run if ranks.first() else Follower
    return kind_of_run(state, spec, layout, settings, header, RunHistory(sessions=[session]))


def begin(run: Run) -> None:
    """Bring a new run to where it goes on: its parent's end, or its newest checkpoint where it has one.

    Raises:
        DivergedError: its parent diverged.
        ReproError: the parent is not finished; the checkpoint is damaged, or of another configuration, data
            set, parent or code; log or snapshots are not those that it was written with; another process of
            this run found other files.
    """
    parent = load_parent(run.spec, run.layout)
    if parent is not None:
        run.header["parent"] = parent.sha256
        run.state.method.start_from(parent.state["method"])
    if run.path.exists():
        _resume(run)
    run.compare()


def _resume(run: Run) -> None:
    loaded = checkpoint.load(run.path)
    checkpoint.require_same_run(loaded.header, run.spec, run.path)
    for what in ("data", "validation", "parent"):
        if loaded.header.get(what) != run.header[what]:
            raise _foreign(run, f"it was made with another {what}")
    step = checkpoint.step_of(loaded.header, run.spec, run.path)
    history = RunHistory.of(loaded, run.path)
    _check_code(run, history.sessions[-1])
    later = lines_after(run.layout.log(run.spec.run_id), history.log)
    check_snapshots(history.snapshots, run.spec, run.layout, step)
    try:
        wanted = part_hashes(loaded.state)
        run.state.load_state_dict(loaded.state)
    except (KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise _foreign(run, f"it does not fit the method as it is now ({error})") from error
    found = part_hashes(run.state.state_dict())
    differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    if differing:
        raise _foreign(run, f"the method did not take up {', '.join(differing)} as they were")
    if step < run.spec.steps:  # one that lacks its record alone is not trained on
        run.certificate = Certificate(
            step=step,
            checkpoint_sha256=loaded.sha256,
            state_sha256=found,
            mark=history.log,
            later=later,
        )
        history.resumed.append(run.certificate.content)
        history.sessions.append({**run.history.sessions[-1], "step": step})
    run.step = run.saved_step = step
    run.sha256, run.history = loaded.sha256, history


def _check_code(run: Run, last: Mapping[str, Any]) -> None:
    """Check that the run goes on with the code that it was trained with so far."""
    ours, theirs = run.history.sessions[-1]["training_code"], last.get("training_code")
    if ours == theirs:
        return
    what = "torch" if isinstance(theirs, dict) and theirs.get("source") == ours["source"] else "code"
    was = (theirs or {}).get("torch") if what == "torch" else _version_line(last.get("code"))
    now = ours["torch"] if what == "torch" else _version_line(run.history.sessions[-1]["code"])
    added = ", without files that were added to src/repro," if what == "code" else ""
    raise ReproError(
        f"the run began with another version of {what} ({was}; now {now}), so neither would train it so",
        remedy=f"put that version of {what} back{added} and run the same command again, or delete the run's "
        "folder to train it anew",
        where=run.path,
    )


def _version_line(code: object) -> str:
    """Return a code version in words, as far as it is known."""
    known = code if isinstance(code, dict) else {}
    changed = " with changes" if known.get("changed") else ""
    return f"commit {known['commit']}{changed}" if known.get("commit") else f"version {known.get('version')}"


def _foreign(run: Run, reason: str) -> ReproError:
    return ReproError(
        f"the checkpoint cannot be taken up: {reason}",
        remedy="delete the run's folder to train it anew, or put back what it was made with",
        where=run.path,
    )
