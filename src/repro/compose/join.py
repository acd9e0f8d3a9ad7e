"""Joins all artefacts' cells into cells.csv, judges the claims and audits the papers."""

from __future__ import annotations

import json
from collections import Counter

from repro.compose.compose import gather
from repro.compose.paper_files import all_audited, all_claims, all_reported
from repro.compose.scale import scales
from repro.core.files import atomic_write_text
from repro.core.paths import Layout
from repro.cost.claims import ARTEFACT, claimed_cells
from repro.judge.artefacts import numbers_by_seed
from repro.judge.audit import audit, render_audit
from repro.judge.cells import render_cells
from repro.judge.claims import Judgement, render_claims
from repro.judge.judging import judge_claims
from repro.plan.plan import Plan


def join_cells(plan: Plan, layout: Layout) -> Counter[str]:
    """Write cells.csv, artefacts.json, claims.csv and audit.csv; return how often each verdict occurs.

    Raises:
        ReproError: an artefact's cells are missing or damaged, or claims or audit do not fit them.
    """
    described, cells = gather(layout, plan)
    claims = all_claims(plan.config)
    left_out: dict[str, set[str]] = {}
    if plan.config.profile.artefacts is not None:  # a part of the suite
        papers = {name.partition("/")[0] for name in plan.cells}
        planned = {*plan.cells, *(f"{paper}/{ARTEFACT}" for paper in papers)}
        claims = [claim for claim in claims if claim.paper in papers]
        left_out = {claim.id: claim.artefacts - planned for claim in claims if claim.artefacts - planned}
    covered = [claim for claim in claims if claim.id not in left_out]
    costs, seeds = claimed_cells(covered, plan, layout), numbers_by_seed(described.artefacts, cells)
    judged = judge_claims(covered, [*cells, *costs], scales(plan), plan.config.settings.claims, seeds)
    judged += [
        Judgement(claim, "pending", f"this profile leaves out {', '.join(sorted(left_out[claim.id]))}")
        for claim in claims
        if claim.id in left_out
    ]
    rows = audit(all_reported(plan.config), all_audited(plan.config))
    texts = {
        "cells.csv": render_cells(cells),
        "artefacts.json": json.dumps(described.model_dump(mode="json"), indent=1) + "\n",
        "claims.csv": render_claims(judged),
        "audit.csv": render_audit(rows),
    }
    for name, text in texts.items():
        atomic_write_text(layout.root / name, text)
    return Counter(cell.verdict for cell in cells)
