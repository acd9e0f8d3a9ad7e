"""The command line: one thin command per step of the DAG, and a few for people.

Every command imports what it needs when it runs, since torch alone costs more than a second.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from repro import __version__
from repro.cli.data_sets import data_app
from repro.cli.drawing import architectures, cells, draw
from repro.cli.new import new_app
from repro.cli.options import tell
from repro.cli.planning import plan, scale, validate
from repro.cli.reading import compare, status, table
from repro.cli.reporting import collect, cost, export, publish, report, verify
from repro.cli.running import evaluate, merge, train
from repro.cli.searching import search_app
from repro.core.allocator import keep_freed_memory
from repro.core.errors import ReproError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Rebuild the tables and figures of adversarial-training x GAN papers. "
    "`snakemake --cores all figures/` calls those that train, measure and draw; the others are for people.",
)

for _command in (
    plan, scale, validate, train, evaluate, architectures, draw, cells, cost, report, collect, verify,
    publish, export, merge, status, table, compare,
):  # fmt: skip
    app.command()(_command)  # in the order of the help text: that of the DAG, then what people read
app.add_typer(search_app, name="search")
app.add_typer(new_app, name="new")
app.add_typer(data_app, name="data")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"repro {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Hold the options that come before a command."""


def _closed(error: PermissionError) -> ReproError:
    return ReproError(
        "this user may not read or write there",
        remedy="let its owner allow it (chmod -R u+rwX, or g+rwX for a group), or name another folder",
        where=error.filename,
    )


def main() -> None:
    """Run the command line; a user's error is printed without a traceback and ends with status 2."""
    keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it cannot show (a terminal without UTF-8) is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except (ReproError, PermissionError) as caught:
        error = caught if isinstance(caught, ReproError) else _closed(caught)
        if "--json" in sys.argv:
            tell({"error": error.as_json()})
        else:
            print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
