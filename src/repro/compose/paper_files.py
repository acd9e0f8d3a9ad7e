"""What lies in the papers' folders beside the sheets, joined in the papers' order. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from repro.core.errors import ReproError
from repro.cost.claims import ARTEFACT, METRIC
from repro.judge.audit import AuditEntry, audit, read_audit
from repro.judge.cells import Cell
from repro.judge.claims import Claim, Reference, compared, find_cell, read_claims
from repro.judge.ledger import LedgerItem, read_ledger
from repro.judge.reported import Place, Reported, Unknown, read_others, read_reported
from repro.judge.tolerances import tolerance_around
from repro.plan.cells import MeasuredCell
from repro.plan.config import SETTINGS, Config
from repro.plan.plan import Plan

T = TypeVar("T")


def all_reported(config: Config, unknown: Unknown | None = None) -> Reported:
    """Return every number that the papers print; ``unknown`` and errors as in `read_reported`."""
    found: Reported = {}
    for paper in config.sheets:
        found |= read_reported(config.paper_file(paper, "reported.csv"), paper, unknown)
    return found


def all_claims(config: Config) -> list[Claim]:
    """Return every paper's claims; errors as in `read_claims`."""
    return _of_papers(config, "claims.yaml", read_claims)


def all_audited(config: Config) -> list[AuditEntry]:
    """Return every statement that is to be audited; errors as in `read_audit`."""
    return _of_papers(config, "audit.yaml", read_audit)


def whole_ledger(config: Config) -> list[LedgerItem]:
    """Return every paper's ledger, then what several papers rest on; errors as in `read_ledger`."""
    found = _of_papers(config, "ledger.yaml", read_ledger)
    shared = read_ledger(config.folder / "ledger.yaml", None)
    for item in shared:
        if item.id in {of_paper.id for of_paper in found}:
            raise item.error(
                f"the paper {item.paper} has an entry {item.id!r} too", "give one of the two another id"
            )
    return found + shared


def _of_papers(config: Config, file: str, read: Callable[[Path, str], Iterable[T]]) -> list[T]:
    return [each for paper in config.sheets for each in read(config.paper_file(paper, file), paper)]


def check_paper_files(plan: Plan) -> None:
    """Read every file, so that a mistake in one is found before anything is trained.

    Raises:
        ReproError: the first mistake, with file and line.
    """
    config = plan.config
    unknown = _unknown_places(plan)
    reported = all_reported(config, unknown)
    audit(reported, all_audited(config))
    _check_tolerances(plan, reported)
    _check_claims(plan)
    whole_ledger(config)
    for paper in config.sheets:
        read_others(config.paper_file(paper, "other_reported.csv"), paper, unknown)


def _unknown_places(plan: Plan) -> Unknown:
    """Return what tells of a number's place what to do where the sheet has no such cell.

    Of artefacts that the profile leaves out it is known only that they are there.
    """
    places = {Place(*cell.key[:5]) for cells in plan.cells.values() for cell in cells}

    def unknown(place: Place) -> str | None:
        artefact = f"{place.paper}/{place.artefact}"
        sheet = plan.config.sheets[place.paper]
        if place in places or (artefact not in plan.cells and place.artefact in sheet.artefacts):
            return None
        worded = [" / ".join(each[2:]) for each in places if each[:2] == place[:2]]
        near = get_close_matches(" / ".join(place[2:]), worded, n=1, cutoff=0)
        said = f", {near[0]}," if near else ""
        return f"word row, column and metric{said} as the sheet does, or add the cell to the sheet"

    return unknown


def _check_claims(plan: Plan) -> None:
    """Check that each claim names cells, as far as the profile plans their artefacts, or costs of recipes."""
    config = plan.config
    cells = {
        artefact: [Cell(*planned.key) for planned in planned_cells]
        for artefact, planned_cells in plan.cells.items()
    }
    for claim in all_claims(config):
        for predicate in claim.all:
            sides = [(at, f"{at.paper}/{at.artefact}") for at in claim.of(predicate)]
            artefacts = {artefact for _, artefact in sides}
            if artefacts <= cells.keys():
                compared(claim, predicate, [cell for name in artefacts for cell in cells[name]], {})
                continue
            for at, artefact in sides:
                if at.artefact == ARTEFACT:
                    _check_cost(claim, at, config)
                elif artefact in cells:
                    find_cell(at, cells[artefact], claim, {})
                elif at.paper not in config.sheets or at.artefact not in config.sheets[at.paper].artefacts:
                    raise claim.error(
                        f"claim `{claim.id}` names no artefact: {artefact}", "name one of a sheet"
                    )


def _check_cost(claim: Claim, at: Reference, config: Config) -> None:
    if at.metric != METRIC:
        raise claim.error(f"claim `{claim.id}` names no metric of costs: {at.metric}", f"write {METRIC}")
    for recipe in (at.row, at.column):
        if f"{at.paper}.{recipe}" not in config.recipes:
            raise claim.error(
                f"claim `{claim.id}` names no recipe: {at.paper}.{recipe}", "name recipes in row and column"
            )


def _check_tolerances(plan: Plan, reported: Reported) -> None:
    """Check that every printed number which is measured has something to be judged by."""
    declared = plan.config.settings.tolerances
    for cell in (cell for cells in plan.cells.values() for cell in cells if isinstance(cell, MeasuredCell)):
        printed = reported.get(Place(*cell.key[:5]))
        if printed is None or printed.std is not None:
            continue
        if tolerance_around(cell.metric, float(printed.value), declared) is None:
            raise ReproError(
                f"no tolerance is declared for `{cell.metric}`, which {cell.paper}/{cell.artefact} prints",
                remedy=f"add one under `tolerances`, e.g. `{cell.metric}: {{relative: 0.05}}`",
                where=plan.config.folder / SETTINGS,
            )
