"""The table of claims: which of a paper's sentences hold, by how much, how sure, and what stood in."""

from __future__ import annotations

from collections.abc import Mapping

from repro.draw.numbers import metric_label
from repro.site.claims import ClaimPage
from repro.site.material import Material

HEADINGS = ("Paper", "Claim", "Verdict", "Effect, as claimed", "95 % interval", "p, corrected", "Stood in")


def told(row: Mapping[str, str]) -> bool:
    """Return whether anything was measured that the claim of this line of claims.csv can be judged by."""
    return bool(row["effect"]) and row["verdict"] != "pending"


def verdict_lines(material: Material, *, decided: bool) -> dict[str, tuple[str, ...]]:
    """Return a line, by its id, for each claim that was measured: those with an answer, or those without."""
    pages = [page for page in material.claims if told(page.row)]
    return {
        page.id: _line(page, material) for page in pages if decided == (word_of(page.row) != "cannot be told")
    }


def word_of(row: Mapping[str, str]) -> str:
    """Return the verdict; of rows that share all that stood in, the direction."""
    return row["direction"] or row["verdict"]


def _line(page: ClaimPage, material: Material) -> tuple[str, ...]:
    row, word = page.row, word_of(page.row)
    reverse = word in ("not supported", "direction reverses")
    corrected = row["p_reverse_holm"] if reverse else row["p_holm"]
    metric = page.claim.all[0].left.metric if page.claim else None
    embedded = "embedded_features" in row["stand_ins"]
    label = f"{metric_label(metric, embedded=embedded)} " if metric else ""
    interval = f"{row['ci_low']} to {row['ci_high']}" if row["ci_low"] else "–"
    return (
        material.named[row["paper"]].name,
        row["statement"],
        word,
        f"{label}{float(row['effect']):+.4g}",
        interval,
        f"{corrected or '–'}{' (of the contrary)' if reverse else ''}",
        row["stand_ins"].replace("+", ", ").replace("_", " ") or "nothing",
    )
