"""Options that most commands take, and the plan that they open with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repro.cli.completion import finished, profiles
from repro.core.paths import Layout
from repro.data.root import DATA_ROOT, user_path

if TYPE_CHECKING:
    from repro.plan.batches import Batches
    from repro.plan.config import Config
    from repro.plan.plan import Plan


def path_option(*names: str, help: str, **more: Any) -> Any:
    """Return an option that takes a path, of which ``~`` is expanded."""
    return typer.Option(*names, parser=user_path, metavar="PATH", help=help, **more)


Profile = Annotated[
    str | None,
    typer.Option(help="Profile of work; default: the one in config/config.yaml.", autocompletion=profiles),
]
Results = Annotated[Path | None, path_option(help="Results folder; default: the one in config/config.yaml.")]
ConfigFolder = Annotated[Path, path_option("--config", help="Folder of the sheets and settings.")]
DataRoot = Annotated[
    Path | None,
    path_option(help=f"Folder of the real data sets; default: {DATA_ROOT}, else data_root in config.yaml."),
]
From = Annotated[
    Path | None,
    path_option("--from", help="A profile, a publication, or a folder of either.", autocompletion=finished),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...; default: the profile's.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: one JSON object, errors too.")]
CONFIG = Path("config")


def tell(value: object) -> None:
    """Print a value as JSON, for programs."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def open_plan(config: Path, profile: str | None, results: Path | None) -> tuple[Plan, Batches, Layout]:
    """Read the configuration and plan the profile.

    Raises:
        ReproError: a sheet or setting is wrong; names the file and line.
    """
    from repro.plan.batches import make_batches
    from repro.plan.config import load_config
    from repro.plan.plan import build_plan

    plan = build_plan(load_config(config, profile))
    return plan, make_batches(plan), layout_of(plan.config, results)


def layout_of(
    config: Config, results: Path | None, source: Path | None = None, artefact_id: str | None = None
) -> Layout:
    """Return the profile's results, or those of ``source``: another profile, a publication, a folder.

    Of ``source`` an artefact that was drawn alone is enough where only that one is wanted.

    Raises:
        ReproError: there are none of ``source``.
    """
    folder = results or user_path(config.settings.results)
    if not source:
        return Layout(folder, config.profile.name)
    from repro.compose.drawn import results_called  # here, since every job of the DAG asks for a layout

    return results_called(str(source), folder, artefact_id)
