"""Several small runs in one process: torch's import costs seconds, and images are loaded once."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from repro.core import ranks
from repro.core.errors import ReproError
from repro.core.families import seed_batches
from repro.core.manifest import write_manifest
from repro.core.paths import Layout
from repro.core.spec import RunSpec
from repro.methods.registry import joinable_names
from repro.train.metric_means import DivergedError
from repro.train.parents import parents_first
from repro.train.run import train_run
from repro.train.seeds import train_seeds
from repro.train.settings import LoopSettings
from repro.train.signals import StoppedError
from repro.train.training_data import TrainingData


def train_batch(
    specs: Sequence[RunSpec],
    layout: Layout,
    manifest_path: Path,
    *,
    device: torch.device,
    data_root: Path | None,
    progress: bool = True,
    settings: LoopSettings | None = None,
    seeds: int = 1,
) -> None:
    """Train runs one after the other, parents before children; finished ones are left as they are.

    A failing run does not keep the others from being trained; its children are left out. A run that diverges
    fails, unless ``settings.diverged`` is "record". Where several processes train, one of them that fails
    ends all.

    Args:
        specs: the runs, in any order.
        layout: where their files go.
        manifest_path: JSON file written when all runs are finished:
            ``{run_id: {"sha256": hash of its record}}``.
        device: where they are trained.
        data_root: folder of the data sets; not needed for synthetic images.
        progress: show progress on stderr.
        settings: intervals of log and checkpoints, bound for the loss.
        seeds: at most so many runs that differ in their seeds alone are trained as one program.

    Raises:
        ReproError: at the end, naming every run that failed and why. No manifest is written then.
        StoppedError: at once, when SIGTERM or SIGINT ended a run; its checkpoint is written, if it can be.
    """
    if ranks.first():
        manifest_path.unlink(missing_ok=True)  # what it promised may change from here on
    how: dict[str, Any] = {
        "device": device,
        "data_root": data_root,
        "progress": progress,
        "settings": settings,
        "data": TrainingData(),
    }
    failed: dict[str, str] = {}
    several = ranks.count() > 1
    for group in seed_batches(parents_first(specs), 1 if several else seeds, joinable_names()):
        spec = group[0]
        if spec.parent in failed:
            failed |= {member.run_id: f"its parent {spec.parent} failed" for member in group}
            continue
        try:
            if len(group) == 1:
                train_run(spec, layout, **how)
            else:
                failed |= {run_id: str(why) for run_id, why in train_seeds(group, layout, **how).items()}
        except StoppedError:
            raise
        except ReproError as error:
            if several and not isinstance(error, DivergedError):  # it may be of this process alone
                raise
            failed |= {member.run_id: str(error) for member in group}
        except Exception as error:  # a bug in one method must not cost the others their training
            if several:
                raise
            traceback.print_exc(file=sys.stderr)
            reason = f"{type(error).__name__}: {error} (a bug; the trace is above)"
            failed |= {member.run_id: reason for member in group}
    if failed:
        raise _summary(failed, len(specs), layout)
    if ranks.first():
        write_manifest(manifest_path, layout, "train", [spec.run_id for spec in specs])


def _summary(failed: dict[str, str], total: int, layout: Layout) -> ReproError:
    reasons = "\n".join(f"- {run_id}: {reason}".replace("\n", "\n  ") for run_id, reason in failed.items())
    return ReproError(
        f"{len(failed)} of {total} runs failed:\n{reasons}",
        remedy="mend the causes above and run the same command again; finished runs are kept",
        where=layout.root / "runs",
    )
