"""Shows a plan to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from repro.compose.differences import Differences
from repro.core.paths import Layout
from repro.cost.costs import Cost
from repro.cost.table import HEADINGS, NOTES, TITLE, cost_stamp, row
from repro.draw.numbers import cell_label, sentence, with_std
from repro.draw.tables import header_lines, legend
from repro.draw.view import View, ViewRow, split, views
from repro.judge.artefacts import Artefact
from repro.judge.cells import Cell
from repro.judge.verdict import VERDICTS
from repro.plan.batches import Batches
from repro.plan.plan import Plan
from repro.verify.status import Status

ROW_NAME = 24  # characters of a row's name in one line
_FRAME = 3  # a rule and two spaces beside each column


def plan_of(plan: Plan, batches: Batches, layout: Layout) -> dict[str, Any]:
    """Return for programs what ``show_plan`` prints."""
    runs = [
        {
            "run": run_id,
            "recipe": run.recipe,
            "dataset": run.dataset,
            "seed": run.seed,
            "steps": run.steps,
            "batch_size": run.batch_size,
            "width": run.width,
            "stand_ins": list(run.stand_ins),
            "batch": batches.train_of[run_id],
            "searched_only": run_id in plan.only_searched,
            "done": layout.record(run_id).is_file(),
        }
        for run_id, run in plan.runs.items()
    ]
    cells = {name: len(own) for name, own in plan.cells.items()}
    return {
        "profile": plan.config.profile.name,
        "runs": runs,
        "evaluations": len(plan.evaluations),
        "cells": cells,
        "kinds_of_cells": _kinds(plan),
    }


def show_plan(plan: Plan, batches: Batches, layout: Layout) -> None:
    """Print every run with its size, stand-ins and state on disk, then what the artefacts ask for."""
    console = console_of_terminal()
    table = Table(title=escape(f"Runs of profile {plan.config.profile.name} ({plan.config.profile.title})"))
    for heading in ("run", "recipe", "steps x batch", "width", "stand-ins", "batch", "done"):
        table.add_column(heading, overflow="fold")
    for run in plan_of(plan, batches, layout)["runs"]:
        work = f"{run['steps']:,} x {run['batch_size']}"
        marks, done = " + ".join(run["stand_ins"]), "yes" if run["done"] else ""
        table.add_row(run["run"], run["recipe"], work, f"{run['width']:g}", marks, run["batch"], done)
    console.print(table)
    kinds = _kinds(plan)
    counts = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    console.print(f"{len(plan.cells)} artefacts with {sum(kinds.values())} cells ({counts}).")
    console.print(f"figures/ asks for {_work(plan, batches, searched=False)}.")
    if plan.only_searched:
        console.print(f"search asks for {_work(plan, batches, searched=True)} more.")


def _kinds(plan: Plan) -> dict[str, int]:
    """Return how many cells are measured, cited, pending and so on."""
    names = (type(cell).__name__ for cells in plan.cells.values() for cell in cells)
    return dict(sorted(Counter(name.removesuffix("Cell").lower() for name in names).items()))


def console_of_terminal() -> Console:
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
    console = console_of_terminal()
    table = Table(title=f"{TITLE} ({cost_stamp(costs, profile)})", caption="; ".join(NOTES))
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for cost in costs:
        table.add_row(*row(cost))
    console.print(table)


def show_status(status: Status) -> None:
    """Print how far a profile is."""
    console = console_of_terminal()
    console.print(
        f"{status.profile}: {status.runs} runs, {status.evaluations} measurements, "
        f"{status.artefacts} artefacts"
    )
    for run, (step, steps) in status.begun.items():
        console.print(f"begun: {run} at step {step:,} of {steps:,}")
    for run in status.diverged:
        console.print(f"diverged: {run}")
    for title, counts in (("Cells", status.cells), ("Settings", status.settings)):
        if not counts:
            continue
        words = [word for word in VERDICTS if any(count[word] for count in counts.values())]
        table = Table(title=f"{title} of drawn artefacts, by verdict")
        for heading in ("paper", *words):
            table.add_column(heading, justify="left" if heading == "paper" else "right")
        for paper, count in counts.items():
            table.add_row(paper, *(str(count[word] or "") for word in words))
        console.print(table)


def show_table(artefact: Artefact, cells: Sequence[Cell], profile: str) -> None:
    """Print an artefact's cells as its table shows them."""
    console = console_of_terminal()
    console.print(f"{artefact.title}", markup=False, style="bold")
    for text in header_lines(artefact, cells, profile):
        console.print(text, markup=False)
    parts = (part for view in views(artefact, cells) for part in fitting(view, console.width))
    for view in parts:
        table = Table(title=escape(view.panel) or None)
        table.add_column("", overflow="fold", max_width=ROW_NAME)
        for column, at in enumerate(view.columns):
            width = _width(view, column) - _FRAME
            table.add_column(_folded(at.title, width), justify="right", no_wrap=True)
        for line in view.rows:
            table.add_row(escape(line.name), *(escape(sentence(cell)) for cell in line.cells))
        console.print(table)
    for text in legend(artefact, cells):
        console.print(text, markup=False)


def fitting(view: View, width: int) -> list[View]:
    """Return a view as it is, or as several (by data set, then a few columns each) that are no wider."""
    left = width - _FRAME - 1 - min(ROW_NAME, max((len(row.name) for row in view.rows), default=0))
    if sum(_width(view, column) for column in range(len(view.columns))) <= left:
        return [view]
    found = []
    for part in split(view):
        groups: list[list[int]] = []
        for column in range(len(part.columns)):
            if groups and sum(_width(part, other) for other in [*groups[-1], column]) <= left:
                groups[-1].append(column)
            else:
                groups.append([column])
        for group in groups:
            rows = (ViewRow(row.name, tuple(row.cells[k] for k in group)) for row in part.rows)
            found.append(View(part.panel, tuple(part.columns[k] for k in group), tuple(rows)))
    return found


def _folded(title: str, width: int) -> str:
    """Return a title in lines of its column's width; Rich folds within words where a table is full."""
    return escape("\n".join(wrap(title, width, break_on_hyphens=False)))


def _width(view: View, column: int) -> int:
    """Return what a column takes in a terminal: its longest number, or word of its title, and its frame."""
    texts = [sentence(row.cells[column]) for row in view.rows]
    return max(map(len, [*texts, *view.columns[column].title.split()]), default=0) + _FRAME


def show_differences(found: Differences, names: Sequence[str]) -> None:
    """Print how two sets of results differ."""
    console = console_of_terminal()
    names = [escape(name) for name in names]
    table = Table(title=f"{names[1]} minus {names[0]}: {len(found.both)} numbers that both measured")
    for heading in ("artefact", "row", "column", "metric, convention"):
        table.add_column(heading, overflow="fold")
    for heading in (*names, "difference", "95 % interval", "p"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("not the same", overflow="fold")
    for each in found.both:
        one = each.first
        metric = " / ".join(dict.fromkeys(cell_label(cell) for cell in (one, each.second)))
        sides = (f"{_mean(cell)} ({cell.n_seeds})" for cell in (one, each.second))
        interval = "" if each.low is None else f"{each.low:.3g} to {each.high:.3g}"
        p = "" if each.p is None else f"{each.p:.2g}"
        names_of = (f"{one.paper}/{one.artefact}", one.row, one.column, f"{metric}, {one.convention}")
        difference = "" if each.difference is None else f"{each.difference:+.3g}"
        said = "; ".join(filter(None, [", ".join(each.other), each.why]))
        fields = (*names_of, *sides, difference, interval, p, said)
        table.add_row(*map(escape, fields))
    console.print(table)
    console.print(
        f"measured in {names[0]} alone: {found.only_first}; in {names[1]} alone: {found.only_second}"
    )
    console.print("In brackets the seeds; p is of a two-sided Welch test, corrected for nothing.")


def _mean(cell: Cell) -> str:
    return with_std(cell.metric, cell.measured, cell.measured_std)
