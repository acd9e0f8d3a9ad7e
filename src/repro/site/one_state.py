"""Whether what a profile shows is of what it holds: cells, drawings, results and runs of one state."""

from __future__ import annotations

from math import isclose

from repro.core.errors import ReproError
from repro.core.paths import Layout
from repro.judge.artefacts import Behind, read_artefacts
from repro.judge.cells import read_cells, select
from repro.site.stored import Stored


def require_one_state(layout: Layout, stored: Stored) -> None:
    """Check that nothing was drawn, measured or trained anew since cells.csv was written.

    Raises:
        ReproError: something was; names the artefact.
    """
    listed = layout.root / "artefacts.json"
    cells = read_cells(layout.cells)
    for artefact in read_artefacts(listed).artefacts if listed.is_file() else ():
        own = layout.entry(artefact.id).with_suffix(".csv")
        drawn_anew = own.is_file() and read_cells(own) != select(cells, artefact.paper, artefact.name)
        if drawn_anew or not all(_holds(behind, stored) for behind in artefact.behind):
            what = "was drawn anew" if drawn_anew else "rests on what was trained or measured anew"
            raise ReproError(
                f"{artefact.id} {what} since cells.csv was written",
                where=layout.cells,
                remedy="run Snakemake to its end first: snakemake --cores all figures/ "
                f"--config profile={layout.profile}",
            )


def _holds(behind: Behind, stored: Stored) -> bool:
    """Return whether a cell's numbers are those of the results, and these of the runs, that there are now."""
    now: list[float] = []
    gone = False
    for name in behind.evaluations:
        result = stored.results.get(name)
        if result is None:  # nothing that was made anew
            gone = True
            continue
        record = stored.records.get(str(result["spec"].get("run")))
        if record is not None and record.get("checkpoint_sha256") != result.get("checkpoint_sha256"):
            return False
        value = result["values"].get(behind.value)
        now += [] if value is None else [value]
    # a difference of two runs, or a passing, is no result's own number
    return gone or len(now) != len(behind.numbers) or all(map(isclose, now, behind.numbers))
