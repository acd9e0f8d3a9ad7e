"""What the audit can compute from printed numbers: named operations, written as YAML, never run as code."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator

from repro.core.errors import ReproError
from repro.core.spec import Frozen
from repro.judge.entries import OfSheet
from repro.judge.reported import Place, Printed, Reported

Number = Annotated[Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, float) else value)]
"""A number taken as it is typed: 0.1 stays one tenth."""


CellName = tuple[OfSheet, str, str, str]
"""``[paper/artefact, row, column, metric]``, worded as in reported.csv."""


class Selection(Frozen):
    """Several printed cells: those of ``artefacts`` whose row, column and metric are listed (None: any)."""

    artefacts: tuple[OfSheet, ...]
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None
    without_rows: tuple[str, ...] = ()

    def among(self, reported: Reported) -> dict[Place, Printed]:
        """Return the selected cells.

        Raises:
            ReproError: a name selects nothing (a misspelling would otherwise pass as an empty table).
        """
        for name, index in [("rows", 2), ("columns", 3), ("metrics", 4), ("without_rows", 2)]:
            of_artefacts = {p[index] for p in reported if f"{p.paper}/{p.artefact}" in self.artefacts}
            for word in getattr(self, name) or ():
                if word not in of_artefacts:
                    raise _unknown(f"{name}: {word}", self.artefacts)
        chosen = {place: printed for place, printed in reported.items() if self._takes(place)}
        if not chosen:
            raise _unknown("any cell", self.artefacts)
        return chosen

    def _takes(self, place: Place) -> bool:
        return (
            f"{place.paper}/{place.artefact}" in self.artefacts
            and (self.rows is None or place.row in self.rows)
            and (self.columns is None or place.column in self.columns)
            and (self.metrics is None or place.metric in self.metrics)
            and place.row not in self.without_rows
        )


class Exceptions(Frozen):
    """How many cells of ``left`` are not ``relation`` than ``right``'s of the same column and metric.

    Where ``right`` selects several rows, each of them is compared.
    """

    left: Selection
    relation: Literal["greater", "less", "equal"]
    right: Selection

    def count(self, reported: Reported) -> int:
        """Return the number of pairs that break the relation.

        Raises:
            ReproError: nothing can be compared.
        """
        left, right = self.left.among(reported), self.right.among(reported)
        pairs = [
            (mine.value, other.value)
            for place, mine in left.items()
            for their, other in right.items()
            if (place.column, place.metric) == (their.column, their.metric)
        ]
        if not pairs:
            raise _unknown("a common column and metric", (*self.left.artefacts, *self.right.artefacts))
        holds = {"greater": operator.gt, "less": operator.lt, "equal": operator.eq}[self.relation]
        return sum(not holds(a, b) for a, b in pairs)


class Nearest(Frozen):
    """The printed number among ``cells`` that lies nearest to ``to``: is the text's number in the table?"""

    to: Number
    cells: Selection


class Expression(Frozen):
    """One operation; a bare number in YAML stands for itself.

    Fields: ``cell`` (a printed number), ``std`` (its printed deviation), ``difference`` [a, b] = a - b,
    ``sum``, ``product``, ``quotient`` [a, b] = a / b, ``percent_less`` [from, to] = 100 (from - to) / from,
    ``least``, ``most`` and ``mean`` of a selection, ``columns_of`` (how many columns it spans),
    ``exceptions``, ``nearest``.
    """

    number: Number | None = None
    cell: CellName | None = None
    std: CellName | None = None
    difference: tuple[Expression, Expression] | None = None
    quotient: tuple[Expression, Expression] | None = None
    percent_less: tuple[Expression, Expression] | None = None
    sum: tuple[Expression, ...] | None = None
    product: tuple[Expression, ...] | None = None
    least: Selection | None = None
    most: Selection | None = None
    mean: Selection | None = None
    columns_of: Selection | None = None
    exceptions: Exceptions | None = None
    nearest: Nearest | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_number(cls, value: Any) -> Any:
        return {"number": value} if isinstance(value, int | float | Decimal) else value

    @model_validator(mode="after")
    def _one_operation(self) -> Expression:
        if len(self.model_fields_set) != 1 or getattr(self, next(iter(self.model_fields_set))) is None:
            given = ", ".join(sorted(self.model_fields_set)) or "none"
            raise ValueError(f"give exactly one operation, not {given}")
        return self

    def value(self, reported: Reported) -> Decimal | None:
        """Return the result, or None where a printed deviation was asked for and the paper prints none.

        Raises:
            ReproError: a cell is not in ``reported``, or a division by zero.
        """
        (operation,) = self.model_fields_set
        if self.number is not None:
            return self.number
        if self.cell is not None:
            return _printed(self.cell, reported).value
        if self.std is not None:
            return _printed(self.std, reported).std
        if self.columns_of is not None:
            return Decimal(len({place.column for place in self.columns_of.among(reported)}))
        if self.exceptions is not None:
            return Decimal(self.exceptions.count(reported))
        if self.nearest is not None:
            target = self.nearest.to
            return min(_values(self.nearest.cells, reported), key=lambda value: abs(value - target))
        chosen = self.least or self.most or self.mean
        if chosen is not None:
            values = list(_values(chosen, reported))
            if operation == "mean":
                return sum(values, Decimal(0)) / len(values)
            return min(values) if operation == "least" else max(values)
        parts = [part.value(reported) for part in getattr(self, operation)]
        known = [part for part in parts if part is not None]
        return _combine(operation, known) if len(known) == len(parts) else None


def _combine(operation: str, parts: list[Decimal]) -> Decimal:
    if operation == "sum":
        return sum(parts, Decimal(0))
    if operation == "product":
        result = Decimal(1)
        for part in parts:
            result *= part
        return result
    first, second = parts
    if operation == "difference":
        return first - second
    divisor = second if operation == "quotient" else first
    if divisor == 0:
        raise ReproError("An audit entry divides by zero.", remedy="Correct its expression.")
    return first / second if operation == "quotient" else 100 * (first - second) / first


def _values(selection: Selection, reported: Reported) -> Iterator[Decimal]:
    return (printed.value for printed in selection.among(reported).values())


def _printed(name: CellName, reported: Reported) -> Printed:
    paper, artefact = name[0].split("/")
    try:
        return reported[Place(paper, artefact, *name[1:])]
    except KeyError:
        raise _unknown(" | ".join(name[1:]), (name[0],)) from None


def _unknown(what: str, artefacts: tuple[str, ...]) -> ReproError:
    return ReproError(
        f"No printed number matches {what} in {', '.join(artefacts)}.",
        remedy="Use the wording of its reported.csv, or write `compute: null` for what no table prints.",
    )
