"""Joins all artefacts' cells into cells.csv, judges the claims and audits the papers."""

from __future__ import annotations

import json
from collections import Counter

from repro.compose.compose import gather
from repro.compose.paper_files import all_audited, all_claims, all_reported
from repro.compose.scale import scales
from repro.core.files import atomic_write_text
from repro.core.paths import Layout
from repro.cost.claims import claimed_cells
from repro.judge.audit import audit, render_audit
from repro.judge.cells import render_cells
from repro.judge.claims import read_rules, render_claims
from repro.judge.judging import judge_claims
from repro.plan.config import SETTINGS
from repro.plan.plan import Plan


def join_cells(plan: Plan, layout: Layout) -> Counter[str]:
    """Write cells.csv, artefacts.json, claims.csv and audit.csv; return how often each verdict occurs.

    Raises:
        ReproError: an artefact's cells are missing or damaged, or claims or audit do not fit them.
    """
    described, cells = gather(layout, plan)
    claims = all_claims(plan.config)
    if plan.config.profile.artefacts is not None:  # a part: claims about other parts are left out
        claims = [claim for claim in claims if claim.artefacts <= set(plan.cells)]
    spent = claimed_cells(claims, plan, layout)
    rules = read_rules(plan.config.settings.claims, plan.config.folder / SETTINGS)
    judged = judge_claims(claims, [*cells, *spent], scales(plan), rules)
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
