"""The Cost table for people, in Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from repro.cost.costs import Cost
from repro.draw.tables import ampersands, latex_float, pipes
from repro.judge.artefacts import stamp

TITLE = "Cost of a training step"
HEADINGS = (
    "recipe",
    "ms a step (quartiles)",
    "attack: network",
    "attack: kernel",
    "rest",
    "relative",
    "to",
    "hours a run",
    "hours a cell",
    "device",
)
NOTES = (
    "device time, median over the logged intervals of all seeds; a GAN step is one generator step with "
    "its discriminator steps",
    "relative: against the paper's plain recipe; left out where data, width, batch, format or device differ",
    "hours a run: the median times its steps, whatever ran beside it; hours a cell: those of the runs that "
    "one cell of a table rests on, with all seeds and the runs that these start from, and its evaluations",
)


def cost_markdown(costs: Sequence[Cost], profile: str) -> str:
    """Return the table as Markdown."""
    lines = [f"# {TITLE}", "", f"{cost_stamp(costs, profile)}  ", "", pipes(HEADINGS)]
    lines.append("|---|" + "---:|" * 5 + "---|" + "---:|" * 2 + "---|")
    lines += [pipes(row(cost)) for cost in costs]
    return "\n".join([*lines, "", *(f"- {note}" for note in NOTES)]) + "\n"


def cost_latex(costs: Sequence[Cost], profile: str) -> str:
    """Return the table as a LaTeX float."""
    lines = [r"\begin{tabular}{lrrrrrlrrl}", r"\toprule", ampersands(HEADINGS), r"\midrule"]
    lines += [*(ampersands(row(cost)) for cost in costs), r"\bottomrule", r"\end{tabular}"]
    return latex_float(f"{TITLE}. {cost_stamp(costs, profile)}", "cost", lines, "; ".join(NOTES))


def cost_stamp(costs: Sequence[Cost], profile: str) -> str:
    """Return profile, stand-ins and number formats in one line."""
    touched = tuple(dict.fromkeys(name for cost in costs for name in cost.stand_ins))
    formats = " + ".join(sorted({cost.spec.precision for cost in costs}))
    return f"{stamp(profile, touched)} · {formats}" if costs else f"{profile} profile · no finished run"


def row(cost: Cost) -> tuple[str, ...]:
    """Return a training's line as text."""
    split = tuple(milliseconds(part) for part in cost.split)
    spread = f"{milliseconds(cost.seconds)} ({milliseconds(cost.q1)}–{milliseconds(cost.q3)})"
    relative = "–" if cost.relative is None else f"{cost.relative:.2f} ×"
    cell = "–" if cost.hours_per_cell is None else f"{cost.hours_per_cell:.3g}"
    to = "itself" if cost.baseline == cost.spec.recipe else cost.baseline or "–"
    where = f"{cost.device}, {cost.spec.precision}"
    name = f"{cost.name}, {cost.spec.dataset}, width {cost.spec.width:g}, batch {cost.spec.batch_size}"
    return name, spread, *split, relative, to, f"{cost.hours_per_run:.3g}", cell, where


def milliseconds(seconds: float) -> str:
    """Return seconds as milliseconds with three digits."""
    value = 1000 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
