"""What a person opens in the end: costs, report, figures/, a published folder; and the check of it all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro.cli.completion import artefacts
from repro.cli.options import (
    CONFIG,
    ConfigFolder,
    DataRoot,
    From,
    Json,
    Profile,
    Results,
    layout_of,
    open_plan,
    path_option,
    tell,
)
from repro.core.errors import ReproError
from repro.data.root import DATA_ROOT, choose_path

if TYPE_CHECKING:
    from repro.core.paths import Layout
    from repro.plan.config import Config


def cost(
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    into: Annotated[Path | None, path_option(help="Folder for cost.csv, .md, .tex, .png and .pdf.")] = None,
) -> None:
    """Show what a step and a cell of each recipe cost in device time, from the logs of finished runs.

    Example: `repro cost --profile gat-cpu`
    """
    from repro.cli.show import show_cost
    from repro.cost.measure import measure_costs, write_cost

    opened, _, layout = open_plan(config, profile, results)
    costs = measure_costs(opened, layout) if into is None else write_cost(opened, layout, into)
    show_cost(costs, layout.profile)


def report(
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    published: Annotated[
        bool, typer.Option("--published", help="Of all published results: their index and their site.")
    ] = False,
) -> None:
    """Write the HTML report of a profile, or of the published results (nothing is run for it).

    Example: `repro report --published`
    """
    from repro.site.html import write_report
    from repro.verify.remake import papers_of

    opened, _, layout = open_plan(config, profile, results)
    if published:
        typer.echo(_report_published(opened.config, layout))
    else:
        typer.echo(write_report(layout, papers_of(opened.config)))


def _report_published(config: Config, layout: Layout) -> Path:
    """Write index and site of all that is published and return the site's index.html."""
    from repro.site.published.write import write_published
    from repro.verify.remake import papers_of

    return write_published(layout.results / "published", papers_of(config))


def collect(
    into: Annotated[Path, path_option(help="Folder to make.")] = Path("figures"),
    only: Annotated[
        str | None, typer.Option(help="Copy one artefact alone, e.g. dat/table4.", autocompletion=artefacts)
    ] = None,
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Copy all artefacts and the report into one folder.

    Example: `repro collect --profile smoke --into figures`
    """
    from repro.site.collect import collect as collect_files
    from repro.site.collect import collect_one

    plan, _, layout = open_plan(config, profile, results)
    if only is None:
        typer.echo(collect_files(layout, into))
    else:
        typer.echo(collect_one(layout, plan.find_artefact(only), into))


def export(
    source: From = None,
    into: Annotated[Path | None, path_option(help="Folder to make; default: export.")] = None,
    ro_crate: Annotated[
        Path | None,
        path_option("--ro-crate", help="Pack workflow and results into this folder."),
    ] = None,
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
) -> None:
    """Write a JSON file for each cell and each run, named as RobustBench's, or an RO-Crate of all of it.

    Example: `repro export --from dat-cpu-amd-epyc --into exported`
    """
    from repro.plan.config import load_config
    from repro.site.export.crate import write_crate
    from repro.site.export.files import export as export_files
    from repro.site.material import read_material
    from repro.verify.remake import papers_of

    if into is not None and ro_crate is not None:
        raise ReproError("--into and --ro-crate are two exports", remedy="leave one out")
    opened = load_config(config, profile)
    layout = layout_of(opened, results, source)
    material = read_material(layout, papers_of(opened))
    if ro_crate is not None:
        typer.echo(write_crate(material, layout, config.resolve().parent, ro_crate))
    else:
        typer.echo(export_files(material, into or Path("export")))


def verify(
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Check that everything on disk is what a rule made: hashes of checkpoints, results, cells and figures.

    And that all of it is of the images that the data root holds, where there is one.

    Example: `repro verify --profile smoke`
    """
    from repro.verify.verify import summary, verify_results

    opened, batches, layout = open_plan(config, profile, results)
    root = choose_path(data_root, DATA_ROOT, opened.config.settings.data_root)
    found = verify_results(opened, batches, layout, Path("figures"), root)
    if not as_json:
        typer.echo(summary(layout, found))
        return
    tell(found.as_json())
    if found.problems:
        raise typer.Exit(2)


def publish(
    profile: Profile = None,
    results: Results = None,
    config: ConfigFolder = CONFIG,
    into: Annotated[
        Path | None, path_option(help="Folder; default: results/published/PROFILE-DEVICE.")
    ] = None,
) -> None:
    """Copy a profile's small files (cells, tables, plots, logs, provenance; no weights) for committing.

    Index and site of all that is published are written anew, but where --into lies elsewhere.

    Example: `repro publish --profile gat-cpu`
    """
    from repro.site.publish import publish as publish_files

    opened, _, layout = open_plan(config, profile, results)
    target = publish_files(layout, into)
    typer.echo(target)
    if target.absolute().parent == (layout.results / "published").absolute():
        _report_published(opened.config, layout)
