"""The published results together: an index in Markdown, and a site that a browser opens from a clone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_text
from repro.core.folders import replacing_folder
from repro.core.paths import Layout
from repro.draw.tables import one_line, pipes
from repro.jobs.publication import RUNS
from repro.site.attachments import Shelf
from repro.site.html import make_environment, write_page, write_report
from repro.site.manifest import Command, require_written, write_manifest
from repro.site.material import Material, Papers, RunPage, read_material
from repro.site.published.numbers import HEADINGS, Line, best, lines
from repro.site.published.paragraphs import Paragraph, paragraphs
from repro.site.published.verdicts import HEADINGS as OF_CLAIMS
from repro.site.published.verdicts import pooled, verdict_lines

COMMAND: Command = "repro report"
INDEX = "README.md"
SITE = "site"


@dataclass(frozen=True)
class Publication:
    """One published folder: a profile on a device."""

    name: str
    layout: Layout
    material: Material


@dataclass(frozen=True)
class Shown:
    """What index and front page show of a publication: lines of their tables, and its paragraphs.

    Attributes:
        name: its folder's.
        material: all of it.
        decided, undecided: claims with an answer and without, by their ids.
        compared, others: numbers that are compared with the printed ones, and those that cannot be.
        paragraphs: one for each artefact.
    """

    name: str
    material: Material
    decided: dict[str, tuple[str, ...]]
    undecided: dict[str, tuple[str, ...]]
    compared: list[Line]
    others: list[Line]
    paragraphs: list[Paragraph]


def write_published(folder: Path, papers: Papers) -> Path:
    """Write the index of all publications in ``folder`` and the site that shows them; return its index.html.

    The site links the files of each publication where they lie.

    Args:
        folder: ``results/published``, which holds one folder per publication.
        papers: what the papers' folders say.

    Raises:
        ReproError: nothing is published there, or a file is damaged.
    """
    found = read_publications(folder, papers)
    with replacing_folder(folder / SITE, partial(require_written, command=COMMAND)) as fresh:
        for each in found:
            shelf = Shelf(fresh / each.name, linked_from=folder / SITE / each.name)
            with _restorable(each.name):
                write_report(each.layout, papers, shelf, each.material)
        environment = make_environment(found[0].material)
        tables = {"of_claims": OF_CLAIMS, "headings": HEADINGS, "shown": _shown(found)}
        write_page(environment, "style.css", fresh / "style.css")
        write_page(environment, "published.html", fresh / "index.html", top="", **tables)
        index = environment.get_template("published.md").render(pipes=pipes, one_line=one_line, **tables)
        write_manifest(fresh, COMMAND, "published")
    atomic_write_text(folder / INDEX, index)
    return folder / SITE / "index.html"


def _shown(publications: Sequence[Publication]) -> list[Shown]:
    of = {each.name: each.material for each in publications}
    numbers = best({name: lines(material) for name, material in of.items()})
    return [
        Shown(
            name,
            of[name],
            decided=verdict_lines(of[name], decided=True),
            undecided=verdict_lines(of[name], decided=False),
            compared=[line for line in found if line.judged],
            others=[line for line in found if not line.judged],
            paragraphs=paragraphs(of[name]),
        )
        for name, found in numbers.items()
    ]


def read_publications(folder: Path, papers: Papers) -> list[Publication]:
    """Return every publication of a folder, by name; claims are corrected over all of them.

    Raises:
        ReproError: there is none, or one of its files is damaged.
    """
    marks = (RUNS, "cells.csv")
    names = {path.parent.name for mark in marks for path in folder.glob(f"*/{mark}")}
    layouts = [Layout(folder, name) for name in sorted(names)]
    if not layouts:
        raise ReproError(
            "nothing is published here", remedy="publish a finished profile: repro publish", where=folder
        )
    found = []
    for layout in layouts:
        with _restorable(layout.profile):
            if not (layout.root / RUNS).is_file():
                raise ReproError("it is missing", remedy="", where=layout.root / RUNS)
            material = read_material(layout, papers)
        found.append(Publication(layout.profile, layout, replace(material, runs=_used(material.runs))))
    corrected = pooled({each.name: each.material for each in found}, papers.rules.level)
    return [replace(each, material=corrected[each.name]) for each in found]


@contextmanager
def _restorable(name: str) -> Iterator[None]:
    """Advise for a file of a publication, which no command makes alone, what does help."""
    try:
        yield
    except ReproError as error:
        remedy = (
            f"restore the folder {name}, and those of its papers, from git, or publish its profile once more"
        )
        raise ReproError(error.message, where=error.where, line=error.line, remedy=remedy) from error


def _used(runs: Mapping[str, RunPage]) -> dict[str, RunPage]:
    """Return the runs behind numbers, and those whose features, gradients or weights they took."""
    used = {run_id for run_id, run in runs.items() if run.cells}
    specs = [result["spec"] for run_id in used for result in runs[run_id].evaluations.values()]
    used.update(spec[name] for spec in specs for name in ("extractor", "surrogate") if spec.get(name) in runs)
    waiting = list(used)
    while waiting:  # what they started from
        parent = runs[waiting.pop()].record["spec"].get("parent")
        if parent in runs and parent not in used:
            used.add(parent)
            waiting.append(parent)
    return {run_id: run for run_id, run in runs.items() if run_id in used}
