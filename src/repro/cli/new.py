"""`repro new`: files for a paper, a row or a method of your own; nothing that exists is overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.completion import artefacts
from repro.cli.options import CONFIG, ConfigFolder

new_app = typer.Typer(
    no_args_is_help=True, help="Lay out the files of a paper, a row or a method of your own."
)


@new_app.command()
def paper(
    name: Annotated[str, typer.Argument(help="Name of its folder: lower-case letters and digits.")],
    title: Annotated[str, typer.Option(help="Its title; default: its name.")] = "",
    config: ConfigFolder = CONFIG,
) -> None:
    """Lay out config/papers/NAME: a sheet with one row, and empty lists of numbers, claims, audit and ledger.

    Example: `repro new paper sngan --title "Spectral Normalization for GANs"`
    """
    from repro.cli.scaffold.files import new_paper

    _tell(new_paper(config, name, title or name), "change what they say, then: repro validate")


@new_app.command()
def row(
    name: Annotated[str, typer.Argument(help="The row's words.")],
    of: Annotated[str, typer.Option(help="The artefact, for example dat/table4.", autocompletion=artefacts)],
    like: Annotated[
        str | None, typer.Option(help="The row to copy; default: the first that has a recipe.")
    ] = None,
    panel: Annotated[str | None, typer.Option(help="The panel; default: the first.")] = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Add a row to an artefact's sheet, with a recipe of its own that begins as a copy of another row's.

    Example: `repro new row "SNGAN + drift (ours)" --of dat/table4`
    """
    from repro.cli.scaffold.row import new_row
    from repro.plan.config import load_config

    opened = load_config(config)
    recipe = new_row(opened, of, name, like=like, panel=panel)
    paper = opened.find_artefact(of).partition("/")[0]
    _tell([opened.sheet_path(paper)], f"change the recipe {recipe}, then: repro validate")


@new_app.command()
def method(
    name: Annotated[str, typer.Argument(help="Name of its file: lower-case letters, digits, underscores.")],
) -> None:
    """Lay out src/repro/methods/NAME.py: a GAN with one term more, ready to train.

    Example: `repro new method logit_drift`
    """
    from repro.cli.scaffold.files import new_method

    _tell(new_method(name), f"recipes can say `method: {name}` at once; write your own term into it")


def _tell(paths: list[Path], then: str) -> None:
    for path in paths:
        typer.echo(path)
    typer.echo(then)
