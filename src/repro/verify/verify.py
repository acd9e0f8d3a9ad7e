"""The check of truth on disk: every file of a profile is what a rule made. Nothing is changed."""

from __future__ import annotations

from pathlib import Path

from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.plan.batches import Batches
from repro.plan.plan import Plan
from repro.verify.data_sets import check_data
from repro.verify.drawn import check_figures, check_made
from repro.verify.evaluations import check_evaluations
from repro.verify.findings import Findings
from repro.verify.remake import BELOW
from repro.verify.runs import check_runs


def verify_results(
    plan: Plan, batches: Batches, layout: Layout, figures: Path, data_root: Path | None = None
) -> Findings:
    """Check runs, evaluations, all that is made from them, and the collected folder; return what was found.

    Runs and evaluations are hashed, down to the checkpoints; cells, tables, pictures, claims, audit, costs,
    searches and report are made again in a temporary folder and compared byte by byte.

    What an interrupted DAG left unfinished, and what an older plan made, is no problem but a note.

    Args:
        plan: the profile's plan.
        batches: its batches.
        layout: the profile's folders.
        figures: the collected folder, which need not exist.
        data_root: folder of the real data sets; None where it is not at hand.

    Raises:
        ReproError: nothing of the profile was ever made.
    """
    if not any(path.is_file() for name in (*BELOW, "cells") for path in (layout.root / name).rglob("*")):
        raise ReproError(
            f"profile {layout.profile} has never been run here",
            where=layout.root,
            remedy=f"run: snakemake --cores all figures/ --config profile={layout.profile}",
        )
    found = Findings()
    check_runs(plan, batches, layout, found)
    check_evaluations(plan, batches, layout, found)
    check_data(plan, layout, data_root, found)
    check_made(plan, batches, layout, figures, found)
    check_figures(layout, figures, found)
    return found


def summary(layout: Layout, found: Findings) -> str:
    """Return what was looked at, in words.

    Raises:
        ReproError: the first file that no rule made, or that is not as its rule made it, and how many more.
    """
    found.settle()
    counts = ", ".join(f"{number} {what}" for what, number in found.counts.items()) or "nothing finished yet"
    return "\n".join([f"{layout.root}: {counts}: all as the rules made them", *found.notes])
