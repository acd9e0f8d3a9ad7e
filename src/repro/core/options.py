"""Options that say beside which others they have an effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import model_validator

from repro.core.spec import Frozen, Scalar

Beside = Mapping[str, tuple[str, tuple[Scalar, ...]]]


class EffectiveOptions(Frozen):
    """Base of the options of methods and of measurements. A class adds to what its bases say of theirs.

    Attributes:
        effective_with: options that have an effect only where another has one of some values: that other one
            and these values. Elsewhere anything but their default is refused.
        no_effect_at: the same by the values at which there is none.
    """

    effective_with: ClassVar[Beside] = {}
    no_effect_at: ClassVar[Beside] = {}

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        for kind in type(self).__mro__:
            for option, (other, values) in vars(kind).get("effective_with", {}).items():
                if getattr(self, other) not in values:
                    self._must_be_default(option, other, f", but at {' or '.join(map(str, values))}")
            for option, (other, values) in vars(kind).get("no_effect_at", {}).items():
                if getattr(self, other) in values:
                    self._must_be_default(option, other)
        return self

    def _must_be_default(self, option: str, other: str, but: str = "") -> None:
        given, at = getattr(self, option), getattr(self, other)
        if given != type(self).model_fields[option].default:
            raise ValueError(f"{option}: {given} has no effect at {other}: {at}{but}")
