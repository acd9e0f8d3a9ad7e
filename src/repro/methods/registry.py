"""Methods by name: ``methods/<name>.py`` with a module attribute ``METHOD``. Listing needs no torch."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from repro.core.errors import ReproError

if TYPE_CHECKING:
    from repro.methods.base import Method, MethodOptions

_DECLARATION = re.compile(r"^METHOD\b", re.MULTILINE)
_JOINABLE = re.compile(r"^SEEDS_JOIN = True$", re.MULTILINE)


@cache
def method_names() -> tuple[str, ...]:
    """Return the names of all methods, sorted; reads the files and imports none of them."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple(file.stem for file in files if _DECLARATION.search(file.read_text(encoding="utf-8")))


@cache
def joinable_names() -> tuple[str, ...]:
    """Return the methods whose seeds can be trained as one batch of models (``SEEDS_JOIN = True``)."""
    folder = Path(__file__).parent
    return tuple(
        name
        for name in method_names()
        if _JOINABLE.search((folder / f"{name}.py").read_text(encoding="utf-8"))
    )


def load_method(name: str) -> type[Method]:
    """Return the method class called ``name``.

    Raises:
        ReproError: there is no such method; lists those that exist.
    """
    if name not in method_names():
        raise ReproError(
            f"there is no method {name!r}",
            remedy=f"use one of {', '.join(method_names())}, or add src/repro/methods/{name}.py",
        )
    method: type[Method] = importlib.import_module(f"repro.methods.{name}").METHOD
    return method


def validate_options(name: str, options: Mapping[str, object]) -> MethodOptions:
    """Return ``options`` as the method's options value, defaults filled in.

    Raises:
        ReproError: unknown method, unknown option or forbidden value.
    """
    from repro.methods.base import parse_options

    return parse_options(name, load_method(name).Options, options)
