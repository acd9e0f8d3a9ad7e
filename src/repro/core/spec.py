"""What a run and an evaluation are: frozen values whose hash is their identity. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Scalar = bool | int | float | str | None
OptionValue = Scalar | tuple[Scalar, ...]
Options = dict[str, OptionValue]
Source = Literal["real", "synthetic"]
Precision = Literal["float32", "tf32", "bf16"]
StandIn = Literal[
    "synthetic_data",
    "sample_data",
    "embedded_features",
    "reduced_budget",
    "changed_batch_size",
    "reduced_width",
]
STAND_INS: tuple[StandIn, ...] = get_args(StandIn)
# Told by data and training. The others are relative to a sheet, which may be corrected: the plan tells them.
INTRINSIC: frozenset[StandIn] = frozenset({"synthetic_data", "sample_data", "reduced_width"})
# Signs that a number misleads: that an attack's gradients do, so that what it leaves says little (see
# attacks.auto_attack), that nothing has read the seeds, that code differed between them (see core.records),
# that a training went wrong without diverging (see core.failures), or that an epoch is only the least that it
# can be.
Flag = Literal[
    "square_beats_gradients",
    "restarts_matter",
    "vanishing_gradients",
    "planted_missed",
    "seeds_alike",
    "mixed_code",
    "overfitting",
    "mode_collapse",
    "never_passed",
]
FLAGS: tuple[Flag, ...] = get_args(Flag)
# What an attack with one of these leaves may fall to a better attack, so that it says little.
OF_ATTACKS: frozenset[Flag] = frozenset(
    {"square_beats_gradients", "restarts_matter", "vanishing_gradients", "planted_missed"}
)
MOST_WIDTH = 64.0  # times a paper's own; whoever writes more has mistyped it
DEVICE = r"^(auto|cpu|cuda(:[0-9]+)?)$"
OnDivergence = Literal["stop", "record"]  # a training that diverges is an error, or ends and says so


def digest(value: BaseModel, *, leave_out: set[str]) -> str:
    """Return ten hexadecimal digits that identify ``value`` without the fields in ``leave_out``."""
    payload = value.model_dump(mode="json", exclude=leave_out)
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def flags_in_order(raised: Collection[str]) -> tuple[Flag, ...]:
    """Return the flags in the order of ``FLAGS``."""
    return tuple(flag for flag in FLAGS if flag in raised)


def stand_ins_in_order(names: Iterable[str]) -> tuple[StandIn, ...]:
    """Return the distinct stand-ins in the order of ``STAND_INS``."""
    given = set(names)
    return tuple(name for name in STAND_INS if name in given)


class Frozen(BaseModel):
    """Base of all values: immutable; an unknown field, an infinity and a NaN are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RunSpec(Frozen):
    """One training: recipe x data set x seed x budget.

    ``recipe`` and ``stand_ins`` are for people and take no part in the identity, so that two papers which
    ask for the same training share one run.
    """

    recipe: str
    method: str
    dataset: str
    source: Source
    train_limit: int | None = Field(default=None, ge=1)
    seed: int = Field(ge=0)
    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    width: float = Field(default=1.0, gt=0, le=MOST_WIDTH)
    precision: Precision = "float32"
    options: Options = {}
    parent: str | None = None
    snapshots: int = Field(default=0, ge=0)
    stand_ins: tuple[StandIn, ...] = ()

    @cached_property
    def run_id(self) -> str:
        """Folder name of the run, e.g. ``gat-cifar10-1a2b3c4d5e-s0``."""
        return f"{self._named(self.parent)}-s{self.seed}"

    @cached_property
    def training(self) -> str:
        """What runs share that differ in their seeds alone, and in that of the run that each starts from."""
        return self._named(self.parent and self.parent.rpartition("-s")[0])

    def _named(self, parent: str | None) -> str:
        content = self if parent == self.parent else self.model_copy(update={"parent": parent})
        return f"{self.method}-{self.dataset}-{digest(content, leave_out={'recipe', 'stand_ins', 'seed'})}"


def snapshot_steps(steps: int, count: int) -> tuple[int, ...]:
    """Return after how many steps snapshots are made: ``count`` of them, evenly spaced, the last at the end.

    With fewer steps than snapshots every step has one.
    """
    return tuple(sorted({max(1, round(steps * i / count)) for i in range(1, count + 1)}))


class EvaluationSpec(Frozen):
    """One measurement of one run's checkpoint.

    ``extractor`` is the run id of the embedded feature extractor, a word for a public one (see
    ``evaluate.extractor``), or None where no features are needed. ``surrogate`` is the run whose gradients an
    indirect attack uses. ``limit`` bounds
    the images of a split, ``generated`` the samples drawn from a generator.
    """

    measure: str
    run: str
    dataset: str
    source: Source
    limit: int | None = Field(default=None, ge=1)
    generated: int | None = Field(default=None, ge=1)
    extractor: str | None = None
    surrogate: str | None = None
    options: Options = {}
    seed: int = 0
    stand_ins: tuple[StandIn, ...] = ()

    @cached_property
    def evaluation_id(self) -> str:
        """File name (without ending) of the result, e.g. ``accuracy-1a2b3c4d5e``."""
        absent = set() if self.surrogate else {"surrogate"}  # older evaluations keep their ids
        return f"{self.measure}-{digest(self, leave_out={'stand_ins', *absent})}"

    def at_most(self, wanted: int | None) -> int | None:
        """Return how many images of a split are read where the measurement itself wants ``wanted``."""
        return min((n for n in (self.limit, wanted) if n is not None), default=None)
