"""Options that most commands take, and the plan that they open with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro.core.paths import Layout

if TYPE_CHECKING:
    from repro.papers.batching import Batches
    from repro.papers.plan import Plan

Profile = Annotated[str | None, typer.Option(help="Profile of work; default: the one in config/config.yaml.")]
Results = Annotated[Path | None, typer.Option(help="Results folder; default: the one in config/config.yaml.")]
ConfigFolder = Annotated[Path, typer.Option("--config", help="Folder of the sheets and settings.")]
DataRoot = Annotated[
    Path | None, typer.Option(envvar="REPRO_DATA", help="Folder that holds the real data sets.")
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...; default: the profile's.")]
CONFIG = Path("config")


def open_plan(config: Path, profile: str | None, results: Path | None) -> tuple[Plan, Batches, Layout]:
    """Read the configuration and plan the profile.

    Raises:
        ReproError: a sheet or setting is wrong; names the file and line.
    """
    from repro.papers.batching import make_batches
    from repro.papers.config import load_config
    from repro.papers.plan import build_plan

    plan = build_plan(load_config(config, profile))
    folder = results or Path(plan.config.settings.results)
    return plan, make_batches(plan), Layout(folder, plan.config.profile.name)
