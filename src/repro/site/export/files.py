"""Writes a file for each cell and each run of a profile or publication; equal results, equal bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from repro.core.errors import ReproError
from repro.core.folders import replacing_folder
from repro.core.records import stood_in
from repro.core.spec import OF_ATTACKS, stand_ins_in_order
from repro.draw.numbers import STAND_IN_MEANINGS
from repro.judge.cells import COLUMNS, Cell
from repro.site.convention.strip import Result, strip
from repro.site.export.records import (
    AttackRecord,
    CellRecord,
    EvaluationRecord,
    External,
    Norm,
    RunRecord,
    Threat,
)
from repro.site.html import anchor
from repro.site.manifest import Command, require_written, write_manifest
from repro.site.material import Material, RunPage
from repro.site.options import default_of

COMMAND: Command = "repro export"
NORMS: Mapping[str, Norm] = {"linf": "Linf", "l2": "L2"}
_CLEAN = ("accuracy@0", "accuracy_clean")
_AT = re.compile(r"accuracy@([\d.e-]+)")


def export(material: Material, into: Path) -> Path:
    """Write ``cells/<paper>/<artefact>/<cell>.json``, ``runs/<run>.json`` and their schemas; return ``into``.

    A folder that an earlier call made is replaced whole.

    Raises:
        ReproError: there are no cells, or ``into`` holds what no earlier call is known to have written.
    """
    if not material.cells:
        raise ReproError("there are no cells to export", remedy="run the DAG first")
    with replacing_folder(into, partial(require_written, command=COMMAND)) as fresh:
        for cell in material.cells:
            _write(fresh / file_of(cell), cell_record(cell, material).model_dump(mode="json"))
        for name, page in material.runs.items():
            _write(fresh / f"runs/{name}.json", run_record(page, material).model_dump(mode="json"))
        for kind in (CellRecord, RunRecord):
            _write(fresh / "schema" / f"{kind.model_fields['kind'].default}.json", kind.model_json_schema())
        write_manifest(fresh, COMMAND, material.artefacts.profile)
    return into


def file_of(cell: Cell) -> str:
    """Return the relative path of a cell's file, which stays for as long as the cell keeps its name."""
    return f"cells/{cell.paper}/{cell.artefact}/{anchor(cell)}.json"


def cell_record(cell: Cell, material: Material) -> CellRecord:
    """Return what is exported of a cell."""
    artefact = next(a for a in material.artefacts.artefacts if a.id == f"{cell.paper}/{cell.artefact}")
    behind = material.behind.get(cell.key)
    results = [material.results[name] for name in behind.evaluations] if behind else []
    value = behind.value if behind else ""
    attacked = [each for each in results if each.get("threat_model")] if value not in _CLEAN else []
    one_each = len(results) == cell.n_seeds + cell.diverged  # else some are of what is subtracted
    of_all = one_each and ("@" not in value or _AT.fullmatch(value))  # not of a snapshot or of another split
    clean = [found for each in attacked if of_all and (found := _clean(each)) is not None]
    audited = one_each and attacked and all(each["spec"]["measure"] == "auto_attack" for each in attacked)
    same = set(COLUMNS) & CellRecord.model_fields.keys()
    return CellRecord.model_validate(
        {name: getattr(cell, name) for name in same}
        | {
            "profile": material.artefacts.profile,
            "name": material.named[cell.paper].title,
            "source": artefact.source,
            "dataset": material.datasets(cell),
            "method": material.methods(cell),
            "architecture": material.architectures(cell),
            "threat": _threat(attacked[0], value) if attacked else None,
            "external": [
                External(source=other.source, value=other.value, std=other.std)
                for other in artefact.others
                if (other.row, other.column, other.metric) == (cell.row, cell.column, cell.metric)
            ],
            "clean_acc": fmean(clean) if clean and len(clean) == len(attacked) else None,
            "autoattack_acc": cell.measured if audited and value.startswith("accuracy@") else None,
            "unreliable": bool(OF_ATTACKS & {*cell.flags}),
            "footnote": _footnote(cell.stand_ins),
            "measured_how": material.measured_how(cell),
            "value": value,
            "evaluations": behind.evaluations if behind else (),
        }
    )


def run_record(page: RunPage, material: Material) -> RunRecord:
    """Return what is exported of a run."""
    record, spec = page.record, page.record["spec"]
    results = sorted(page.evaluations.items())
    plain = {
        result["values"]["accuracy"]
        for _, result in results
        if result["spec"]["measure"] == "accuracy" and result["values"] and _option(result, "split") == "test"
    }
    flags = {flag for _, result in results for flag in result.get("flags") or ()}
    stand_ins = stand_ins_in_order([*spec.get("stand_ins", ()), *stood_in(record)])
    return RunRecord(
        profile=material.artefacts.profile,
        run=page.run_id,
        name=spec["recipe"],
        method=spec["method"],
        architecture=spec.get("options", {}).get("network"),
        dataset=spec["dataset"],
        source=spec["source"],
        seed=spec["seed"],
        spec=dict(spec),
        clean_acc=plain.pop() if len(plain) == 1 else None,
        attacks=tuple(attack for each in results for attack in _attacks(*each)),
        evaluations=tuple(_evaluation(*each) for each in results),
        unreliable=bool(OF_ATTACKS & flags),
        stand_ins=stand_ins,
        footnote=_footnote(stand_ins),
        provenance=record.get("provenance") or {},
        cells=tuple(sorted(file_of(cell) for cell in page.cells)),
        **{name: record.get(name) for name in ("diverged", "data", "checkpoint_sha256", "seconds")},
    )


def _evaluation(name: str, result: Result) -> EvaluationRecord:
    return EvaluationRecord(
        evaluation=name,
        measure=result["spec"]["measure"],
        values=result["values"],
        measured_how=strip([result]),
        stand_ins=tuple(result.get("stand_ins") or ()),
        flags=tuple(result.get("flags") or ()),
        provenance=result.get("provenance") or {},
    )


def _attacks(name: str, result: Result) -> list[AttackRecord]:
    """Return the accuracies of an evaluation at each radius above 0."""
    if not result.get("threat_model"):
        return []
    at = {value: match for value in result["values"] if (match := _AT.fullmatch(value)) and float(match[1])}
    return [
        AttackRecord(
            evaluation=name,
            measure=result["spec"]["measure"],
            threat=_threat(result, value),
            clean_acc=_clean(result),
            robust_acc=result["values"][value],
            images=strip([result]).get("real images", ""),
        )
        for value in at
    ]


def _threat(result: Result, value: str) -> Threat:
    radius = _AT.fullmatch(value)
    return Threat(
        threat_model=NORMS.get(str(_option(result, "norm"))),
        eps=float(radius[1]) if radius else None,
        eps_range=_option(result, "unit") if radius else None,
        text=result["threat_model"],
    )


def _option(result: Result, name: str) -> Any:
    """Return an option of a measurement, stated or by today's default; None where it has no such option."""
    spec = result["spec"]
    options = spec.get("options", {})
    try:
        return options[name] if name in options else default_of(spec["measure"], name)
    except ValueError:
        return None


def _clean(result: Result) -> float | None:
    return next((result["values"][name] for name in _CLEAN if name in result["values"]), None)


def _footnote(stand_ins: Any) -> str:
    return "; ".join(STAND_IN_MEANINGS.get(name, name) for name in stand_ins)


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
