"""artefacts.json: what each table and figure of a profile shows, as the composing step wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from repro.core.cell_key import CellKey
from repro.core.errors import ReproError
from repro.core.files import read_model
from repro.core.spec import Frozen, stand_ins_in_order
from repro.judge.cells import Cell, is_setting, select

Kind = Literal["table", "plot", "samples", "drawing", "settings"]
_NUMBER = re.compile(r"(?<![\w.+-])[-+]?\d*\.?\d+(?:e[-+]?\d+)?")  # no part of a name as CIFAR-10 or ResNet18


class _Described(Frozen, extra="ignore"):
    """What a publication says with fields of a former version too."""


class Panel(_Described):
    """One panel: its rows and columns in the order in which they are shown.

    An artefact without panels has one, unnamed. Axes of its own go before the artefact's.
    """

    name: str = ""
    x_axis: str | None = None
    y_axis: str | None = None
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def positions(self) -> tuple[float, ...] | None:
        """Return the columns' x positions, or None where the columns are categories.

        A column whose name holds exactly one number ("0.02", "eps = 0.5") lies at that number.
        """
        numbers = [_NUMBER.findall(column) for column in self.columns]
        if not numbers or any(len(found) != 1 for found in numbers):
            return None
        words = {re.sub(_NUMBER, "", column) for column in self.columns}
        values = tuple(float(found[0]) for found in numbers)
        return values if len(words) == 1 and len(set(values)) == len(values) else None


class Picture(Frozen):
    """One picture of a samples artefact; ``path`` is relative to the profile's folder, None while pending."""

    row: str
    column: str
    path: str | None = None


class Other(Frozen):
    """A number that someone else than the paper publishes for the same cell; no verdict rests on it."""

    source: str = Field(min_length=1)
    row: str
    column: str
    metric: str
    value: float = Field(allow_inf_nan=False)
    std: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class Behind(_Described):
    """What a cell's number is: the value called ``value`` of these evaluations, subtracted ones last.

    ``numbers`` are those of the seeds that did not diverge, in the order of the cell's runs.
    """

    value: str = ""
    evaluations: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()


class Artefact(_Described):
    """One table or figure of a paper; ``pending`` says why cells of it are not run.

    The row ``x_row``, if any, holds the measured places of a plot's columns on the x axis. ``images`` names
    each measurement that looks at a limited number of images, with that number; ``behind`` is of each cell,
    in their order (empty in publications from before there was such a list).
    """

    paper: str
    name: str
    kind: Kind
    title: str
    source: str = ""
    notes: str | None = None
    x_axis: str | None = None
    x_row: str | None = None
    y_axis: str | None = None
    y_scale: Literal["linear", "log"] = "linear"
    panels: tuple[Panel, ...] = ()
    pictures: tuple[Picture, ...] = ()
    others: tuple[Other, ...] = ()
    threat_models: tuple[str, ...] = ()
    images: tuple[tuple[str, int], ...] = ()
    pending: tuple[str, ...] = ()
    behind: tuple[Behind, ...] = ()

    @property
    def id(self) -> str:
        """E.g. ``dat/table3``."""
        return f"{self.paper}/{self.name}"

    @property
    def short_source(self) -> str:
        """E.g. ``Table II``; of an artefact of our own its name."""
        return self.name if self.source.startswith("not in") else self.source.partition(",")[0] or self.name

    @property
    def sample(self) -> str:
        """E.g. ``images: auto_attack 64, robust_accuracy 500``; empty where nothing is measured on a part."""
        return f"images: {', '.join(f'{name} {n:,}' for name, n in self.images)}" if self.images else ""


class Artefacts(Frozen):
    """All artefacts of one profile."""

    profile: str
    stand_ins: tuple[str, ...] = ()
    artefacts: tuple[Artefact, ...] = ()

    @property
    def stamp(self) -> str:
        """One line that says under which profile and with which stand-ins everything here was made."""
        return stamp(self.profile, self.stand_ins)


def listed_behind(artefact: Artefact, cells: Sequence[Cell]) -> dict[CellKey, Behind]:
    """Return what is behind each cell of an artefact, by its key; nothing where the artefact has no list.

    Raises:
        ReproError: the list is not of these cells.
    """
    if not artefact.behind:
        return {}
    own = select(cells, artefact.paper, artefact.name)
    if len(own) != len(artefact.behind):
        raise ReproError(
            f"{artefact.id} has {len(own)} cells in cells.csv and {len(artefact.behind)} in artefacts.json",
            remedy="write both anew: repro cells",
        )
    return {cell.key: each for cell, each in zip(own, artefact.behind, strict=True)}


def numbers_by_seed(artefacts: Iterable[Artefact], cells: Sequence[Cell]) -> dict[CellKey, tuple[float, ...]]:
    """Return the seeds' numbers behind each measured cell, by its key, where its artefact lists them."""
    listed = (each for artefact in artefacts for each in listed_behind(artefact, cells).items())
    return {key: behind.numbers for key, behind in listed if behind.numbers}


def stamp(profile: str, stand_ins: tuple[str, ...]) -> str:
    """Return e.g. "smoke profile · synthetic_data + reduced_budget"."""
    return f"{profile} profile · " + (" + ".join(stand_ins) if stand_ins else "no stand-ins")


def stamp_of(profile: str, cells: Iterable[Cell], kind: Kind | None = None) -> str:
    """Return the stamp of what is made from ``cells``: stand-ins, number formats (beside float32), seeds.

    Settings, and so an artefact of that ``kind``, have no seeds.
    """
    measured = [cell for cell in cells if cell.measured is not None or cell.diverged]
    if not measured:
        return f"{profile} profile · pending"
    line = stamp(profile, stand_ins_in_order(name for cell in measured for name in cell.stand_ins))
    of_runs = [] if kind == "settings" else [cell for cell in measured if not is_setting(cell.metric)]
    seeds = [cell.n_seeds for cell in of_runs if cell.n_seeds]
    span = " to ".join(dict.fromkeys([str(min(seeds)), str(max(seeds))])) if seeds else ""
    return with_formats(line, measured) + (f" · seeds: {span}" if span else "")


def with_formats(line: str, cells: Iterable[Cell]) -> str:
    """Return a stamp with the number formats that ``cells`` were trained in, if not in float32 alone."""
    formats = sorted({name for cell in cells for name in cell.precision})
    return line if formats in ([], ["float32"]) else f"{line} · {' + '.join(formats)}"


def read_artefacts(path: Path) -> Artefacts:
    """Return the artefacts of ``path``.

    Raises:
        ReproError: the file is missing, is no JSON, or does not have the fields above.
    """
    profile = path.absolute().parent.name
    remedy = f"compose the cells first: snakemake --cores all figures/ --config profile={profile}"
    return read_model(path, Artefacts, remedy=f"delete it and {remedy}" if path.is_file() else remedy)
