"""The result file of one evaluation: what it holds, and when it is still good."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from repro.core.divergence import Divergence
from repro.core.errors import ReproError
from repro.core.files import atomic_write_json, read_json, sha256_file
from repro.core.manifest import MEASURE_ANEW
from repro.core.paths import Layout
from repro.core.spec import EvaluationSpec, Flag, Frozen, StandIn
from repro.data.facts import SplitFacts

_HASH = "sha256"  # field of the file beside those of the result: hash over all of them


class Result(Frozen):
    """One measured evaluation, as its JSON file holds it.

    Attributes:
        spec: the evaluation.
        values: named numbers; which ones is the measurement's affair. None at all of a diverged training.
        diverged: how the training of the run (or of its surrogate) diverged, so that nothing was measured.
        stand_ins: what stood in for the real thing.
        seconds: wall-clock time of the measurement, its data's loading included where it was the first to
            need it.
        device_seconds: device time of the measurement alone; None where an older version did not note it.
        attack_seconds: the part of it that attacks took, split into ``network`` and ``kernel``, or as a
            whole (``attack``) where it is another library's or a search; empty where nothing was attacked.
        device: where it was computed, e.g. ``cuda:0``.
        provenance: code version, packages, device name (see ``core.provenance``).
        data: the images that were read, sorted; none of a diverged training.
        checkpoint_sha256: the run's checkpoint; None where the data alone was measured.
        extractor_sha256: the feature extractor's weights; None where no features were needed.
        surrogate_sha256: the checkpoint whose gradients an indirect attack used, or None.
        threat_model: the attacker in words, or None.
        flags: signs that the numbers mislead.
        pictures: names of the files in the folder beside the result, sorted.
        pictures_sha256: their hashes, in the same order.
    """

    spec: EvaluationSpec
    values: dict[str, float]
    diverged: Divergence | None = None
    stand_ins: tuple[StandIn, ...]
    seconds: float
    device_seconds: float | None = None
    attack_seconds: dict[str, float] = Field(default_factory=dict)
    device: str
    provenance: dict[str, Any]
    data: tuple[SplitFacts, ...] = ()
    checkpoint_sha256: str | None
    extractor_sha256: str | None
    surrogate_sha256: str | None = None
    threat_model: str | None
    flags: tuple[Flag, ...] = ()
    pictures: tuple[str, ...]
    pictures_sha256: tuple[str, ...]

    @property
    def listed_pictures(self) -> dict[str, str]:
        """Return the hash of each picture by its name."""
        return dict(zip(self.pictures, self.pictures_sha256, strict=True))


def pictures_folder(layout: Layout, spec: EvaluationSpec) -> Path:
    """Return the folder of the evaluation's pictures, beside its result."""
    return layout.evaluation(spec.evaluation_id).with_suffix("")


def picture_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file in ``folder`` by name (nothing where there is no folder)."""
    return {file.name: sha256_file(file) for file in sorted(folder.glob("*")) if file.is_file()}


def write_result(path: Path, result: Result) -> None:
    """Write a result with the hash of its content, by which an edited file is known."""
    content = result.model_dump(mode="json")
    atomic_write_json(path, {**content, _HASH: _content_hash(content)})


def read_result(path: Path) -> Result | None:
    """Return the result in ``path``, or None where there is no such file.

    Raises:
        ReproError: the file is not as a measurement wrote it: damaged, edited, or made by hand.
    """
    if not path.exists():
        return None
    content = read_json(path, remedy=MEASURE_ANEW)
    hashed = content.pop(_HASH, None) if isinstance(content, dict) else None
    if hashed is None or hashed != _content_hash(content):
        raise ReproError(
            "this result is not as a measurement wrote it: its content does not match the hash inside it",
            remedy=MEASURE_ANEW,
            where=path,
        )
    try:
        return Result.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ReproError(
            f"this result is of another version: {place}", remedy=MEASURE_ANEW, where=path
        ) from error


def _content_hash(content: Any) -> str:
    """Return the sha256 of JSON values, whatever the order of keys and the layout of the file."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def is_current(
    result: Result,
    spec: EvaluationSpec,
    layout: Layout,
    *,
    checkpoint_sha256: str | None,
    extractor_sha256: str | None,
    surrogate_sha256: str | None = None,
    pictures: bool = True,
) -> bool:
    """Return whether ``result`` is of exactly this evaluation and these checkpoints, its pictures whole.

    Without ``pictures`` none of them need be there.
    """
    return (
        result.spec == spec  # stand-ins included: a changed mark must reach the cells
        and result.checkpoint_sha256 == checkpoint_sha256
        and result.extractor_sha256 == extractor_sha256
        and result.surrogate_sha256 == surrogate_sha256
        and picture_hashes(pictures_folder(layout, spec))
        in [result.listed_pictures, *([] if pictures else [{}])]
    )
