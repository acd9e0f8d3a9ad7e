"""Entries of a paper's files (claims, audit, ledger): lists whose items have an id, ``<paper>.<name>``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, PrivateAttr

from repro.core.errors import ReproError
from repro.core.spec import Frozen
from repro.core.yaml_model import load_model, require_unique


def _of_a_sheet(name: str) -> str:
    paper, _, own = name.partition("/")
    if not paper or not own or "/" in own:
        raise ValueError("an artefact or a search is written paper/name, e.g. dat/table2")
    return name


OfSheet = Annotated[str, AfterValidator(_of_a_sheet)]
"""An artefact or a search: the paper whose sheet declares it, and its name there."""


class Entry(Frozen):
    """One entry; before its id's dot stands the paper (in the ledger of no paper, the subject)."""

    id: str = Field(pattern=r"^[a-z][a-z0-9]*\.[a-z0-9_]+$")

    _place: tuple[Path, int] | None = PrivateAttr(default=None)

    @property
    def paper(self) -> str:
        """Name of the paper's folder, e.g. ``dat``."""
        return self.id.partition(".")[0]

    def error(self, message: str, remedy: str) -> ReproError:
        """Return an error about this entry, with file and line where it was read from a file."""
        where, line = self._place or (None, None)
        return ReproError(message, remedy=remedy, where=where, line=line)


Kind = TypeVar("Kind", bound=Entry)


def read_entries(path: Path, kind: type[Kind], paper: str | None) -> list[Kind]:
    """Return the entries of a file, in its order.

    Args:
        path: a YAML list, which may be empty.
        kind: what each of its items is.
        paper: whose file it is; None for one that belongs to no paper.

    Raises:
        ReproError: the file is missing, is no YAML, does not fit the schema, or gives an id twice or one of
            another paper.
    """
    schema: type[list[Kind]] = list[kind]  # type: ignore[valid-type]
    entries, line_of = load_model(path, schema)
    require_unique([entry.id for entry in entries], path, line_of, what="id")
    for index, entry in enumerate(entries):
        entry._place = (path, line_of((index,)))
        if paper not in (None, entry.paper):
            name = entry.id.partition(".")[2]
            raise entry.error(
                f"the id {entry.id!r} is not of this file's paper",
                f"write `id: {paper}.{name}`, or move the entry to the paper's own folder",
            )
    return entries
