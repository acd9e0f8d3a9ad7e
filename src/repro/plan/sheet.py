"""The schema of a paper's sheet: which run and which evaluation fill which cell of which artefact.

A sheet is ``config/papers/<paper>/sheet.yaml``. Row and column entries carry the same fields; a cell is the
merge of its row (which wins) with its column, and ``except`` overrides single cells.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from repro.core.spec import Frozen, Options, OptionValue, Precision, Scalar
from repro.judge.artefacts import Kind

Scale = Literal["linear", "log"]
Convention = Literal["paper", "standard", "published_code"]
Workload = Literal["classifier", "robust_classifier", "gan", "finetune", "toy", "features"]


class Budget(Frozen):
    """The schedule of a training; exactly one of ``epochs`` and ``steps``.

    For a GAN one step is one generator step together with its discriminator steps.
    """

    batch_size: int = Field(ge=1)
    epochs: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps")
        return self

    def resolve(self, train_images: int) -> int:
        """Return the number of steps on a training split of ``train_images`` images."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, round(self.epochs * (train_images // self.batch_size)))


class Recipe(Frozen):
    """How a run is trained: method, data set, schedule, options."""

    method: str
    workload: Workload
    dataset: str
    budget: Budget
    seeds: int = Field(default=1, ge=1)
    snapshots: int = Field(default=0, ge=0)
    start_from: str | None = None
    options: Options = {}


class Evaluation(Frozen):
    """How a checkpoint is measured, once per convention.

    ``surrogate`` names the recipe whose network gives an indirect attack its gradients; it is trained with
    another seed than the run under attack.
    """

    measure: str
    surrogate: str | None = None
    options: Options = {}
    conventions: dict[Convention, Options] = {"standard": {}}


SCHEDULE = ("batch_size", "epochs")  # of a recipe's budget
PRECISION = "precision"  # which a profile chooses
NO_OPTIONS = (*SCHEDULE, PRECISION)  # whatever else a search names is an option of the method
_SEARCHED = {
    "batch_size": TypeAdapter[object](Annotated[int, Field(ge=1, strict=True)]),
    "epochs": TypeAdapter[object](Annotated[float, Field(gt=0, strict=True)]),
    PRECISION: TypeAdapter[object](Precision),
}


class Search(Frozen):
    """An option's values, compared on validation images: what a paper leaves open, or found by trying.

    ``option`` is one of the recipe's method or one of ``NO_OPTIONS``; ``start`` is the value
    before the search where the recipe does not state it, the method's default. The winner, of the largest
    ``value``, may be adopted for ``recipe`` and those of ``used_by``, on the data set that it was found on; a
    number format never is, nor what the paper ``stated``, which is searched to tell what it is worth.
    ``seeds`` runs are trained for each value.
    """

    recipe: str
    option: str
    values: tuple[OptionValue, ...] = Field(min_length=2)
    start: OptionValue = None
    evaluation: str
    value: str
    datasets: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    seeds: int = Field(default=1, ge=1)
    stated: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for value in self.values if self.option in _SEARCHED else ():
            try:
                _SEARCHED[self.option].validate_python(value)
            except ValidationError as error:
                raise ValueError(f"{self.option} {value!r}: {error.errors()[0]['msg']}") from error
        return self

    @property
    def adoptable(self) -> bool:
        """Whether recipes may take its winner."""
        return not self.stated and self.option != PRECISION


class Passing(Frozen):
    """Asks when a curve passes a level instead of how high it is; see ``repro.jobs.overtaking``.

    ``recipe`` is the one whose score at the end of its own training is the level; the row's own training is
    ``epochs`` long on the figure's axis.
    """

    recipe: str
    epochs: float = Field(gt=0)


class CellFields(Frozen):
    """What a row, a column or an exception may say about its cells.

    ``setting`` reads a cell from the recipe as it ran instead of measuring it (``steps``, ``options.lr``,
    ``data.height``), or with ``network`` and ``layer`` from a built network (``kernel``, ``filters``,
    ``stride``; layers are counted from 1 as papers do, see ``draw.architectures``). ``stated`` is what the
    paper says of a setting that is no number (numbers stand in reported.csv). Where the paper has no
    such thing ``absent`` makes no cell. ``passes`` makes a cell of the epoch at which the curve called
    ``value`` passes another run's.
    """

    recipe: str | None = None
    dataset: str | None = None
    evaluation: str | None = None
    value: str | None = None
    metric: str | None = None
    options: Options = {}
    minus: str | None = None
    passes: Passing | None = None
    setting: str | None = None
    stated: str | None = None
    network: str | None = None
    layer: int | None = Field(default=None, ge=1)
    absent: bool | None = None
    pending: str | None = None
    cited: bool = False

    @property
    def cell_metric(self) -> str:
        """The metric under which the cell stands in cells.csv."""
        return self.metric or self.value or "value"


class SheetEntry(CellFields):
    """One row or one column."""

    name: str


class Sweep(CellFields):
    """Columns that differ in one value only, which replaces ``{}`` in ``name`` and ``value``."""

    name: str = "{}"
    values: tuple[Scalar, ...]
    option: str | None = None

    def entries(self) -> tuple[SheetEntry, ...]:
        """Spell the sweep out as single columns."""
        return tuple(self._entry(value) for value in self.values)

    def _entry(self, value: Scalar) -> SheetEntry:
        text = f"{value:g}" if isinstance(value, float) else str(value)
        fields = self.model_dump(exclude={"values", "option", "name", "value", "options"})
        options = dict(self.options)
        if self.option is not None:
            options[self.option] = value
        filled = None if self.value is None else self.value.replace("{}", text)
        return SheetEntry(name=self.name.replace("{}", text), value=filled, options=options, **fields)


class Override(CellFields):
    """Overrides for the cells of one row and column, with ``on_metric`` for that of this metric alone."""

    row: str
    column: str
    on_metric: str | None = None

    def is_of(self, row: str, column: str, metric: str) -> bool:
        """Return whether it is of this cell, whose metric is that before any override."""
        return (self.row, self.column) == (row, column) and self.on_metric in (None, metric)


class SheetPanel(Frozen):
    """Rows x columns, one panel of an artefact; axes of its own go before the artefact's."""

    name: str = ""
    x_axis: str = ""
    y_axis: str = ""
    rows: tuple[SheetEntry, ...] = ()
    columns: tuple[SheetEntry, ...] = ()
    overrides: Annotated[tuple[Override, ...], Field(alias="except")] = ()

    @model_validator(mode="before")
    @classmethod
    def _spell_out_sweeps(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("columns"), dict):
            return {**data, "columns": Sweep.model_validate(data["columns"]).entries()}
        return data

    def fields(self, row: SheetEntry, column: SheetEntry) -> CellFields:
        """Merge column, row and overrides; later ones win, options are merged key by key.

        A row's value with ``{}`` in it takes the column's there.
        """
        merged = _merged(column, row)
        place = (row.name, column.name, merged.cell_metric)
        overrides = [override for override in self.overrides if override.is_of(*place)]
        return _merged(merged, *overrides) if overrides else merged

    def places(self) -> list[tuple[str, str, str]]:
        """Return row, column and metric of every cell, as they are before any override."""
        return [
            (row.name, column.name, _merged(column, row).cell_metric)
            for row in self.rows
            for column in self.columns
        ]


def _merged(*layers: CellFields) -> CellFields:
    merged: dict[str, object] = {}
    options: Options = {}
    for layer in layers:
        given = layer.model_dump(include=set(CellFields.model_fields), exclude_unset=True)
        options |= given.pop("options", {})
        if layer.value is not None:
            given["value"] = layer.value.replace("{}", str(merged.get("value", "")))
        merged |= {key: value for key, value in given.items() if value is not None}
    return CellFields.model_validate({**merged, "options": options})


class SheetArtefact(Frozen):
    """One table or figure of a paper, or, with a name that has no number (``table_toy``), one of our own.

    Where a plot's places on the x axis are measured too, ``x_row`` names the row that holds them.
    """

    kind: Kind
    title: str
    source: str
    panels: tuple[SheetPanel, ...] = ()
    x_axis: str = ""
    x_row: str | None = None
    y_axis: str = ""
    y_scale: Scale = "linear"
    notes: str = ""

    @model_validator(mode="before")
    @classmethod
    def _single_panel(cls, data: object) -> object:
        if not isinstance(data, dict) or "panels" in data:
            return data
        inner = {key: data[key] for key in ("rows", "columns", "except") if key in data}
        rest = {key: value for key, value in data.items() if key not in inner}
        return {**rest, "panels": [inner]} if inner else rest

    @model_validator(mode="after")
    def _measured_places(self) -> Self:
        rows = {row.name for panel in self.panels for row in panel.rows}
        if self.x_row is not None and self.x_row not in rows:
            raise ValueError(f"x_row: there is no row {self.x_row!r}; rows: {', '.join(sorted(rows))}")
        return self


class Sheet(Frozen):
    """All artefacts of one paper, with the recipes and evaluations that they use.

    The paper is named by its folder; ``name`` is what people call it, ``order`` its place among the papers.
    """

    order: int
    name: str
    title: str
    recipes: dict[str, Recipe] = {}
    evaluations: dict[str, Evaluation] = {}
    searches: dict[str, Search] = {}
    artefacts: dict[str, SheetArtefact]
