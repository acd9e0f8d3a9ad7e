"""The two kinds of exported files, for a cell and for a run; their JSON schemas are exported beside them.

Fields that RobustBench's ``model_info`` files have too carry its names: ``name``, ``dataset``,
``architecture``, ``eps``, ``clean_acc``, ``autoattack_acc``, ``reported``, ``unreliable``, ``footnote``
(numbers are numbers here, not text; accuracies in percent; ``external`` lists what others publish).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from repro.core.spec import Frozen

Norm = Literal["Linf", "L2"]


class Threat(Frozen):
    """Who attacks: ``text`` as the evaluation recorded it; ``eps`` in the pixel range ``eps_range``."""

    threat_model: Norm | None = None
    eps: float | None = None
    eps_range: str | None = None
    text: str


class External(Frozen):
    """What someone else than the paper publishes for the same cell."""

    source: str
    value: float
    std: float | None = None


class CellRecord(Frozen):
    """A cell: what the paper reports, what was measured, how, and the verdict."""

    kind: Literal["cell"] = "cell"
    profile: str
    paper: str
    name: str = Field(description="The paper's title.")
    artefact: str
    source: str = Field(description="Where in the paper.")
    row: str
    column: str
    metric: str
    convention: str
    dataset: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    architecture: tuple[str, ...] = ()
    threat: Threat | None = None
    reported: float | str | None = None
    reported_std: float | None = None
    external: tuple[External, ...] = ()
    measured: float | str | None = None
    measured_std: float | None = None
    clean_acc: float | None = Field(default=None, description="Of the same images, without the attack.")
    autoattack_acc: float | None = Field(default=None, description="The measured value, if AutoAttack's.")
    n_seeds: int = 0
    diverged: int = 0
    ci_low: float | None = None
    ci_high: float | None = None
    tolerance: float | None = None
    verdict: str
    unreliable: bool = Field(default=False, description="There are signs of hidden gradients.")
    flags: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()
    footnote: str = Field(default="", description="The stand-ins in words.")
    precision: tuple[str, ...] = ()
    batch_size: tuple[str, ...] = ()
    measured_how: dict[str, str] = Field(default={}, description="Images, features, attack, format, seeds.")
    value: str = Field(default="", description="Name of the value in the evaluations.")
    evaluations: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


class AttackRecord(Frozen):
    """Accuracy of a run under one attack at one radius."""

    evaluation: str
    measure: str
    threat: Threat
    clean_acc: float | None = Field(default=None, description="Of the same images, without the attack.")
    robust_acc: float
    images: str = ""


class EvaluationRecord(Frozen):
    """One measurement of a run: all its values."""

    evaluation: str
    measure: str
    values: dict[str, float]
    measured_how: dict[str, str]
    stand_ins: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict)


class RunRecord(Frozen):
    """A training with all that was measured of it."""

    kind: Literal["run"] = "run"
    profile: str
    run: str
    name: str = Field(description="The recipe, with its paper in front.")
    method: str
    architecture: str | None = None
    dataset: str
    source: str = Field(description="`real` images, or `synthetic` ones.")
    seed: int
    spec: dict[str, Any]
    clean_acc: float | None = Field(
        default=None, description="None where measurements differ, or there is none."
    )
    attacks: tuple[AttackRecord, ...] = ()
    evaluations: tuple[EvaluationRecord, ...] = ()
    unreliable: bool = False
    stand_ins: tuple[str, ...] = ()
    footnote: str = ""
    diverged: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    checkpoint_sha256: str | None = None
    seconds: float | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)
    cells: tuple[str, ...] = Field(default=(), description="Files of the cells that rest on it.")
