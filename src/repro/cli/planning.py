"""What a profile would do, and whether it can."""

from __future__ import annotations

from typing import Annotated

import typer

from repro.cli.options import CONFIG, ConfigFolder, Json, Profile, Results, open_plan, tell


def plan(
    artefact: Annotated[
        str | None, typer.Argument(help="Predict what one table or figure costs, e.g. dat/table4.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="For a device; default: the one here.")] = None,
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    as_json: Json = False,
) -> None:
    """Show what a profile trains and measures, or what one artefact costs, from measured rates.

    Example: `repro plan dat/table4 --profile paper`
    """
    opened, batches, layout = open_plan(config, profile, results)
    if artefact is None:
        from repro.cli.show import plan_of, show_plan

        if as_json:
            tell(plan_of(opened, batches, layout))
        else:
            show_plan(opened, batches, layout)
        return
    from repro.core.device import choose_device
    from repro.core.provenance import describe_device
    from repro.cost.predict import predict, read_rates, timed_device

    rates, name = read_rates(config), opened.find_artefact(artefact)
    at = timed_device(rates, device) if device else describe_device(choose_device())["name"]
    found = predict(opened, name, rates, at)
    if as_json:
        tell(vars(found))
    else:
        typer.echo("\n".join(found.lines))


def validate(
    profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG, as_json: Json = False
) -> None:
    """Check every sheet, method option and measurement option before anything runs.

    Example: `repro validate --profile paper`
    """
    from repro.verify.stamp import remember
    from repro.verify.validate import validate_plan

    opened, batches, layout = open_plan(config, profile, results)
    validate_plan(opened)
    remember(layout, config)
    runs, evaluations = len(opened.runs), len(opened.evaluations)
    if as_json:
        tell({"valid": True, "profile": layout.profile, "runs": runs, "evaluations": evaluations})
    else:
        typer.echo(f"{runs} runs in {len(batches.train)} batches, {evaluations} evaluations: valid")
