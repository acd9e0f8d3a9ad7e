"""Composes one artefact: its cells with reported and measured values, verdicts, what its drawing needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from repro.compose.drawn import read_entry
from repro.compose.settings import layer_setting, run_setting
from repro.core.paths import Layout
from repro.core.records import mixed_code
from repro.core.spec import Flag, StandIn, flags_in_order, stand_ins_in_order
from repro.evaluate.result import Result
from repro.jobs.measured import Measured
from repro.judge import artefacts as entries
from repro.judge import cells as table
from repro.judge.reported import Place, Reported
from repro.judge.tolerances import Tolerance, tolerance_around
from repro.judge.verdict import judge, judge_setting
from repro.plan.cells import CitedCell, LayerCell, MeasuredCell, PendingCell, PlannedCell, SettingCell
from repro.plan.plan import Plan

OF_TRAINING = ("overfitting", "mode_collapse")  # flags that mark whatever is measured of a run
COUNTED = "images"  # the metric of a picture that shows so many: the same for all seeds
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
    described = describe(plan, measured, artefact_id)
    return described.model_copy(update={"others": others}), cells


def suspect_runs(planned: Iterable[PlannedCell], measured: Measured) -> dict[str, set[Flag]]:
    """Return the flags that audits among these cells raised, by run."""
    found: dict[str, set[Flag]] = {}
    for cell in planned:
        for name in cell.evaluations:
            result = measured.result(name)
            found.setdefault(result.spec.run, set()).update(result.flags)
    return found


def _cell(
    plan: Plan,
    cell: PlannedCell,
    measured: Measured,
    reported: Reported,
    tolerances: Mapping[str, Tolerance],
    signs: Mapping[str, set[Flag]],
) -> table.Cell:
    """Judge one cell; what an audit found out about its runs marks every attacked cell of the artefact."""
    printed = reported.get(Place(*cell.key[:5]))
    value = None if printed is None else table.PrintedNumber(printed.value)
    std = None if printed is None or printed.std is None else table.PrintedNumber(printed.std)
    stated: table.Value = value
    stand_ins: tuple[StandIn, ...] = ()
    flags: set[Flag] = set()
    text: str | None = None  # of a setting that is no number
    if isinstance(cell, SettingCell | LayerCell):
        if isinstance(cell, LayerCell):
            setting: float | str = layer_setting(measured.layout.root / "architectures.json", cell)
        else:
            setting, stand_ins = run_setting(plan, measured.batches, measured.layout, cell)
            stated = cell.stated or value
        verdict = judge_setting(stated, setting, stand_ins)
        text = setting if isinstance(setting, str) else None
    elif isinstance(cell, MeasuredCell):
        values, diverged = measured.values(cell), measured.diverged(cell)
        results = [measured.result(name) for name in cell.evaluations]
        if values or diverged:
            marks = (cell.stand_ins, *(result.stand_ins for result in results))
            stand_ins = stand_ins_in_order(name for names in marks for name in names)
        if any(result.threat_model for result in results) and not cell.value.endswith(UNATTACKED):
            flags = {flag for run in cell.runs for flag in signs.get(run, ())}
        tolerance = tolerance_around(cell.metric, value, tolerances)
        censored = measured.never_passed(cell)
        verdict = judge(
            value, std, values, tolerance, stand_ins,
            diverged=diverged, censored=censored, exact=not cell.runs,
        )  # fmt: skip
        flags |= {flag for result in results for flag in result.flags if flag in OF_TRAINING}
        if verdict.seeds_alike and cell.runs and cell.metric != COUNTED and measured.seeds_alike(cell):
            flags.add("seeds_alike")
        runs = [*cell.runs, *(result.spec.surrogate for result in results if result.spec.surrogate)]
        if (values or diverged) and mixed_code(runs, measured.record):
            flags.add("mixed_code")
        if censored:
            flags.add("never_passed")
    else:
        verdict = judge(value, std, (), None, cited=isinstance(cell, CitedCell))
    trained = [plan.runs[name] for name in cell.runs]
    formats = {run.precision for name in cell.runs for run in plan.lineage(name)}
    return table.Cell(
        paper=cell.paper,
        artefact=cell.artefact,
        row=cell.row,
        column=cell.column,
        metric=cell.metric,
        convention=cell.convention,
        reported=stated,
        reported_std=std,
        measured=text or verdict.mean,
        measured_std=verdict.std,
        n_seeds=verdict.n,
        ci_low=verdict.low,
        ci_high=verdict.high,
        tolerance=verdict.tolerance,
        verdict=verdict.word,
        stand_ins=stand_ins,
        runs=cell.runs,
        flags=flags_in_order(flags),
        diverged=verdict.diverged,
        precision=tuple(sorted(formats)),
        batch_size=tuple(str(size) for size in sorted({run.batch_size for run in trained})),
    )


def describe(plan: Plan, measured: Measured, artefact_id: str) -> entries.Artefact:
    """Return the entry of artefacts.json: panels, axes, pictures, threat models, sample sizes."""
    paper, _, name = artefact_id.partition("/")
    declared = plan.config.sheets[paper].artefacts[name]
    planned = plan.cells[artefact_id]
    names = [name for cell in planned for name in cell.evaluations]
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
                x_axis=panel.x_axis or None,
                y_axis=panel.y_axis or None,
                rows=tuple(row.name for row in panel.rows),
                columns=tuple(dict.fromkeys(column.name for column in panel.columns)),
            )
            for panel in declared.panels
        ),
        pictures=_pictures(planned, measured, pending=declared.kind == "samples"),
        threat_models=_threat_models(planned, measured),
        images=tuple(sorted((measure, n) for measure, n in limits if n is not None)),
        pending=tuple(dict.fromkeys(cell.reason for cell in planned if isinstance(cell, PendingCell))),
        behind=tuple(
            entries.Behind(
                value=getattr(cell, "value", ""),
                evaluations=cell.evaluations,
                numbers=tuple(measured.values(cell)) if isinstance(cell, MeasuredCell) else (),
            )
            for cell in planned
        ),
    )


def _threat_models(planned: Iterable[PlannedCell], measured: Measured) -> tuple[str, ...]:
    """Return each attacker once; where they are of several conventions, with those that it belongs to."""
    found: dict[str, dict[str, None]] = {}
    for cell in planned:
        for name in cell.evaluations:
            if model := _threat_model(measured.result(name)):
                found.setdefault(model, {})[cell.convention.replace("_", " ")] = None
    if len({convention for conventions in found.values() for convention in conventions}) < 2:
        return tuple(found)
    return tuple(f"{' and '.join(of)} convention: {model}" for model, of in found.items())


def _threat_model(result: Result) -> str:
    """Return the attacker in words, and which images were attacked; "" where none were."""
    first = result.spec.options.get("first", result.spec.options.get("images"))
    images = {each.split: min(each.images, first or each.images) for each in result.data}
    attacked = " and ".join(f"{number:,} {split} images" for split, number in images.items())
    return ", on ".join(filter(None, [result.threat_model, attacked])) if result.threat_model else ""


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
        known = pictures.get(place := (item.row, item.column))
        if (path or pending) and (known is None or known.path is None):
            pictures[place] = entries.Picture(row=item.row, column=item.column, path=path)
    return tuple(pictures.values())


def gather(layout: Layout, plan: Plan) -> tuple[entries.Artefacts, list[table.Cell]]:
    """Join the cells and descriptions of all artefacts, as their jobs wrote them."""
    cells: list[table.Cell] = []
    described: list[entries.Artefact] = []
    for artefact_id in plan.cells:
        cells += table.read_cells(layout.entry(artefact_id).with_suffix(".csv"))
        described.append(read_entry(layout, artefact_id))
    stand_ins = stand_ins_in_order(name for cell in cells for name in cell.stand_ins)
    profile = plan.config.profile.name
    return entries.Artefacts(profile=profile, stand_ins=stand_ins, artefacts=tuple(described)), cells
