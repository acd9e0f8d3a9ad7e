"""Tables as CSV (for programs), Markdown and LaTeX with booktabs, all from the same arrangement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from repro.core.csv_text import csv_text
from repro.core.files import atomic_write_text
from repro.draw.numbers import MARKS, MEANINGS, SETTING_MEANINGS, flag_lines, metric_label, sentence, with_std
from repro.draw.view import OtherCell, View, views
from repro.judge.artefacts import Artefact, stamp_of
from repro.judge.cells import COLUMNS, Cell, render

_LATEX = {
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "–": "--",
    "✓": r"$\checkmark$",
    "✗": r"$\times$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "·": r"$\cdot$",
    "∞": r"$\infty$",
    "ε": r"$\epsilon$",
    "δ": r"$\delta$",
    "σ": r"$\sigma$",
    "λ": r"$\lambda$",
    "β": r"$\beta$",
    "×": r"$\times$",
    "→": r"$\to$",
    "≤": r"$\leq$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "⚑": r"$\blacktriangleright$",
}


def write_table(artefact: Artefact, cells: Sequence[Cell], stem: Path, profile: str) -> list[Path]:
    """Write ``stem``.csv, .md and .tex and return their paths; each carries profile and stand-ins."""
    contents = {
        ".csv": table_csv(artefact, cells, profile),
        ".md": table_markdown(artefact, cells, profile),
        ".tex": table_latex(artefact, cells, profile),
    }
    paths = []
    for ending, text in contents.items():
        path = stem.with_name(stem.name + ending)
        atomic_write_text(path, text)
        paths.append(path)
    return paths


def header_lines(artefact: Artefact, cells: Sequence[Cell], profile: str) -> list[str]:
    """Return what a table says of itself: source, profile, stand-ins, threat models, sample sizes, notes."""
    lines = [
        f"{artefact.id}, {artefact.source}" if artefact.source else artefact.id,
        stamp_of(profile, cells, artefact.kind),
    ]
    lines += [f"threat model: {text}" for text in artefact.threat_models]
    lines += [artefact.sample] if artefact.sample else []
    metrics = {cell.metric for cell in cells}
    if len(metrics) == 1 and artefact.kind == "table":
        lines.append(f"numbers: {metric_label(*metrics)}")
    if artefact.notes:
        lines.append(artefact.notes)
    return [one_line(line) for line in lines]


def legend(artefact: Artefact, cells: Sequence[Cell]) -> list[str]:
    """Return the meaning of each mark that ``cells`` use, and how a cell is read."""
    settings = artefact.kind == "settings"
    first = "each cell: stated / used" if settings else "each cell: reported / measured ± std over seeds"
    return [first, *(text for word, text in meanings(artefact, cells) if not word or MARKS[word])]


def meanings(artefact: Artefact, cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Return each verdict among ``cells`` with its meaning; what else is to be said has none ("")."""
    used = {cell.verdict for cell in cells}
    words = SETTING_MEANINGS if artefact.kind == "settings" else MEANINGS
    found = [(word, f"{MARKS[word]} {meaning}".strip()) for word, meaning in words.items() if word in used]
    embedded = any("embedded_features" in cell.stand_ins for cell in cells)
    more = ["* measured with the embedded feature extractor, not with Inception"] if embedded else []
    shown = dict.fromkeys(other.source for other in artefact.others if artefact.kind == "table")
    more += [f"{source}: published there, not in the paper; no verdict rests on it" for source in shown]
    return found + [("", text) for text in [*more, *flag_lines(cells)]]


def table_csv(artefact: Artefact, cells: Sequence[Cell], profile: str) -> str:
    """Return the table in long form, one line per cell, in the table's order; without what others publish."""
    csv_rows: list[Sequence[object]] = []
    fields = [name for name in COLUMNS if name not in ("paper", "artefact", "row")]
    csv_rows.append(["paper", "artefact", "profile", "panel", "row", *fields])
    for view in views(artefact, cells):
        for row in view.rows:
            for cell in row.cells:
                if cell is not None and not isinstance(cell, OtherCell):
                    values = [render(getattr(cell, name)) for name in fields]
                    csv_rows.append([artefact.paper, artefact.name, profile, view.panel, row.name, *values])
    return csv_text(csv_rows)


def table_markdown(artefact: Artefact, cells: Sequence[Cell], profile: str) -> str:
    """Return the table as Markdown."""
    parts = [
        f"# {one_line(artefact.title)}",
        "",
        *(f"{line}  " for line in header_lines(artefact, cells, profile)),
        "",
    ]
    for view in views(artefact, cells):
        if view.panel:
            parts += [f"## {one_line(view.panel)}", ""]
        parts.append(pipes(["", *(at.title for at in view.columns)]))
        parts.append("|---|" + "---:|" * len(view.columns))
        parts += [pipes([row.name, *(_text(cell) for cell in row.cells)]) for row in view.rows]
        parts.append("")
    # a mark that opens a list in Markdown would vanish
    parts += ["- " + "\\" * line.startswith(("* ", "+ ")) + line for line in legend(artefact, cells)]
    return "\n".join(parts) + "\n"


def table_latex(artefact: Artefact, cells: Sequence[Cell], profile: str) -> str:
    """Return the table as a LaTeX float that needs booktabs and amssymb."""
    caption = ". ".join([artefact.title.rstrip("."), *header_lines(artefact, cells, profile)])
    comments = [f"% {line}" for line in header_lines(artefact, cells, profile)]
    body = [line for view in views(artefact, cells) for line in _tabular(view)]
    label, foot = f"{artefact.paper}-{artefact.name}", "; ".join(legend(artefact, cells))
    return "\n".join(comments) + "\n" + latex_float(caption, label, body, foot)


def latex_float(caption: str, label: str, body: Sequence[str], foot: str) -> str:
    """Return a LaTeX float around the lines of one or more tabulars; it needs booktabs and amssymb."""
    lines = [
        r"% needs \usepackage{booktabs,amssymb}",
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{latex(caption)}}}",
        rf"\label{{tab:{label}}}",
        *body,
        rf"\par\smallskip\footnotesize {latex(foot)}.",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def latex(text: str) -> str:
    """Return ``text`` in one line with LaTeX's special characters escaped."""
    return re.sub("|".join(re.escape(key) for key in _LATEX), lambda match: _LATEX[match[0]], one_line(text))


def one_line(text: str) -> str:
    """Return ``text`` without line breaks, which would end a comment, a heading or a row of a table."""
    return re.sub(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*", " ", text).strip()


def _tabular(view: View) -> list[str]:
    lines = [rf"\begin{{tabular}}{{l{'r' * len(view.columns)}}}", r"\toprule"]
    if view.panel:
        lines += [
            rf"\multicolumn{{{len(view.columns) + 1}}}{{l}}{{\textbf{{{latex(view.panel)}}}}} \\",
            r"\midrule",
        ]
    lines += [ampersands(["", *(at.title for at in view.columns)]), r"\midrule"]
    lines += [ampersands([row.name, *map(_text, row.cells)]) for row in view.rows]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _text(cell: Cell | None) -> str:
    """Return a cell's line; of a number that someone else publishes the number alone."""
    if isinstance(cell, OtherCell):
        return with_std(cell.metric, cell.reported, cell.reported_std)
    return sentence(cell)


def ampersands(fields: Sequence[str]) -> str:
    """Return one row of a LaTeX table."""
    line = " & ".join(latex(field) for field in fields)
    # after \\ these would be its argument
    return "{}" * line.startswith(("[", "*")) + line + r" \\"


def pipes(fields: Sequence[str]) -> str:
    """Return one row of a Markdown table."""
    return "| " + " | ".join(one_line(field).replace("|", r"\|") for field in fields) + " |"
