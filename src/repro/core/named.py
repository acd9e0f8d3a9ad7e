"""Finds what a person names among what there is; for a name that is not there, the nearest is the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from repro.core.errors import ReproError


def named(what: str, name: str, known: Iterable[str], *, where: Path | None = None, more: str = "") -> str:
    """Return the one of ``known`` that ``name`` means: itself, or ``paper/name`` written with ``_`` or ``.``.

    Args:
        what: of what it is one, for the error.
        name: as typed.
        known: all that there are.
        where: the file or folder that would have it.
        more: ends the remedy.

    Raises:
        ReproError: there is no such one.
    """
    listed = list(known)
    if name in listed:
        return name
    found = {each.replace("/", mark): each for mark in "._/" for each in listed}
    if name in found:
        return found[name]
    near = get_close_matches(name, found, n=1)
    meant = f"did you mean {found[near[0]]}? " if near else ""
    remedy = f"{meant}choose one of {', '.join(listed) or 'none'}{more}"
    raise ReproError(f"there is no {what} {name!r}", remedy=remedy, where=where)
