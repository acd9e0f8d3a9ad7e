"""Composes one artefact: its cells with reported and measured values, verdicts, what its drawing needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from repro.compose.settings import used
from repro.core.paths import Layout
from repro.core.spec import FLAGS, Flag
from repro.jobs.measured import Measured
from repro.judge import artefacts as entries
from repro.judge import cells as table
from repro.judge.reported import Place, Printed, Reported
from repro.judge.tolerances import Tolerance, tolerance_around
from repro.judge.verdict import judge, judge_setting
from repro.plan.plan import Plan, PlannedCell
from repro.plan.resolve import in_order

UNATTACKED = "@0"  # ends the name of a value at radius 0


def compose(
    plan: Plan,
    measured: Measured,
    reported: Reported,
    tolerances: Mapping[str, Tolerance],
    artefact_id: str,
    others: tuple[entries.Other, ...] = (),
) -> tuple[entries.Artefact, list[table.Cell]]:
    """Return the description of one artefact and its rows of cells.csv, in the order of the sheet."""
    signs = suspect_runs(plan.cells[artefact_id], measured)
    cells = [
        _cell(plan, planned, measured, reported, tolerances, signs) for planned in plan.cells[artefact_id]
    ]
    described = describe(plan, measured, artefact_id, len(cells))
    return described.model_copy(update={"others": others}), cells


def suspect_runs(planned: Iterable[PlannedCell], measured: Measured) -> dict[str, set[Flag]]:
    """Return the flags that audits among these cells raised, by run."""
    found: dict[str, set[Flag]] = {}
    for cell in planned:
        for name in cell.evaluations + cell.subtracted:
            result = measured.result(name)
            found.setdefault(result.spec.run, set()).update(result.flags)
    return found


def _cell(
    plan: Plan,
    planned: PlannedCell,
    measured: Measured,
    reported: Reported,
    tolerances: Mapping[str, Tolerance],
    signs: Mapping[str, set[Flag]],
) -> table.Cell:
    """Judge one cell; what an audit found out about its runs marks every attacked cell of the artefact."""
    cell = planned.cell
    flags: set[Flag] = set()
    printed = _printed(planned, reported)
    value = None if printed is None else float(printed.value)
    std = None if printed is None or printed.std is None else float(printed.std)
    text: str | None = None  # of a setting that is no number
    if cell.status == "live" and cell.setting:
        setting, stand_ins = used(plan, measured.batches, measured.layout, planned)
        verdict = judge_setting(cell.stated or value, setting, stand_ins)
        text = setting if isinstance(setting, str) else None
    else:
        live = cell.status == "live"
        values = measured.values(planned) if live else []
        diverged = measured.diverged(planned) if live else 0
        results = [measured.result(name) for name in planned.evaluations + planned.subtracted]
        found = [result.stand_ins for result in results] if values or diverged else []
        stand_ins = in_order(name for names in (planned.stand_ins, *found) for name in names if found)
        if any(result.threat_model for result in results) and not cell.value.endswith(UNATTACKED):
            flags = {flag for run in planned.runs for flag in signs.get(run, ())}
        verdict = judge(
            value,
            std,
            values,
            tolerance_around(cell.metric, value, tolerances),
            stand_ins,
            cited=cell.status == "cited",
            pending=cell.status == "pending",
            diverged=diverged,
        )
    trained = [plan.runs[name] for name in planned.runs]
    return table.Cell(
        paper=cell.paper,
        artefact=cell.artefact,
        row=cell.row,
        column=cell.column,
        metric=cell.metric,
        convention=cell.convention,
        reported=cell.stated or value,
        reported_std=std,
        measured=text or verdict.mean,
        measured_std=verdict.std,
        n_seeds=verdict.n,
        ci_low=verdict.low,
        ci_high=verdict.high,
        tolerance=verdict.tolerance,
        verdict=verdict.word,
        stand_ins=stand_ins,
        runs=planned.runs,
        flags=tuple(flag for flag in FLAGS if flag in flags),
        diverged=verdict.diverged,
        precision=tuple(sorted({run.precision for run in trained})),
        batch_size=tuple(str(size) for size in sorted({run.batch_size for run in trained})),
    )


def _printed(planned: PlannedCell, reported: Reported) -> Printed | None:
    """Look up what the paper prints for a cell."""
    cell = planned.cell
    return reported.get(Place(cell.paper, cell.artefact, cell.row, cell.column, cell.metric))


def describe(plan: Plan, measured: Measured, artefact_id: str, cells: int) -> entries.Artefact:
    """Return the entry of artefacts.json: panels, axes, pictures, threat models, sample sizes."""
    paper, _, name = artefact_id.partition("/")
    declared = plan.config.sheets[paper].artefacts[name]
    planned = plan.cells[artefact_id]
    names = [name for cell in planned for name in cell.evaluations + cell.subtracted]
    models = [measured.result(name).threat_model for name in names]
    limits = {(spec.measure, spec.limit) for spec in (plan.evaluations[name] for name in names)}
    return entries.Artefact(
        paper=paper,
        name=name,
        kind=declared.kind,
        title=declared.title,
        source=declared.source,
        notes=declared.notes or None,
        x_axis=declared.x_axis or None,
        x_row=declared.x_row,
        y_axis=declared.y_axis or None,
        y_scale=declared.y_scale,
        panels=tuple(
            entries.Panel(
                name=panel.name,
                rows=tuple(row.name for row in panel.rows),
                columns=tuple(dict.fromkeys(column.name for column in panel.columns)),
            )
            for panel in declared.panels
        ),
        pictures=_pictures(planned, measured, pending=declared.kind == "samples"),
        threat_models=tuple(dict.fromkeys(model for model in models if model)),
        images=tuple(sorted((measure, n) for measure, n in limits if n is not None)),
        pending=tuple(dict.fromkeys(item.cell.reason for item in planned if item.cell.status == "pending")),
        cells=cells,
    )


def _pictures(
    planned: list[PlannedCell], measured: Measured, *, pending: bool
) -> tuple[entries.Picture, ...]:
    """Return the picture of each row and column: the first seed's, never a chosen one.

    With ``pending`` a place whose picture is not made yet, or never will be, is listed too.
    """
    pictures: dict[tuple[str, str], entries.Picture] = {}
    for item in planned:
        path = None
        if item.evaluations:
            first = item.evaluations[0]
            names = sorted(measured.result(first).pictures)
            folder = measured.layout.evaluation(first).with_suffix("")
            path = os.path.relpath(folder / names[0], measured.layout.root) if names else None
        if path or pending:
            place = item.cell.row, item.cell.column
            pictures.setdefault(place, entries.Picture(row=place[0], column=place[1], path=path))
    return tuple(pictures.values())


def gather(layout: Layout, plan: Plan) -> tuple[entries.Artefacts, list[table.Cell]]:
    """Join the cells and descriptions of all artefacts, as their jobs wrote them."""
    cells: list[table.Cell] = []
    described: list[entries.Artefact] = []
    for artefact_id in plan.artefact_ids():
        path = layout.entry(artefact_id)
        cells += table.read_cells(path.with_suffix(".csv"))
        described.append(entries.Artefact.model_validate_json(path.read_bytes()))
    stand_ins = tuple(in_order(name for cell in cells for name in cell.stand_ins))  # type: ignore[misc]
    profile = plan.config.profile.name
    return entries.Artefacts(profile=profile, stand_ins=stand_ins, artefacts=tuple(described)), cells
