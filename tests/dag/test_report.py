"""Snakemake's own report of a finished project: every picture in its paper's category, under its caption."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from dag_case import copy_workflow, run_snakemake, snakemake
from repro.plan.config import load_config


@pytest.mark.slow
def test_the_report_has_every_artefact_with_its_caption(project: Path) -> None:
    copy_workflow(project)
    snakemake(project, "figures/gat/table1.png", "results/tiny/artefacts/gat/figure4.png")
    code, printed = run_snakemake(
        project, "--report", "report.zip", "figures/gat/table1.png", "results/tiny/artefacts/gat/figure4.png"
    )
    assert code == 0, printed
    with ZipFile("report.zip") as packed:
        pages = {name: packed.read(name).decode(errors="replace") for name in packed.namelist()}
    text = "\n".join(pages.values())
    for name, artefact in load_config(Path("config")).sheets["gat"].artefacts.items():
        assert any(path.endswith(f"/{name}.png") for path in pages), name
        assert f"<strong>{artefact.title}</strong> (gat/{name})" in text
        assert f"results/tiny/cells/gat/{name}.csv" in text
