"""Cells against the evaluations behind them, drawn files against their hashes, figures/ against its list."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from repro.compose.artefact import compose_artefact
from repro.compose.join import joined
from repro.core.files import read_json, sha256_file
from repro.core.manifest import MAKE_ANEW
from repro.core.paths import Layout
from repro.cost.costs import render_cost
from repro.cost.measure import measure_costs
from repro.jobs.measured import Measured
from repro.plan.batches import Batches
from repro.plan.plan import Plan
from repro.site.collect import MANIFEST, hashes
from repro.verify.findings import Findings
from repro.verify.missing import MOVE_AWAY, collected_files, foreign_files

COLLECT_ANEW = "delete the folder and run Snakemake again, which collects it anew"


def check_cells(plan: Plan, batches: Batches, layout: Layout, found: Findings) -> None:
    """Check each artefact's cells and the tables that join them, by making them again in memory."""
    measured, complete = Measured(layout, batches), True
    for name in plan.artefact_ids():
        path = layout.entry(name).with_suffix(".csv")
        if not path.is_file():
            complete = False
            found.notes.append(f"not drawn yet: {name}")
            continue
        found.count("artefacts")
        composed = found.attempt(partial(compose_artefact, plan, measured, layout, name))
        _same(composed[2] if composed else {}, found)
    if (layout.root / "cost.csv").is_file() and not found.problems:
        costs = found.attempt(partial(measure_costs, plan, layout))
        _same({layout.root / "cost.csv": render_cost(costs)} if costs else {}, found)
    if complete and layout.cells.is_file() and not found.problems:
        tables = found.attempt(partial(joined, plan, layout))
        _same(tables[0] if tables else {}, found)


def _same(texts: dict[Path, str], found: Findings) -> None:
    """Check that files hold the given texts."""
    for path, text in texts.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            found.problem("this is not what the evaluations on disk give", path, MAKE_ANEW)


def check_drawn(plan: Plan, layout: Layout, found: Findings) -> None:
    """Check tables and pictures against the hashes that drawing noted."""
    listed = {layout.root / "artefacts" / name: sha256 for name, sha256 in drawn(plan, layout, found).items()}
    for path, sha256 in listed.items():
        if not path.is_file():
            found.problem("this drawn file is missing", path, "run Snakemake, which draws it anew")
        elif sha256_file(path) != sha256:
            found.problem("this is not the file that was drawn", path, MAKE_ANEW)
    for path in sorted((layout.root / "artefacts").rglob("*")):
        artefact = "/".join(path.relative_to(layout.root / "artefacts").with_suffix("").parts)
        if path.is_file() and path not in listed:
            if artefact in plan.cells:
                found.problem("drawing noted no such file", path, MAKE_ANEW)
            else:
                found.notes.append(f"stale (no artefact of this plan, may be deleted): {path}")


def drawn(plan: Plan, layout: Layout, found: Findings) -> dict[str, str]:
    """Return the sha256 of every drawn file by its name below ``artefacts/``."""
    listed: dict[str, str] = {}
    for name in plan.artefact_ids():
        path = layout.drawn(name)
        if path.is_file():
            listed |= found.attempt(partial(read_json, path, remedy=MAKE_ANEW)) or {}
    return listed


def check_figures(plan: Plan, layout: Layout, figures: Path, found: Findings) -> None:
    """Check the collected folder against its own list, single artefacts in it against what was drawn."""
    if not figures.exists():
        found.notes.append(f"{figures}: not collected yet")
        return
    listed = found.attempt(partial(collected_files, figures))
    if listed is None:
        return
    names = plan.artefact_ids()
    for name in foreign_files(figures, listed, names):
        found.problem("no rule made this file", figures / name, MOVE_AWAY)
    profile = read_json(figures / MANIFEST, remedy=COLLECT_ANEW)["profile"] if listed else layout.profile
    if profile != layout.profile:
        found.notes.append(f"{figures}: collected from profile {profile}, not from {layout.profile}")
    fresh = drawn(plan, layout, found)
    on_disk = hashes(figures)
    for name, sha256 in on_disk.items():
        found.count(f"files in {figures}")
        if name in listed and sha256 == listed[name]:
            continue
        if sha256 == fresh.get(name):
            found.notes.append(f"newer than the rest of {figures}: {name}")
        elif name in listed or any(name.startswith(f"{artefact}.") for artefact in names):
            found.problem("this is not the file that a rule put here", figures / name, COLLECT_ANEW)
    for name in sorted(set(listed) - set(on_disk)):
        found.problem(
            "this collected file is missing", figures / name, "run Snakemake, which collects it anew"
        )
