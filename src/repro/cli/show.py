"""Shows a plan to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from repro.core.paths import Layout
from repro.cost.costs import Cost
from repro.cost.table import HEADINGS, NOTES, TITLE, cost_stamp, rows
from repro.plan.batches import Batches
from repro.plan.plan import Plan


def show_plan(plan: Plan, batches: Batches, layout: Layout) -> None:
    """Print every run with its size, stand-ins and state on disk, then what the artefacts ask for."""
    console = _console()
    table = Table(title=f"Runs of profile {plan.config.profile.name} ({plan.config.profile.title})")
    for heading in ("run", "recipe", "steps x batch", "width", "stand-ins", "batch", "done"):
        table.add_column(heading, overflow="fold")
    for run_id, run in plan.runs.items():
        done = "yes" if layout.record(run_id).is_file() else ""
        work = f"{run.steps:,} x {run.batch_size}"
        marks = " + ".join(run.stand_ins)
        table.add_row(run_id, run.recipe, work, f"{run.width:g}", marks, batches.train_of[run_id], done)
    console.print(table)
    states = Counter(type(cell).__name__ for cells in plan.cells.values() for cell in cells)
    counts = ", ".join(
        f"{number} {kind.removesuffix('Cell').lower()}" for kind, number in sorted(states.items())
    )
    console.print(f"{len(plan.cells)} artefacts with {sum(states.values())} cells ({counts}).")
    console.print(f"figures/ asks for {_work(plan, batches, searched=False)}.")
    if plan.only_searched:
        console.print(f"search asks for {_work(plan, batches, searched=True)} more.")


def _console() -> Console:
    """Return a console as wide as its terminal; a log or a pipe has no width of its own and gets enough."""
    console = Console()
    return console if console.is_terminal else Console(width=180)


def _work(plan: Plan, batches: Batches, *, searched: bool) -> str:
    """Return the number of runs and evaluations that artefacts, or searches alone, ask for."""
    parts = []
    for things, cut, word in (
        (plan.runs, batches.train, "runs"),
        (plan.evaluations, batches.evaluate, "evaluations"),
    ):
        members = sum((name in plan.only_searched) == searched for name in things)
        pieces = sum(batch.only_searched == searched for batch in cut.values())
        parts.append(f"{members} {word} in {pieces} batches")
    return ", ".join(parts)


def show_cost(costs: Sequence[Cost], profile: str) -> None:
    """Print what each training costs."""
    console = _console()
    table = Table(title=f"{TITLE} ({cost_stamp(costs, profile)})", caption="; ".join(NOTES))
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for row in rows(costs):
        table.add_row(*row)
    console.print(table)
