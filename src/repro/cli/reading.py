"""What people read in a terminal: how far a profile is, one table, two sets of results side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from repro.cli.completion import artefacts, finished
from repro.cli.options import CONFIG, ConfigFolder, From, Json, Profile, Results, layout_of, open_plan, tell
from repro.data.root import user_path


def status(
    profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG, as_json: Json = False
) -> None:
    """Show how far a profile is: runs, measurements, artefacts, and cells by verdict.

    Example: `repro status --profile quick`
    """
    from repro.cli.show import show_status
    from repro.verify.status import status_of

    plan, _, layout = open_plan(config, profile, results)
    found = status_of(plan, layout)
    if as_json:
        tell(found.as_json())
    else:
        show_status(found)


def table(
    artefact: Annotated[str, typer.Argument(help="For example dat/table3.", autocompletion=artefacts)],
    source: From = None,
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    as_json: Json = False,
) -> None:
    """Show one table, or the numbers behind a figure: reported / measured, and the verdict's mark.

    Example: `repro table dat/table4 --from results/published/dat-cpu-amd-epyc`
    """
    from repro.cli.show import show_table
    from repro.compose.drawn import read_drawn
    from repro.compose.paper_files import all_reported
    from repro.judge.reported import as_printed
    from repro.plan.config import load_config

    opened = load_config(config, profile)
    name = opened.find_artefact(artefact)
    layout = layout_of(opened, results, source, name)
    entry, cells = read_drawn(layout, name)
    if as_json:
        tell({"artefact": name, "title": entry.title, "cells": [asdict(cell) for cell in cells]})
    else:
        show_table(entry, as_printed(cells, all_reported(opened)), layout.profile)


def compare(
    first: Annotated[
        str, typer.Argument(help="A profile, a publication, or a folder of either.", autocompletion=finished)
    ],
    second: Annotated[str, typer.Argument(help="Another.", autocompletion=finished)],
    only: Annotated[
        str | None, typer.Option(help="One artefact alone, e.g. dat/table4.", autocompletion=artefacts)
    ] = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    as_json: Json = False,
) -> None:
    """Compare two sets of results cell by cell: both means, difference, 95 % interval, two-sided p.

    Example: `repro compare dat-toy-amd-epyc dat-toy --only dat/figure3`
    """
    from repro.cli.show import show_differences
    from repro.compose.differences import differences_of, features_of
    from repro.compose.drawn import cells_of, results_called
    from repro.jobs.publication import cells_in
    from repro.plan.config import load_config
    from repro.site.stored import read_stored

    opened = load_config(config)
    folder = results or user_path(opened.settings.results)
    artefact = None if only is None else opened.find_artefact(only)
    layouts = [results_called(name, folder, artefact) for name in (first, second)]
    ours, theirs = (cells_of(each, artefact) if artefact else cells_in(each) for each in layouts)
    one, two = (features_of(read_stored(each).results.values()) for each in layouts)
    found = differences_of(ours, theirs, (one, two))
    if as_json:
        told = {"both": [each.as_json() for each in found.both]}
        tell({**told, "only_first": found.only_first, "only_second": found.only_second})
    else:
        show_differences(found, [layout.profile for layout in layouts])
