"""Methods by name: ``methods/<name>.py`` with a module attribute ``METHOD``. Listing needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from repro.core.by_name import declaring, load_module, parse_options

if TYPE_CHECKING:
    from repro.methods.base import Method, MethodOptions

_PACKAGE, _DECLARATION = "repro.methods", r"METHOD\b"
_JOINABLE = r"SEEDS_JOIN = True$"


def method_names() -> tuple[str, ...]:
    """Return the names of all methods, sorted."""
    return declaring(_PACKAGE, _DECLARATION)


def joinable_names() -> tuple[str, ...]:
    """Return the methods whose seeds can be trained as one batch of models (``SEEDS_JOIN = True``)."""
    return declaring(_PACKAGE, _JOINABLE)


def load_method(name: str) -> type[Method]:
    """Return the method class called ``name``.

    Raises:
        ReproError: there is no such method; lists those that exist.
    """
    method: type[Method] = load_module(_PACKAGE, _DECLARATION, "method", name).METHOD
    return method


def validate_options(name: str, options: Mapping[str, object]) -> MethodOptions:
    """Return ``options`` as the method's options value, defaults filled in.

    Raises:
        ReproError: unknown method, unknown option or forbidden value.
    """
    return parse_options("method", name, load_method(name).Options, options)
