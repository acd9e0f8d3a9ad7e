"""Measurements by name: ``evaluate/<name>.py`` with a function ``measure`` is one. Listing needs no torch."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from repro.core.errors import ReproError

if TYPE_CHECKING:
    from repro.evaluate.context import Context
    from repro.evaluate.trained import Trained

Values = dict[str, float]

_DECLARATION = re.compile(r"^def measure\(", re.MULTILINE)


class MeasureOptions(BaseModel):
    """Base of every measurement's options: immutable, and an unknown option is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Measurement:
    """One measurement, loaded.

    Attributes:
        name: its file's name.
        Options: its options.
        measure: called with the trained method, the context and the options, returns named numbers.
        needs_run: False where the data alone is measured; ``trained`` is None then.
        indirect: it can attack with another run's gradients (``EvaluationSpec.surrogate``).
    """

    name: str
    Options: type[MeasureOptions]
    measure: Callable[[Trained | None, Context, Any], Values]
    needs_run: bool
    indirect: bool = False


@cache
def measurement_names() -> tuple[str, ...]:
    """Return the names of all measurements, sorted; reads the files and imports none of them."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple(file.stem for file in files if _DECLARATION.search(file.read_text(encoding="utf-8")))


def load_measurement(name: str) -> Measurement:
    """Return the measurement called ``name``.

    Raises:
        ReproError: there is no such measurement; lists those that exist.
    """
    if name not in measurement_names():
        raise ReproError(
            f"there is no measurement {name!r}",
            remedy=f"use one of {', '.join(measurement_names())}, or add src/repro/evaluate/{name}.py",
        )
    module = importlib.import_module(f"repro.evaluate.{name}")
    return Measurement(
        name,
        module.Options,
        module.measure,
        getattr(module, "NEEDS_RUN", True),
        getattr(module, "INDIRECT", False),
    )


def validate_options(name: str, options: Mapping[str, object]) -> MeasureOptions:
    """Return ``options`` as the measurement's options value, defaults filled in.

    Raises:
        ReproError: unknown measurement, unknown option or forbidden value.
    """
    kind = load_measurement(name).Options
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"]) or "options"
        if first["type"] == "extra_forbidden":
            message = f"measurement {name} has no option {option!r}"
        else:
            message = f"option {option!r} of measurement {name}: {first['msg']} (given: {first['input']!r})"
        known = ", ".join(kind.model_fields) or "none"
        raise ReproError(message, remedy=f"options of {name}: {known}") from error
