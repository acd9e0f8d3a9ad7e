"""Measurements by name: ``evaluate/<name>.py`` with a function ``measure`` is one. Listing needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from repro.core.by_name import declaring, load_module, parse_options, said
from repro.core.options import EffectiveOptions
from repro.core.spec import EvaluationSpec

Values = dict[str, float]
SPLITS = ("split", "gap_split", "reference_split")
"""Options that name what is read."""

_PACKAGE, _DECLARATION = "repro.evaluate", r"def measure\("


def _distinct(radii: tuple[float, ...]) -> tuple[float, ...]:
    if len({f"{radius:g}" for radius in radii}) < len(radii):
        raise ValueError("give each radius once: the numbers of two that read alike have one name")
    return radii


Distinct = AfterValidator(_distinct)
"""Of radii: no two of which read alike in the names of values, ``accuracy@0.1``."""
PositiveRadii = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1), Distinct]


class MeasureOptions(EffectiveOptions):
    """Base of every measurement's options."""

    def check(self, spec: EvaluationSpec) -> None:
        """Check, before anything runs, that ``spec`` asks for enough to measure with these options.

        Raises:
            ReproError: it does not.
        """

    def reads(self, spec: EvaluationSpec) -> list[tuple[str, int | None]]:
        """Return which splits the measurement reads, and of each at most how many images it wants itself.

        Those that the options in ``SPLITS`` name; what reads others says so here.
        """
        named = (getattr(self, name, None) for name in SPLITS)
        return [(split, None) for split in named if split is not None]

    def over_snapshots(self) -> bool:
        """Return whether the options ask for a run's snapshots."""
        return (
            bool(getattr(self, "over_training", False)) or getattr(self, "checkpoint", "") == "best_snapshot"
        )


class Needs(NamedTuple):
    """What a measurement's file says of it in lines of their own, for whoever plans and imports no torch.

    Attributes:
        run: a run; ``NEEDS_RUN = False`` says that a data set itself is measured.
        features: a feature extractor; ``FEATURES = True``.
        extractor: which one, whatever the profile says; ``EXTRACTOR = "dinov2-vit-l-14"``.
        samples: as many generated images as the profile says; ``SAMPLES = True``, or with features.
        snapshots: snapshots of the run; ``SNAPSHOTS = True``, or an option that asks for them.
        indirect: nothing, but can attack with another run's gradients (``EvaluationSpec.surrogate``);
            ``INDIRECT = True``.
        values: names of the numbers that it returns, up to any ``@``: ``VALUES = "is is_std"``; None where
            the file does not say, and then nothing is checked.
    """

    run: bool
    features: bool
    samples: bool
    snapshots: bool
    extractor: str | None
    indirect: bool
    values: tuple[str, ...] | None


@cache
def needs(name: str) -> Needs:
    """Return what the measurement called ``name`` needs; of an unknown one what most do."""
    run, features, samples, snapshots, indirect = (
        said(_PACKAGE, name, rf"{line} = (True|False)")
        for line in ("NEEDS_RUN", "FEATURES", "SAMPLES", "SNAPSHOTS", "INDIRECT")
    )
    values = said(_PACKAGE, name, r'VALUES = "([\w ]+)"')
    return Needs(
        run != "False",
        features == "True",
        "True" in (features, samples),
        snapshots == "True",
        said(_PACKAGE, name, r'EXTRACTOR = "([\w-]+)"'),
        indirect == "True",
        None if values is None else tuple(values.split()),
    )


def measurement_names() -> tuple[str, ...]:
    """Return the names of all measurements, sorted."""
    return declaring(_PACKAGE, _DECLARATION)


def load_measurement(name: str) -> ModuleType:
    """Return the module of the measurement called ``name``, with its ``Options`` and its ``measure``.

    Raises:
        ReproError: there is no such measurement; lists those that exist.
    """
    return load_module(_PACKAGE, _DECLARATION, "measurement", name)


def validate_options(name: str, options: Mapping[str, object]) -> MeasureOptions:
    """Return ``options`` as the measurement's options value, defaults filled in.

    Raises:
        ReproError: unknown measurement, unknown option or forbidden value.
    """
    kind: type[MeasureOptions] = load_measurement(name).Options
    return parse_options("measurement", name, kind, options)
