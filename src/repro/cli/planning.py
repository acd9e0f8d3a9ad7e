"""What a profile would do, and whether it can."""

from __future__ import annotations

from typing import Annotated

import typer

from repro.cli.completion import artefacts
from repro.cli.options import CONFIG, ConfigFolder, Json, Profile, Results, open_plan, tell
from repro.core.errors import ReproError


def plan(
    artefact: Annotated[
        str | None,
        typer.Argument(
            help="Predict what one table or figure costs, e.g. dat/table4.", autocompletion=artefacts
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Device of config/rates.yaml; default: the one here.")
    ] = None,
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
        if device is not None:
            raise ReproError(
                "--device is for the cost of one artefact", remedy="name the artefact, e.g. dat/table4"
            )
        from repro.cli.show import plan_of, show_plan

        if as_json:
            tell(plan_of(opened, batches, layout))
        else:
            show_plan(opened, batches, layout)
        return
    from repro.core.device import choose_device
    from repro.core.named import named
    from repro.core.provenance import describe_device
    from repro.cost.needs import Forecast
    from repro.cost.predict import predict, read_rates

    rates, name = read_rates(config), opened.find_artefact(artefact)
    timed = dict.fromkeys(rate.device for rate in rates)
    what = "device whose steps were timed"
    at = named(what, device, timed) if device else describe_device(choose_device())["name"]
    found = predict(Forecast(opened, batches, layout, config), name, rates, at)
    if as_json:
        tell(vars(found))
    else:
        typer.echo("\n".join(found.lines))


def scale(
    device: Annotated[str, typer.Option(help="A GPU of config/gpus.yaml.")] = "NVIDIA H100 80GB HBM3",
    steps: Annotated[
        bool,
        typer.Option("--steps", help="Write this profile's lines of config/steps.yaml anew first; minutes."),
    ] = False,
    profile: Profile = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Print what a whole profile takes on 1, 8 and 64 GPUs, as far as it is known.

    Example: `repro scale --profile paper > docs/scale.md`
    """
    from repro.cost.scale import choose_gpu
    from repro.cost.scale_page import scale_page

    opened, batches, _ = open_plan(config, profile, None)
    gpu = choose_gpu(config, device)
    if steps:
        from repro.core.files import atomic_write_text
        from repro.cost.sizes import STEPS, distinct_runs, joined_sizes, listed, read_steps, steps_text
        from repro.train.step_size import step_size

        sizes = [
            listed(run, opened.recipes[run.run_id][run.recipe], step_size(run))
            for run in distinct_runs(opened)
        ]
        atomic_write_text(config / STEPS, steps_text(joined_sizes(read_steps(config), sizes)))
    typer.echo(scale_page(opened, batches, config, gpu), nl=False)


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
