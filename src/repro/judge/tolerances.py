"""How far a measured mean may lie from a printed number: declared per metric, before any run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from repro.core.spec import Frozen

_SUFFIXES = ("_train", "_test", "_gain")


class Tolerance(Frozen):
    """Either ``absolute`` (in the metric's unit) or ``relative`` (a share of the reported number).

    A plain number in a file is the absolute one.
    """

    absolute: float | None = Field(default=None, ge=0)
    relative: float | None = Field(default=None, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _plain_number(cls, value: Any) -> Any:
        return {"absolute": value} if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _one_of_both(self) -> Tolerance:
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("give either `absolute` or `relative`")
        return self

    def around(self, reported: float) -> float:
        """Return the tolerance around ``reported`` in the metric's unit."""
        if self.absolute is not None:
            return self.absolute
        return abs(reported) * (self.relative or 0.0)


def tolerance_around(metric: str, reported: float | None, declared: Mapping[str, Tolerance]) -> float | None:
    """Return the declared tolerance of ``metric`` around ``reported``, or None where none is declared.

    A metric without an entry of its own takes that of its family: ``fid_train`` that of ``fid``,
    ``accuracy_gain`` that of ``accuracy``.
    """
    if reported is None:
        return None
    name = metric
    for suffix in _SUFFIXES:
        if name not in declared:
            name = name.removesuffix(suffix)
    return declared[name].around(reported) if name in declared else None
