"""The artefacts and cells of a folder of results: a profile's own, or a publication."""

from __future__ import annotations

from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import read_model
from repro.core.named import named
from repro.core.paths import Layout
from repro.jobs.publication import cells_in
from repro.judge.artefacts import Artefact, read_artefacts
from repro.judge.cells import Cell, read_cells, select

PUBLISHED = "published"


def results_called(name: str, results: Path, artefact_id: str | None = None) -> Layout:
    """Return the results that a person means: a profile's, a publication's, or any folder of either.

    Args:
        name: ``smoke``, ``gat-cpu-amd-epyc`` or a path.
        results: the results folder, whose subfolder ``published`` holds the publications.
        artefact_id: what is to be read of them; a profile that has drawn this alone will do then.

    Raises:
        ReproError: there are none.
    """
    wanted = ["cells.csv"] + ([f"cells/{artefact_id}.csv"] if artefact_id else [])
    folders = [path for below in (PUBLISHED, "") for path in sorted((results / below).glob("*"))]
    found = {path.name: path for path in folders if any((path / each).is_file() for each in wanted)}
    folder = Path(name)
    if not any((folder / each).is_file() for each in wanted):
        folder = found[named("folder of results with cells", name, found, where=results)]
    folder = folder.resolve()
    return Layout(folder.parent, folder.name)


def cells_of(layout: Layout, artefact_id: str) -> list[Cell]:
    """Return the cells of one artefact, of a profile (even if drawn alone) or a publication."""
    drawn = layout.entry(artefact_id).with_suffix(".csv")
    if drawn.is_file():
        return read_cells(drawn)
    return select(cells_in(layout), *artefact_id.split("/"))


def read_entry(layout: Layout, artefact_id: str) -> Artefact:
    """Return what was drawn of an artefact, as the job that drew it described it."""
    path = layout.entry(artefact_id)
    return read_model(
        path, Artefact, remedy=f"draw it anew: repro draw {artefact_id} --profile {layout.profile}"
    )


def read_drawn(layout: Layout, artefact_id: str) -> tuple[Artefact, list[Cell]]:
    """Return an artefact and its cells, of a profile or of a publication.

    Raises:
        ReproError: it was not drawn there.
    """
    if layout.entry(artefact_id).is_file():
        return read_entry(layout, artefact_id), cells_of(layout, artefact_id)
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
    return found[artefact_id], cells_of(layout, artefact_id)
