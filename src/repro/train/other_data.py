"""Finished runs of other images than the data root holds now, or of a parent that is there no more.

They are trained anew. What took hours is not destroyed for a wrong data root: the old run is set aside.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from repro.core.divergence import FIELD
from repro.core.files import sha256_file
from repro.core.locks import LOCK_FILES
from repro.core.paths import Layout
from repro.core.records import read_record
from repro.core.scratch import remove
from repro.core.spec import RunSpec
from repro.data.catalogue import dataset_info
from repro.data.state import folder_at_hand
from repro.methods.registry import load_method
from repro.train.training_data import TrainingData


def set_aside_other(
    spec: RunSpec, layout: Layout, data: TrainingData, root: Path | None, device: torch.device
) -> None:
    """Move a finished run aside if it is of other images or of another parent, and say so.

    Images that are not at hand, and synthetic ones, count as the same. The caller holds the run's lock.

    Raises:
        ReproError: the record is damaged, or the images cannot be read.
    """
    record = read_record(layout, spec.run_id)
    why = record and (_other_parent(spec, layout, record) or _other_images(spec, record, data, root, device))
    if not why:
        return
    folder, record_file = layout.run(spec.run_id), layout.record(spec.run_id)
    aside = layout.set_aside(spec.run_id, sha256_file(record_file)[:12])
    aside.mkdir(parents=True, exist_ok=True)  # a process killed here has moved a part of this very run
    for path in sorted(folder.iterdir(), key=lambda path: path == record_file):  # last: it names the folder
        if path.name not in LOCK_FILES:
            remove(aside / path.name)  # this very run's, which somebody copied back
            path.rename(aside / path.name)
    print(f"{spec.run_id} is trained anew: {why}; the old run is in {aside}", file=sys.stderr, flush=True)


def _other_parent(spec: RunSpec, layout: Layout, record: Mapping[str, Any]) -> str | None:
    parent = read_record(layout, spec.parent) if spec.parent else {}
    if not parent or parent.get(FIELD) or parent["checkpoint_sha256"] == record["parent_sha256"]:
        return None
    return f"its parent {spec.parent} has been trained anew"


def _other_images(
    spec: RunSpec, record: Mapping[str, Any], data: TrainingData, root: Path | None, device: torch.device
) -> str | None:
    if spec.source == "synthetic" or not folder_at_hand(dataset_info(spec.dataset), root):
        return None
    images, validation = data.load_all(load_method(spec.method), spec, root, device)
    for now, was in ((images, record["data"]), (validation, record.get("validation"))):
        if now is not None and was is not None and now.fingerprint != was["fingerprint"]:
            return f"it saw {was['images']} images of {now.name} {now.split}, now there are {now.facts}"
    return None
