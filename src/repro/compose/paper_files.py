"""What lies in the papers' folders beside the sheets, joined in the papers' order. Imports no torch."""

from __future__ import annotations

from repro.compose.other_reported import read_others
from repro.core.errors import ReproError
from repro.judge.audit import AuditEntry, audit, read_audit
from repro.judge.claims import Claim, read_claims, read_rules
from repro.judge.ledger import LedgerItem, read_ledger
from repro.judge.reported import Place, Reported, read_reported
from repro.judge.tolerances import read_tolerances, tolerance_around
from repro.plan.cells import MeasuredCell
from repro.plan.config import SETTINGS, Config
from repro.plan.plan import Plan


def all_reported(config: Config) -> Reported:
    """Return every number that the papers print; errors as in `read_reported`."""
    found: Reported = {}
    for paper in config.sheets:
        found |= read_reported(config.paper_file(paper, "reported.csv"), paper)
    return found


def all_claims(config: Config) -> list[Claim]:
    """Return every paper's claims; errors as in `read_claims`."""
    return [
        claim
        for paper in config.sheets
        for claim in read_claims(config.paper_file(paper, "claims.yaml"), paper)
    ]


def all_audited(config: Config) -> list[AuditEntry]:
    """Return every statement that is to be audited; errors as in `read_audit`."""
    return [
        entry
        for paper in config.sheets
        for entry in read_audit(config.paper_file(paper, "audit.yaml"), paper)
    ]


def whole_ledger(config: Config) -> list[LedgerItem]:
    """Return every paper's ledger, then what several papers rest on; errors as in `read_ledger`."""
    found = [
        item
        for paper in config.sheets
        for item in read_ledger(config.paper_file(paper, "ledger.yaml"), paper)
    ]
    shared = read_ledger(config.folder / "ledger.yaml", None)
    for item in shared:
        if item.id in {of_paper.id for of_paper in found}:
            raise item.error(
                f"the paper {item.paper} has an entry {item.id!r} too", "give one of the two another id"
            )
    return found + shared


def check_paper_files(plan: Plan) -> None:
    """Read every file, so that a mistake in one is found before anything is trained.

    Raises:
        ReproError: the first mistake, with file and line.
    """
    config = plan.config
    reported = all_reported(config)
    audit(reported, all_audited(config))
    _check_tolerances(plan, reported)
    all_claims(config)
    read_rules(config.settings.claims, config.folder / SETTINGS)
    whole_ledger(config)
    for paper in config.sheets:
        read_others(config.paper_file(paper, "other_reported.csv"), paper)


def _check_tolerances(plan: Plan, reported: Reported) -> None:
    """Check that every printed number which is measured has something to be judged by."""
    path = plan.config.folder / SETTINGS
    declared = read_tolerances(plan.config.settings.tolerances, path)
    for cell in (cell for cells in plan.cells.values() for cell in cells if isinstance(cell, MeasuredCell)):
        printed = reported.get(Place(*cell.key[:5]))
        if printed is None or printed.std is not None:
            continue
        if tolerance_around(cell.metric, float(printed.value), declared) is None:
            raise ReproError(
                f"no tolerance is declared for `{cell.metric}`, which {cell.paper}/{cell.artefact} prints",
                remedy=f"add one under `tolerances`, e.g. `{cell.metric}: {{relative: 0.05}}`",
                where=path,
            )
