"""The two steps that compute, train a batch and measure a batch, and results of several machines joined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.options import CONFIG, ConfigFolder, DataRoot, Device, Profile, Results, open_plan, path_option
from repro.data.root import INCEPTION, user_path


def train(
    batch: Annotated[str | None, typer.Option(help="A batch of the plan; `repro plan` lists them.")] = None,
    run: Annotated[str | None, typer.Option(help="One run of the plan, by its id.")] = None,
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    data_root: DataRoot = None,
    device: Device = None,
) -> None:
    """Train a batch of runs, or one run; finished runs are kept, stopped ones resumed.

    Example: `repro train --profile smoke --batch gat-0-000`
    """
    from repro.jobs.steps import train_step

    train_step(*open_plan(config, profile, results), batch=batch, run=run, data_root=data_root, device=device)


def evaluate(
    batch: Annotated[str, typer.Option(help="A batch of the plan.")],
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    data_root: DataRoot = None,
    inception: Annotated[
        Path | None,
        path_option(
            help="File of torch-fidelity's Inception weights; "
            f"default: {INCEPTION}, else inception in config.yaml, else its own download.",
        ),
    ] = None,
    device: Device = None,
) -> None:
    """Measure the checkpoints of a batch of evaluations; results that still hold are kept.

    Example: `repro evaluate --profile smoke --batch gat-0-000-000`
    """
    from repro.jobs.steps import evaluate_step

    opened = open_plan(config, profile, results)
    evaluate_step(*opened, batch=batch, data_root=data_root, inception=inception, device=device)


def merge(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Results folders of other machines, publications.", parser=user_path),
    ],
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Take over finished runs and evaluations of the same plan from other machines' results folders.

    A folder below results/published is one, too: its runs come without weights, for more seeds to be joined.
    What contradicts what is here, or was trained on other images, is refused; then nothing is copied.

    Example: `repro merge ~/from-node-1/results ~/from-node-2/results --profile paper`
    """
    from repro.jobs.merge import merge
    from repro.site.published.unpack import unpacked

    plan, _, layout = open_plan(config, profile, results)
    with unpacked(sources, layout.profile) as folders:
        merged = merge(plan, layout, folders)
    print(
        f"{layout.root}: {merged.runs} runs and {merged.evaluations} evaluations copied, "
        f"{merged.present} were here, {merged.stale} are of another plan"
    )
    for path in merged.unfinished:
        print(f"not finished, left where it is: {path}")
