"""The table of claims: which of a paper's sentences hold, by how much, how sure, and what stood in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from repro.draw.numbers import FLAG, metric_label
from repro.judge.cells import Cell
from repro.judge.judging import holm
from repro.site.claims import ClaimPage
from repro.site.material import Material

REVERSED = ("not supported", "direction reverses")
HEADINGS = (
    "Paper",
    "Claim",
    "Verdict",
    "Effect, as claimed",
    "95 % interval",
    "p, corrected: of the claim / of its contrary",
    "Stood in",
)


# The p value that an answer hangs on: without it the claim cannot be told.
_HANGS_ON = {
    "supported": "p_holm",
    "direction holds": "p_holm",
    "not supported": "p_reverse_holm",
    "direction reverses": "p_reverse_holm",
}


def pooled(published: Mapping[str, Material], level: float) -> dict[str, Material]:
    """Return publications with p values corrected over all claims of a paper that any of them tests.

    A profile's claims.csv corrects over those that it tests itself, so that by itself a small profile passes
    more easily. What fails under the larger correction cannot be told.
    """
    corrected: dict[tuple[str, str, str], float] = {}
    for kind in ("p", "p_reverse"):
        families: defaultdict[str, dict[tuple[str, str], float]] = defaultdict(dict)
        for name, material in published.items():
            for page in material.claims:
                if page.row[kind]:
                    families[page.row["paper"]][name, page.id] = float(page.row[kind])
        for family in families.values():
            for (name, of), p in holm(family).items():
                corrected[name, of, f"{kind}_holm"] = p
    return {
        name: replace(
            material, claims=tuple(_corrected(page, name, corrected, level) for page in material.claims)
        )
        for name, material in published.items()
    }


def _corrected(
    page: ClaimPage, name: str, corrected: Mapping[tuple[str, str, str], float], level: float
) -> ClaimPage:
    row = dict(page.row)
    for column in ("p_holm", "p_reverse_holm"):
        if (name, page.id, column) in corrected:
            row[column] = f"{corrected[name, page.id, column]:.4g}"
    for column in ("verdict", "direction"):
        ground = _HANGS_ON.get(row[column])
        if ground and float(row[ground]) >= level:
            row[column] = "cannot be told"
    return replace(page, row=row)


def told(page: ClaimPage) -> bool:
    """Return whether a claim was tested as a whole, is reversed in a part, or had a run that diverged."""
    reversed_ = word_of(page.row) in REVERSED
    return bool(page.row["p"]) or reversed_ or any(cell.diverged for cell in page.cells)


def verdict_lines(material: Material, *, decided: bool) -> dict[str, tuple[str, ...]]:
    """Return a line, by its id, for each claim that was measured: those with an answer, or those without."""
    pages = [page for page in material.claims if told(page)]
    return {page.id: _line(page, material) for page in pages if decided == (word_of(page.row) in _HANGS_ON)}


def word_of(row: Mapping[str, str]) -> str:
    """Return the verdict; of rows that share all that stood in, the direction."""
    return row["direction"] or row["verdict"]


def _line(page: ClaimPage, material: Material) -> tuple[str, ...]:
    row = page.row
    # not page.deciding: a claim may be reversed in a part while another part is not run
    deciding = [each for each in page.comparisons if f"{each.effect or 0:.4g}" == row["effect"]]
    measured = deciding[0].left if deciding else None
    embedded = "embedded_features" in row["stand_ins"]
    label = f"{metric_label(measured.metric, embedded=embedded)} " if isinstance(measured, Cell) else ""
    suspect = [f"{FLAG} {', '.join(page.flags).replace('_', ' ')}"] if page.flags else []
    interval = f"{row['ci_low']} to {row['ci_high']}" if row["ci_low"] else "–"
    return (
        material.named[row["paper"]].name,
        row["statement"],
        word_of(row),
        f"{label}{float(row['effect']):+.4g}" if row["effect"] else "–",
        interval,
        " / ".join(row[name] or "–" for name in ("p_holm", "p_reverse_holm")),
        "; ".join([row["stand_ins"].replace("+", ", ").replace("_", " ") or "nothing", *suspect]),
    )
