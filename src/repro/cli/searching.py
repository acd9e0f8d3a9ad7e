"""`repro search`: what a paper leaves open, searched on validation images."""

from __future__ import annotations

from typing import Annotated

import typer

from repro.cli.completion import searches
from repro.cli.options import CONFIG, ConfigFolder, Profile, Results, open_plan

search_app = typer.Typer(no_args_is_help=True, help="Searches on validation images.")


@search_app.command()
def draw(
    search: Annotated[str, typer.Argument(help="For example gat/c_g.", autocompletion=searches)],
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Write the table of one search from its evaluations.

    Example: `repro search draw --profile quick gat/c_g`
    """
    from repro.search.results import draw as draw_search

    opened, batches, layout = open_plan(config, profile, results)
    draw_search(opened, batches, layout, search)


@search_app.command()
def summary(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Write what all searches found: each winner, its gain over the value in use, and the noise.

    Example: `repro search summary --profile quick`
    """
    from repro.search.results import summarise

    opened, batches, layout = open_plan(config, profile, results)
    summarise(opened, batches, layout)


@search_app.command()
def adopt(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Let recipes use the winners of the finished searches (writes config/searched.yaml).

    Example: `repro search adopt --profile quick`
    """
    from repro.search.results import adopt as adopt_winners

    opened, batches, layout = open_plan(config, profile, results)
    for key, value in adopt_winners(opened, batches, layout).items():
        typer.echo(f"{key}: {value}")
