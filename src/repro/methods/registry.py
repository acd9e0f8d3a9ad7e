"""Methods by name: ``methods/<name>.py`` with a module attribute ``METHOD``. Listing needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from repro.core.by_name import declaring, load_module, said

if TYPE_CHECKING:
    from repro.methods.base import Method
    from repro.methods.options import MethodOptions

_PACKAGE, _DECLARATION = "repro.methods", r"METHOD\b"
_JOINABLE = r"SEEDS_JOIN = True$"
_SPLIT = r'TRAIN_SPLIT = "(\w+)"'


def method_names() -> tuple[str, ...]:
    """Return the names of all methods, sorted."""
    return declaring(_PACKAGE, _DECLARATION)


def joinable_names() -> tuple[str, ...]:
    """Return the methods whose seeds can be trained as one batch of models (``SEEDS_JOIN = True``)."""
    return declaring(_PACKAGE, _JOINABLE)


def train_split(name: str, options: Mapping[str, object]) -> str:
    """Return the split that a method with these options trains on; whoever plans or trains asks here.

    The option ``train_split`` says so; without it a line ``TRAIN_SPLIT = "..."`` in the file of the network
    that the options name, without a network in the method's own file; without such a line it is ``train``.
    """
    if options.get("train_split") is not None:
        return str(options["train_split"])
    network = options.get("network")
    if network is not None:
        return said("repro.models", str(network), _SPLIT) or "train"
    return said(_PACKAGE, name, _SPLIT) or "train"


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
    from repro.methods.options import read_options  # load_method pays for torch, listing does not

    return read_options(name, load_method(name).Options, options)
