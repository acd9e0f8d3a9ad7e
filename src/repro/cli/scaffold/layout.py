"""From templates to files that were not there before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from repro.core.errors import ReproError
from repro.core.files import atomic_write_text

_TEMPLATES = Environment(
    loader=PackageLoader("repro.cli.scaffold"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


def lay_out(files: Mapping[Path, str], **values: object) -> list[Path]:
    """Fill each file's template with ``values`` and write all of them.

    Raises:
        ReproError: one of the files exists; then none is written.
    """
    for path in files:
        if path.exists():
            raise ReproError(
                "this file exists, and nothing is overwritten", where=path, remedy="choose another name"
            )
    for path, template in files.items():
        atomic_write_text(path, _TEMPLATES.get_template(f"{template}.jinja").render(values))
    return list(files)
