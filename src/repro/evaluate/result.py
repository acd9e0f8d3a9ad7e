"""The result file of one evaluation: what it holds, and when it is still good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from repro.core.files import sha256_file
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, Frozen, StandIn


class Result(Frozen):
    """One measured evaluation, as its JSON file holds it.

    Attributes:
        spec: the evaluation.
        values: named numbers; which ones is the measurement's affair.
        stand_ins: what stood in for the real thing.
        seconds: wall-clock time of the measurement, its data's loading included where it was the first to
            need it.
        device: where it was computed, e.g. ``cuda:0``.
        provenance: code version, packages, device name (see ``core.provenance``).
        checkpoint_sha256: the run's checkpoint; None where the data alone was measured.
        extractor_sha256: the feature extractor's weights; None where no features were needed.
        threat_model: the attacker in words, or None.
        pictures: names of the files in the folder beside the result, sorted.
        pictures_sha256: their hashes, in the same order.
    """

    spec: EvaluationSpec
    values: dict[str, float]
    stand_ins: tuple[StandIn, ...]
    seconds: float
    device: str
    provenance: dict[str, Any]
    checkpoint_sha256: str | None
    extractor_sha256: str | None
    threat_model: str | None
    pictures: tuple[str, ...]
    pictures_sha256: tuple[str, ...]


def pictures_folder(layout: Layout, spec: EvaluationSpec) -> Path:
    """Return the folder of the evaluation's pictures, beside its result."""
    return layout.evaluation(spec.evaluation_id).with_suffix("")


def picture_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file in ``folder`` by name (nothing where there is no folder)."""
    return {file.name: sha256_file(file) for file in sorted(folder.glob("*")) if file.is_file()}


def read_result(path: Path) -> Result | None:
    """Return the result in ``path``, or None where none can be read (it is then measured anew)."""
    try:
        return Result.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return None


def is_current(
    result: Result | None,
    spec: EvaluationSpec,
    layout: Layout,
    *,
    checkpoint_sha256: str | None,
    extractor_sha256: str | None,
) -> bool:
    """Return whether ``result`` is of exactly this evaluation, checkpoint and extractor, pictures whole."""
    return (
        result is not None
        and result.spec == spec  # stand-ins included: a changed mark must reach the cells
        and result.checkpoint_sha256 == checkpoint_sha256
        and result.extractor_sha256 == extractor_sha256
        and picture_hashes(pictures_folder(layout, spec))
        == dict(zip(result.pictures, result.pictures_sha256, strict=True))
    )
