"""The command line: one thin command per step of the DAG, and a few for people.

Every command imports what it needs when it runs, since torch alone costs more than a second.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro import __version__
from repro.core.errors import ReproError
from repro.core.paths import Layout

if TYPE_CHECKING:
    from repro.papers.batching import Batches
    from repro.papers.plan import Plan

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Rebuild the tables and figures of five adversarial-training x GAN papers. "
    "The DAG calls these commands; `snakemake --cores all figures/` runs all of them.",
)
search_app = typer.Typer(no_args_is_help=True, help="Searches on validation images.")
app.add_typer(search_app, name="search")
data_app = typer.Typer(no_args_is_help=True, help="Fetch and check data sets.")
app.add_typer(data_app, name="data")

Profile = Annotated[str | None, typer.Option(help="Profile of work; default: the one in config/config.yaml.")]
Results = Annotated[Path | None, typer.Option(help="Results folder; default: the one in config/config.yaml.")]
ConfigFolder = Annotated[Path, typer.Option("--config", help="Folder of the sheets and settings.")]
DataRoot = Annotated[
    Path | None, typer.Option(envvar="REPRO_DATA", help="Folder that holds the real data sets.")
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...; default: the profile's.")]
CONFIG = Path("config")


def _open(config: Path, profile: str | None, results: Path | None) -> tuple[Plan, Batches, Layout]:
    """Read the configuration and plan the profile."""
    from repro.papers.batching import make_batches
    from repro.papers.config import load_config
    from repro.papers.plan import build_plan

    plan = build_plan(load_config(config, profile))
    folder = results or Path(plan.config.settings.results)
    return plan, make_batches(plan), Layout(folder, plan.config.profile.name)


@app.command()
def plan(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Show what a profile trains and measures.

    Example: `repro plan --profile quick`
    """
    from repro.papers.show import show_plan

    show_plan(*_open(config, profile, results))


@app.command()
def validate(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Check every sheet, method option and measurement option before anything runs.

    Example: `repro validate --profile paper`
    """
    from repro.papers.stamp import remember
    from repro.papers.validate import validate_plan

    opened, batches, layout = _open(config, profile, results)
    validate_plan(opened)
    remember(layout, config)
    runs, evaluations = len(opened.runs), len(opened.evaluations)
    typer.echo(f"{runs} runs in {len(batches.train)} batches, {evaluations} evaluations: valid")


@app.command()
def train(
    batch: Annotated[str | None, typer.Option(help="A batch of the plan.")] = None,
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
    from repro.papers.steps import train_step

    train_step(*_open(config, profile, results), batch=batch, run=run, data_root=data_root, device=device)


@app.command()
def evaluate(
    batch: Annotated[str, typer.Option(help="A batch of the plan.")],
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    data_root: DataRoot = None,
    inception: Annotated[
        Path | None,
        typer.Option(envvar="REPRO_INCEPTION", help="File of torch-fidelity's Inception weights."),
    ] = None,
    device: Device = None,
) -> None:
    """Measure the checkpoints of a batch of evaluations; results that still hold are kept.

    Example: `repro evaluate --profile smoke --batch gat-0-000-000`
    """
    from repro.papers.steps import evaluate_step

    opened = _open(config, profile, results)
    evaluate_step(*opened, batch=batch, data_root=data_root, inception=inception, device=device)


@app.command()
def architectures(into: Annotated[Path, typer.Option(help="JSON file to write.")]) -> None:
    """Describe every network (layers, shapes, parameters) for the diagrams.

    Example: `repro architectures --into results/smoke/architectures.json`
    """
    from repro.papers.architectures import write_architectures

    write_architectures(into)


@app.command()
def draw(
    artefact: Annotated[str, typer.Argument(help="For example dat/table4.")],
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Compose one artefact's cells from the evaluations and draw it.

    Example: `repro draw --profile smoke dat/table4`
    """
    from repro.papers.draw import draw_artefact

    opened, batches, layout = _open(config, profile, results)
    draw_artefact(opened, batches, layout, artefact)


@app.command()
def cells(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Join all cells into cells.csv, judge the claims and audit the papers.

    Example: `repro cells --profile smoke`
    """
    from repro.papers.join import join_cells

    opened, _, layout = _open(config, profile, results)
    counts = join_cells(opened, layout)
    typer.echo(f"{layout.cells}: " + ", ".join(f"{number} {word}" for word, number in counts.items()))


@search_app.command("draw")
def search_draw(
    search: Annotated[str, typer.Argument(help="For example gat/c_g.")],
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Write the table of one search from its evaluations.

    Example: `repro search draw --profile quick gat/c_g`
    """
    from repro.papers.search_results import draw as draw_search

    opened, batches, layout = _open(config, profile, results)
    draw_search(opened, batches, layout, search)


@search_app.command("adopt")
def search_adopt(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Let recipes use the winners of the finished searches (writes config/searched.yaml).

    Example: `repro search adopt --profile quick`
    """
    from repro.papers.search_results import adopt

    opened, batches, layout = _open(config, profile, results)
    for key, value in adopt(opened, batches, layout).items():
        typer.echo(f"{key}: {value}")


@app.command()
def cost(
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    into: Annotated[Path | None, typer.Option(help="Folder for cost.csv, .md, .tex, .png and .pdf.")] = None,
) -> None:
    """Show what a step and a cell of each recipe cost in device time, from the logs of finished runs.

    Example: `repro cost --profile quick-cpu`
    """
    from repro.papers.cost import measure_costs, write_cost
    from repro.papers.show import show_cost

    opened, _, layout = _open(config, profile, results)
    if into is not None:
        write_cost(opened, layout, into)
    show_cost(measure_costs(opened, layout), layout.profile)


@app.command()
def report(profile: Profile = None, results: Results = None, config: ConfigFolder = CONFIG) -> None:
    """Write the HTML report.

    Example: `repro report --profile smoke`
    """
    from repro.report.html import write_report

    _, _, layout = _open(config, profile, results)
    typer.echo(write_report(layout, config))


@app.command()
def collect(
    into: Annotated[Path, typer.Option(help="Folder to make.")] = Path("figures"),
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Copy all artefacts and the report into one folder.

    Example: `repro collect --profile smoke --into figures`
    """
    from repro.report.collect import collect as collect_files

    _, _, layout = _open(config, profile, results)
    typer.echo(collect_files(layout, into))


@app.command()
def verify(
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    figures: Annotated[Path, typer.Option(help="The collected folder.")] = Path("figures"),
) -> None:
    """Check that everything on disk is what a rule made: hashes of checkpoints, results, cells and figures.

    Example: `repro verify --profile smoke`
    """
    from repro.papers.verify import verify_results

    opened, batches, layout = _open(config, profile, results)
    typer.echo(verify_results(opened, batches, layout, figures))


@app.command()
def publish(
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    into: Annotated[
        Path | None, typer.Option(help="Folder; default: results/published/PROFILE-DEVICE.")
    ] = None,
) -> None:
    """Copy a profile's small files (cells, tables, plots, logs, provenance; no weights) for committing.

    Example: `repro publish --profile quick-cpu`
    """
    from repro.report.publish import publish as publish_files

    _, _, layout = _open(config, profile, results)
    typer.echo(publish_files(layout, into))


@data_app.command()
def fetch(
    name: str,
    data_root: DataRoot = None,
    url: Annotated[str | None, typer.Option(help="Another address of the same archive.")] = None,
) -> None:
    """Download a data set, or say what to place where.

    Example: `repro data fetch cifar10 --data-root ~/data`
    """
    from repro.data.fetch import fetch as fetch_data

    typer.echo(fetch_data(name, _root(data_root), url=url))


@data_app.command()
def check(
    name: str,
    data_root: DataRoot = None,
    limit: Annotated[int | None, typer.Option(help="Look at so many images of a split only.")] = None,
) -> None:
    """Count a data set's images, fingerprint them, and tell whether it is the canonical release.

    Example: `repro data check cifar10 --data-root ~/data`
    """
    from rich.console import Console

    from repro.data.check import check as check_data
    from repro.data.check import render

    Console().print(render(check_data(name, _root(data_root), limit=limit)))


def _root(data_root: Path | None) -> Path:
    """Return the data root, or say how to give one."""
    if data_root is None:
        raise ReproError(
            "no data root is given", remedy="give --data-root FOLDER, or set REPRO_DATA to the folder"
        )
    return data_root


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


def main() -> None:
    """Run the command line; a user's error is printed without a traceback and ends with status 2."""
    try:
        app()
    except ReproError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
