"""The artefacts and cells of a folder of results: a profile's own, or a publication."""

from __future__ import annotations

from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import read_model
from repro.core.named import named
from repro.core.paths import Layout
from repro.judge.artefacts import Artefact, read_artefacts
from repro.judge.cells import Cell, read_cells, select

PUBLISHED = "published"


def results_called(name: str, results: Path) -> Layout:
    """Return the results that a person means: a profile's, a publication's, or any folder of either.

    Args:
        name: ``smoke``, ``gat-cpu-amd-epyc`` or a path.
        results: the results folder, whose subfolder ``published`` holds the publications.

    Raises:
        ReproError: there are none.
    """
    found = {path.parent.name: path.parent for path in sorted(results.glob(f"{PUBLISHED}/*/cells.csv"))}
    found |= {path.parent.name: path.parent for path in sorted(results.glob("*/cells.csv"))}
    folder = Path(name)
    if not (folder / "cells.csv").is_file():
        folder = found[named("folder of results with cells", name, found, where=results)]
    folder = folder.resolve()
    return Layout(folder.parent, folder.name)


def read_entry(layout: Layout, artefact_id: str) -> Artefact:
    """Return what was drawn of an artefact, as the job that drew it described it."""
    path = layout.entry(artefact_id)
    return read_model(path, Artefact, remedy=f"draw it anew: repro draw {artefact_id}")


def read_drawn(layout: Layout, artefact_id: str) -> tuple[Artefact, list[Cell]]:
    """Return an artefact and its cells, of a profile or of a publication.

    Raises:
        ReproError: it was not drawn there.
    """
    if layout.entry(artefact_id).is_file():
        return read_entry(layout, artefact_id), read_cells(layout.entry(artefact_id).with_suffix(".csv"))
    listed = layout.root / "artefacts.json"
    found = {each.id: each for each in read_artefacts(listed).artefacts} if listed.is_file() else {}
    if artefact_id not in found:
        if layout.root.parent.name == PUBLISHED:  # nobody draws into a publication
            named("artefact in this publication", artefact_id, found, where=layout.root)
        raise ReproError(
            f"{artefact_id} has not been drawn",
            where=layout.root,
            remedy=f"draw it, if profile {layout.profile} has it: snakemake --cores all "
            f"{artefact_id.replace('/', '_')} --config profile={layout.profile}",
        )
    paper, _, name = artefact_id.partition("/")
    return found[artefact_id], select(read_cells(layout.cells), paper, name)
