"""`repro data`: fetch and check data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.completion import data_sets
from repro.cli.options import CONFIG, ConfigFolder, DataRoot, Profile, Results, open_plan
from repro.core.errors import ReproError
from repro.data.root import DATA_ROOT, choose_path

data_app = typer.Typer(no_args_is_help=True, help="Fetch and check data sets.")


@data_app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="For example cifar10.", autocompletion=data_sets)],
    data_root: DataRoot = None,
    config: ConfigFolder = CONFIG,
    url: Annotated[str | None, typer.Option(help="Another address of the same archive.")] = None,
) -> None:
    """Download a data set, or say what to place where.

    Example: `repro data fetch cifar10 --data-root ~/data`
    """
    from repro.data.fetch import fetch as fetch_data

    typer.echo(fetch_data(name, _root(data_root, config), url=url))


@data_app.command()
def check(
    name: Annotated[str, typer.Argument(help="For example cifar10.", autocompletion=data_sets)],
    data_root: DataRoot = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Count a data set's images, fingerprint them, and tell whether it is the canonical release.

    Example: `repro data check cifar10 --data-root ~/data`
    """
    from rich.console import Console

    from repro.data.check import check as check_data
    from repro.data.check import render

    Console().print(render(check_data(name, _root(data_root, config))))


@data_app.command()
def record(
    name: Annotated[str, typer.Argument(help="For example cifar10.", autocompletion=data_sets)],
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    data_root: DataRoot = None,
) -> None:
    """Write down which images of a data set a profile's runs and evaluations read.

    Example: `repro data record cifar10 --profile gat-cpu`
    """
    from repro.jobs.data_sets import record_data_set

    plan, _, layout = open_plan(config, profile, results)
    typer.echo(record_data_set(plan, layout, name, _root(data_root, config)))


def _root(data_root: Path | None, config: Path) -> Path:
    """Return the data root, or say how to give one. Outside a checkout there may be no configuration."""
    from repro.core.yaml_model import load_model
    from repro.plan.config import SETTINGS, Settings

    path = config / SETTINGS
    setting = None
    if choose_path(data_root, DATA_ROOT, None) is None and (path.is_file() or config != CONFIG):
        setting = load_model(path, Settings)[0].data_root
    root = choose_path(data_root, DATA_ROOT, setting)
    if root is None:
        raise ReproError(
            "no data root is given",
            remedy=f"give --data-root FOLDER, or set {DATA_ROOT} to the folder, or data_root in {path}",
        )
    return root
