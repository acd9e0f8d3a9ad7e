"""The published results together: an index in Markdown, and a site that a browser opens from a clone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import atomic_write_text
from repro.core.folders import replacing_folder
from repro.core.paths import Layout
from repro.draw.numbers import STAND_IN_MEANINGS, measured_text, metric_label, with_std
from repro.draw.tables import one_line, pipes
from repro.judge.artefacts import Artefact
from repro.judge.cells import Cell, select
from repro.site.attachments import Shelf
from repro.site.html import make_environment, write_page, write_report
from repro.site.manifest import Command, require_written, write_manifest
from repro.site.material import Material, Papers, read_material

COMMAND: Command = "repro report"
INDEX = "README.md"
SITE = "site"
HEADINGS = ("Paper", "Measure", "Data", "Row", "Reported", "Measured", "Seeds", "By the paper's convention")


@dataclass(frozen=True)
class Publication:
    """One published folder: a profile on a device."""

    name: str
    layout: Layout
    material: Material


@dataclass(frozen=True)
class Paragraph:
    """What was run for an artefact, what that shows, and what it cannot show."""

    artefact: Artefact
    title: str
    run: str
    shows: str
    cannot: str


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
    atomic_write_text(folder / INDEX, index_text(found))
    with replacing_folder(folder / SITE, partial(require_written, command=COMMAND)) as fresh:
        for each in found:
            shelf = Shelf(fresh / each.name, linked_from=folder / SITE / each.name)
            write_report(each.layout, papers, shelf, each.material)
        environment, told = make_environment(found[0].material), {"headings": HEADINGS, "top": ""}
        write_page(environment, "style.css", fresh / "style.css")
        write_page(environment, "published.html", fresh / "index.html", shown=_shown(found), **told)
        write_manifest(fresh, COMMAND, "published")
    return folder / SITE / "index.html"


def _shown(
    publications: Sequence[Publication],
) -> list[tuple[Publication, list[tuple[str, ...]], list[Paragraph]]]:
    return [(each, lines(each.material), paragraphs(each.material)) for each in publications]


def read_publications(folder: Path, papers: Papers) -> list[Publication]:
    """Return every publication of a folder, by name.

    Raises:
        ReproError: there is none, or one of its files is damaged.
    """
    layouts = [Layout(folder, path.parent.name) for path in sorted(folder.glob("*/cells.csv"))]
    if not layouts:
        raise ReproError(
            "nothing is published here", remedy="publish a finished profile: repro publish", where=folder
        )
    found = []
    for layout in layouts:
        material = read_material(layout, papers)
        used = {run_id: run for run_id, run in material.runs.items() if run.cells}  # not those of searches
        found.append(Publication(layout.profile, layout, replace(material, runs=used)))
    return found


def index_text(publications: Sequence[Publication]) -> str:
    """Return the index: one table of reported against measured, and a paragraph an artefact."""
    shown = _shown(publications)
    template = make_environment(publications[0].material).get_template("published.md")
    return template.render(shown=shown, headings=HEADINGS, pipes=pipes, one_line=one_line)


def lines(material: Material) -> list[tuple[str, ...]]:
    """Return a line for each row and column of a table that the paper prints and that was measured.

    Of several metrics the one is shown of which most of the claims speak.
    """
    return [
        _line(material.named[artefact.paper].name, artefact, at_place)
        for artefact, cells in _tables(material)
        for at_place in _places(cells)
    ]


def _tables(material: Material) -> list[tuple[Artefact, list[Cell]]]:
    """Return each table with the cells of its foremost metric that are printed and measured."""
    claimed = Counter(
        (page.claim.paper, predicate.left.artefact, predicate.left.metric)
        for page in material.claims
        if page.claim
        for predicate in page.claim.all
    )
    found = []
    for artefact in material.artefacts.artefacts:
        cells = [
            cell
            for cell in select(material.cells, artefact.paper, artefact.name)
            if cell.reported is not None and cell.measured is not None
        ]
        if artefact.kind == "table" and cells:
            metrics = dict.fromkeys(cell.metric for cell in cells)
            foremost = max(metrics, key=lambda name: claimed[artefact.paper, artefact.name, name])
            found.append((artefact, [cell for cell in cells if cell.metric == foremost]))
    return found


def _places(cells: Iterable[Cell]) -> Iterable[list[Cell]]:
    at: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        at.setdefault((cell.row, cell.column), []).append(cell)
    return at.values()


def _line(paper: str, artefact: Artefact, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return a line's fields; ``cells`` are of one place, under one or several conventions."""
    first = next((cell for cell in cells if cell.convention == "standard"), cells[0])
    other = next((cell for cell in cells if cell.convention == "paper" and cell is not first), None)
    label = metric_label(first.metric, embedded="embedded_features" in first.stand_ins)
    return (
        f"{paper}, {artefact.short_source}",
        label,
        first.column,
        first.row,
        with_std(first.metric, first.reported, first.reported_std),
        measured_text(first),
        str(first.n_seeds),
        "–" if other is None else measured_text(other),
    )


def paragraphs(material: Material) -> list[Paragraph]:
    """Return a paragraph for each artefact of which anything was measured."""
    found = []
    for artefact in material.artefacts.artefacts:
        own = select(material.cells, artefact.paper, artefact.name)
        measured = [cell for cell in own if cell.measured is not None]
        if measured:
            name = f"{material.named[artefact.paper].name}, {artefact.short_source}: {artefact.title}."
            shows = _shows(artefact, own, material)
            found.append(Paragraph(artefact, name, _run(measured, material), shows, _cannot(artefact, own)))
    return found


def _run(measured: Sequence[Cell], material: Material) -> str:
    """Say which runs the measured cells rest on."""
    ids = dict.fromkeys(run_id for cell in measured for run_id in cell.runs)
    runs = [material.runs[run_id].record for run_id in ids if run_id in material.runs]
    if not runs:
        return "nothing; this is how the networks are built."
    specs = [run["spec"] for run in runs]
    data = sorted({f"{spec['dataset']} ({spec['source']})" for spec in specs})
    methods = sorted({spec["method"] for spec in specs})
    steps, batch, width = (_span(spec[name] for spec in specs) for name in ("steps", "batch_size", "width"))
    hours = sum(run.get("seconds") or 0 for run in runs) / 3600
    devices = sorted({run["sessions"][-1]["device"] for run in runs})
    seeds = _span(cell.n_seeds for cell in measured)
    return (
        f"{len(runs)} trainings ({', '.join(methods)}) on {', '.join(data)}; {steps} steps of {batch}, "
        f"width {width}; seeds a number: {seeds}; {hours:.1f} hours on {', '.join(devices)}."
    )


def _span(values: Iterable[float]) -> str:
    low, *_, high = [*(ordered := sorted(values)), ordered[-1]]
    return f"{low:,g}" if low == high else f"{low:,g} to {high:,g}"


def _shows(artefact: Artefact, own: Sequence[Cell], material: Material) -> str:
    """Say what the claims over an artefact come to."""
    said = []
    if artefact.kind == "settings":
        settings = [cell for cell in own if cell.reported is not None]
        same = sum(cell.verdict == "reproduced" for cell in settings)
        said.append(f"{same} of {len(settings)} printed settings are those used here.")
    rows = [page.row for page in material.claims_about({artefact.id})]
    for row in rows:
        word = row["direction"] or row["verdict"]
        if row["effect"] and row["verdict"] != "pending":
            corrected = f", corrected {row['p_holm']}" if row["p_holm"] else ""
            p = f"p = {row['p']}{corrected}" if row["p"] else "not all of it is tested"
            numbers = f"effect {row['effect']} ({row['ci_low']} to {row['ci_high']}), {p}"
            said.append(f"{word}: “{row['statement']}” ({numbers}).")
    silent = sum(not (row["effect"] and row["verdict"] != "pending") for row in rows)
    if silent:
        said.append(f"Of {silent} {'claim' if silent == 1 else 'claims'} nothing can be told yet.")
    return " ".join(said) or "numbers and pictures; no claim rests on it."


def _cannot(artefact: Artefact, own: Sequence[Cell]) -> str:
    """Say what stood in and what was not run."""
    marks = {name for cell in own for name in cell.stand_ins}
    said = [text for name, text in STAND_IN_MEANINGS.items() if name in marks]
    text = f"whether a number comes out: {'; '.join(said)}." if said else ""
    if not said and all(cell.reported is None for cell in own):
        text = "whether a number comes out: the paper prints none."
    if artefact.kind == "settings":
        return text or "more than that: nothing is measured."
    seeds = min(cell.n_seeds for cell in own if cell.measured is not None)
    few = " Some numbers have fewer than 3 seeds, which judge nothing." if seeds < 3 else ""
    pending = sum(cell.verdict == "pending" for cell in own)
    reasons = "; ".join(artefact.pending[:1]) + (", and the like" if len(artefact.pending) > 1 else "")
    waiting = f" {pending} of {len(own)} cells are pending ({reasons})." if pending else ""
    return (text + few + waiting).strip() or "nothing is missing."
