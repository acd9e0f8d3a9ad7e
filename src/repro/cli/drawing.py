"""From measurements to pictures: networks described, artefacts drawn, cells joined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.completion import artefacts
from repro.cli.options import CONFIG, ConfigFolder, Profile, Results, open_plan, path_option


def architectures(into: Annotated[Path, path_option(help="JSON file to write.")]) -> None:
    """Describe every network (layers, shapes, parameters) for the diagrams.

    Example: `repro architectures --into results/smoke/architectures.json`
    """
    from repro.jobs.architectures import write_architectures

    write_architectures(into)


def draw(
    artefact: Annotated[str, typer.Argument(help="For example dat/table4.", autocompletion=artefacts)],
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Compose one artefact's cells from the evaluations and draw it.

    Example: `repro draw --profile smoke dat/table4`
    """
    from repro.compose.artefact import draw_artefact

    opened, batches, layout = open_plan(config, profile, results)
    draw_artefact(opened, batches, layout, artefact)


def cells(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Join all cells into cells.csv, judge the claims and audit the papers.

    Example: `repro cells --profile smoke`
    """
    from repro.compose.join import join_cells

    opened, _, layout = open_plan(config, profile, results)
    counts = join_cells(opened, layout)
    typer.echo(f"{layout.cells}: " + ", ".join(f"{number} {word}" for word, number in counts.items()))
