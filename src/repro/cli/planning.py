"""What a profile would do, and whether it can."""

from __future__ import annotations

import typer

from repro.cli.options import CONFIG, ConfigFolder, Profile, Results, open_plan


def plan(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Show what a profile trains and measures.

    Example: `repro plan --profile quick`
    """
    from repro.cli.show import show_plan

    show_plan(*open_plan(config, profile, results))


def validate(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Check every sheet, method option and measurement option before anything runs.

    Example: `repro validate --profile paper`
    """
    from repro.verify.stamp import remember
    from repro.verify.validate import validate_plan

    opened, batches, layout = open_plan(config, profile, results)
    validate_plan(opened)
    remember(layout, config)
    runs, evaluations = len(opened.runs), len(opened.evaluations)
    typer.echo(f"{runs} runs in {len(batches.train)} batches, {evaluations} evaluations: valid")
