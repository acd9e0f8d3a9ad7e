"""`repro new paper`: a folder in config/papers/ with a sheet of one row."""

from __future__ import annotations

from pathlib import Path

from repro.cli.scaffold.layout import lay_out
from repro.core.errors import ReproError
from repro.plan.config import check_paper_name, load_config

FILES = ("sheet.yaml", "reported.csv", "claims.yaml", "audit.yaml", "ledger.yaml")


def new_paper(config: Path, paper: str, title: str) -> list[Path]:
    """Write the files of a paper, which comes after all others, and return their paths.

    Raises:
        ReproError: the paper's name is taken or cannot be one, or the configuration is not valid as it is.
    """
    folder = load_config(config).folder / "papers" / paper
    check_paper_name(paper, folder)
    if folder.exists():
        raise ReproError(
            "this paper exists, and nothing is overwritten", where=folder, remedy="choose another name"
        )
    order = 1 + max(sheet.order for sheet in load_config(config).sheets.values())
    return lay_out({folder / name: name for name in FILES}, paper=paper, title=title, order=order)
