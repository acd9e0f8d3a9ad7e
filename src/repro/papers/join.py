"""Joins all artefacts' cells into cells.csv, judges the claims and audits the papers."""

from __future__ import annotations

import json
from collections import Counter

from repro.core.files import atomic_write_text
from repro.core.paths import Layout
from repro.papers.compose import gather
from repro.papers.plan import Plan
from repro.report.audit import audit, read_audit, render_audit
from repro.report.cells import write_cells
from repro.report.claims import read_claims, render_claims
from repro.report.reported import read_reported
from repro.report.welch import judge_claims


def join_cells(plan: Plan, layout: Layout) -> Counter[str]:
    """Write cells.csv, artefacts.json, claims.csv and audit.csv; return how often each verdict occurs."""
    folder = plan.config.folder
    described, cells = gather(layout, plan)
    claims = judge_claims(read_claims(folder / "claims.yaml"), cells, folder / "claims.yaml")
    rows = audit(read_reported(folder / "reported.csv"), read_audit(folder / "audit.yaml"))
    write_cells(layout.cells, cells)
    atomic_write_text(
        layout.root / "artefacts.json", json.dumps(described.model_dump(mode="json"), indent=1) + "\n"
    )
    atomic_write_text(layout.root / "claims.csv", render_claims(claims))
    atomic_write_text(layout.root / "audit.csv", render_audit(rows))
    return Counter(cell.verdict for cell in cells)
