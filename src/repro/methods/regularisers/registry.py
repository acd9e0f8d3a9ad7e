"""Regularisers by file name: ``regularisers/<name>.py`` with a module attribute ``REGULARISER``."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import torch

from repro.core.by_name import declaring, load_module, parse_options
from repro.methods.losses import AdversarialLoss
from repro.methods.regularisers.base import Regulariser, RegulariserOptions

NONE = "none"
_PACKAGE, _DECLARATION = "repro.methods.regularisers", r"REGULARISER\b"


def regulariser_names() -> tuple[str, ...]:
    """Return the names of all regularisers, sorted."""
    return declaring(_PACKAGE, _DECLARATION)


def parse_regulariser(
    name: str, options: Mapping[str, object]
) -> tuple[type[Regulariser], RegulariserOptions] | None:
    """Return the regulariser's class and its options with defaults filled in; None for ``none``.

    Raises:
        ReproError: no such regulariser, an unknown option or a forbidden value; says what there is.
        ValueError: options without a regulariser, or a class that is none.
    """
    if name == NONE:
        if options:
            raise ValueError(f"options {', '.join(options)} given without a regulariser")
        return None
    kind: type[Regulariser] = load_module(_PACKAGE, _DECLARATION, "regulariser", name).REGULARISER
    _check_hooks(name, kind)
    return kind, parse_options("regulariser", name, kind.Options, options)


def _check_hooks(name: str, kind: type[Regulariser]) -> None:
    """Check that a class has all that is asked of a regulariser, and nothing that is nearly called so.

    Raises:
        ValueError: a method is missing or misspelt.
    """
    hooks = [hook for hook in vars(Regulariser) if not hook.startswith("_")]
    for own in (each for each in vars(kind) if not each.startswith("_") and each not in hooks):
        meant = get_close_matches(own, hooks, n=1, cutoff=0.8)
        if meant and callable(getattr(kind, own)) and meant[0] not in vars(kind):
            raise ValueError(f"{name}.{own}: nothing calls it; did you mean {meant[0]}?")
    if kind.__abstractmethods__:
        raise ValueError(f"{name} lacks {', '.join(sorted(kind.__abstractmethods__))}")


def make_regulariser(
    name: str, options: Mapping[str, object], noise: torch.Generator, loss: AdversarialLoss | None = None
) -> Regulariser | None:
    """Return the regulariser called ``name``, or None for ``none``; errors as ``parse_regulariser``."""
    parsed = parse_regulariser(name, options)
    return None if parsed is None else parsed[0](parsed[1], noise, loss)
