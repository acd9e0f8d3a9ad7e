"""The schema of a profile: how much work a run and an evaluation are given."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from repro.core.spec import DEVICE, MOST_WIDTH, Frozen, OnDivergence, Options, Precision, Source
from repro.plan.sheet import Workload


class Work(Frozen):
    """The share of a recipe's schedule that a profile pays for; None leaves the recipe's own value.

    ``processes`` train a run together, each on a GPU of its own and on its part of each batch, which must
    divide by their number; results do not depend on that beyond rounding, and runs' ids not at all.
    """

    steps: int | None = Field(default=None, ge=1)
    epochs: float | None = Field(default=None, gt=0)
    batch_size: int | None = Field(default=None, ge=1)
    width: float | None = Field(default=None, gt=0, le=MOST_WIDTH)
    precision: Precision | None = None
    seeds: int | None = Field(default=None, ge=1)
    snapshots: int | None = Field(default=None, ge=0)
    processes: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give either epochs or steps")
        return self


class DataLimits(Frozen):
    """At most so many images of a split; None means all of them."""

    train: int | None = Field(default=None, ge=1)
    test: int | None = Field(default=None, ge=1)


class Measuring(Frozen):
    """How much an evaluation looks at: images of a split (None: all) and samples drawn from a generator.

    ``images_of`` sets the number of images for single measurements, by name; those that need features take
    that of the profile's ``limits``. ``options_of`` sets options that make one cheaper than the sheet says,
    those of ``name@standard`` where an evaluation's convention ``standard`` states them itself; its
    results carry the stand-in ``reduced_budget``.
    """

    images: int | None = Field(default=None, ge=1)
    images_of: dict[str, Annotated[int, Field(ge=1)]] = {}
    options_of: dict[str, Options] = {}
    generated: int = Field(default=50_000, ge=2)


class BatchSizes(Frozen):
    """How many runs or evaluations one process takes.

    Up to ``seeds`` runs that differ in their seeds alone are trained as one program, where the method can;
    such a batch of seeds counts as one run of ``train``.
    """

    seeds: int = Field(default=1, ge=1)
    train: int = Field(default=1, ge=1)
    evaluate: int = Field(default=1, ge=1)


class Profile(Frozen):
    """How much work every run is given (``config/profiles/<name>.yaml``).

    ``recipes`` overrides the workload's entry for recipes named by shell patterns, such as ``dat.sngan``,
    ``dat.*`` or, on one data set, ``dat.*@stl10``; of several that fit, later ones win, and those of a data
    set over all others. Where none gives ``seeds``, a recipe has its sheet's number of them, at least
    ``min_seeds`` and at most ``max_seeds``.
    ``leave_out`` names recipes that this profile does not train, as shell patterns such as ``dat.ssgan*``, or
    ``*@cifar100`` for one data set, and cells of plots and tables, as ``paper/artefact/row/column``
    (``dat/figure4/*/2e-3``); these, and cells that need such a recipe, stay pending and say so.
    ``searches`` is the work that each run of a search is given, over what its recipe has (``processes`` are
    its recipe's); ``searched``, where given, names the only searches that are planned (``paper/name``).
    ``artefacts``, where given, are the only ones that are planned at all; searches are then planned only
    where ``searches`` or ``searched`` is given too.
    ``diverged`` says what becomes of a training whose loss or weights leave the finite numbers: ``record``
    ends it and says so in its record and its cells (ledger training.diverged), ``stop`` makes it an error.
    """

    name: str
    title: str
    data: Source
    limits: DataLimits = DataLimits()
    min_seeds: int = Field(default=1, ge=1)
    max_seeds: int | None = Field(default=None, ge=1)
    precision: Precision = "float32"
    extractor: Literal["embedded", "inception"] = "embedded"
    workloads: dict[Workload, Work] = {}
    recipes: dict[str, Work] = {}
    searches: Work = Work()
    searched: tuple[str, ...] | None = None
    measuring: Measuring = Measuring()
    batches: BatchSizes = BatchSizes()
    artefacts: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] = ()
    diverged: OnDivergence = "record"
    device: str = Field(default="auto", pattern=DEVICE)
    threads: int = Field(default=1, ge=1)

    @field_validator("max_seeds")
    @classmethod
    def _bounds(cls, most: int | None, info: ValidationInfo) -> int | None:
        if most is not None and most < info.data.get("min_seeds", 1):
            raise ValueError(f"give at least min_seeds, which is {info.data['min_seeds']}")
        return most

    @field_validator("searches")
    @classmethod
    def _processes_of_recipes(cls, work: Work) -> Work:
        if work.processes is not None:
            raise ValueError("runs have the processes of their recipe; give them under recipes")
        return work

    def wants_search(self, search_id: str) -> bool:
        """Tell whether a search (``paper/name``) is planned."""
        if self.searched is not None:
            return search_id in self.searched
        return self.artefacts is None or "searches" in self.model_fields_set

    def leaves_out(self, recipe: str, dataset: str) -> str:
        """Return why a recipe (``paper.recipe``) is not trained on a data set; or ""."""
        if any(_fits(pattern, recipe, dataset) for pattern in self.leave_out):
            return f"profile {self.name} does not train {recipe} on {dataset}"
        return ""

    def leaves_out_cell(self, cell: str) -> str:
        """Return why a cell (``paper/artefact/row/column``) is not filled, whatever it needs; or ""."""
        if any(fnmatchcase(cell, pattern) for pattern in self.leave_out):
            return f"profile {self.name} leaves such cells out"
        return ""

    def special(self, recipe: str, dataset: str) -> list[Work]:
        """Return the entries of ``recipes`` that fit a recipe on a data set, those of a data set last."""
        fitting = [pattern for pattern in self.recipes if _fits(pattern, recipe, dataset)]
        return [self.recipes[pattern] for pattern in sorted(fitting, key=lambda pattern: "@" in pattern)]


@cache  # a plan asks for the same few hundred pairs thousands of times
def _fits(pattern: str, recipe: str, dataset: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in (recipe, f"{recipe}@{dataset}"))
