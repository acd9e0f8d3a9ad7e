"""`repro new paper` and `repro new method`: from templates to files that were not there before."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import repro.methods
from repro.core.errors import ReproError
from repro.core.files import atomic_write_text
from repro.plan.config import check_paper_name, load_config

OF_A_PAPER = ("sheet.yaml", "reported.csv", "claims.yaml", "audit.yaml", "ledger.yaml")
_TEMPLATES = Environment(
    loader=PackageLoader("repro.cli.scaffold"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)
_TEMPLATES.filters["quoted"] = partial(json.dumps, ensure_ascii=False)


def new_paper(config: Path, paper: str, title: str) -> list[Path]:
    """Write the files of a paper, which comes after all others, and return their paths.

    Raises:
        ReproError: the paper's name is taken or cannot be one, or the configuration is not valid as it is.
    """
    sheets = load_config(config).sheets
    folder = config / "papers" / paper
    check_paper_name(paper, folder)
    order = 1 + max(sheet.order for sheet in sheets.values())
    return _lay_out({folder / name: name for name in OF_A_PAPER}, paper=paper, title=title, order=order)


def new_method(name: str, folder: Path | None = None) -> list[Path]:
    """Write ``<folder>/<name>.py`` (None: the package's own folder of methods) and return its path.

    Raises:
        ReproError: the file exists, or the name cannot be a module's.
    """
    folder = folder or Path(str(repro.methods.__file__)).parent
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ReproError(
            f"a method cannot be called {name!r}",
            where=folder,
            remedy="choose lower-case letters, digits and underscores: the name of a Python file",
        )
    title = "".join(part.capitalize() for part in name.split("_"))
    return _lay_out({folder / f"{name}.py": "method.py"}, name=name, title=title)


def _lay_out(files: Mapping[Path, str], **values: object) -> list[Path]:
    """Fill each file's template with ``values`` and write all of them; where one exists, none."""
    for path in files:
        if path.exists():
            raise ReproError(
                "this file exists, and nothing is overwritten", where=path, remedy="choose another name"
            )
    for path, template in files.items():
        atomic_write_text(path, _TEMPLATES.get_template(f"{template}.jinja").render(values))
    return list(files)
