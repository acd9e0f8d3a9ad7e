"""What a shell completes: names of artefacts, profiles, searches, data sets and results, read without torch.

It asks at each Tab, so that names are taken from the files, and the sheets are not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import typer
import yaml

from repro.core.by_name import declaring


def _completing(names: Callable[[Path], Iterable[str]]) -> Callable[[typer.Context, str], list[str]]:
    """Return a callback for the names that a ``config`` folder holds; a damaged one holds none."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        try:
            found = names(Path(context.params.get("config") or "config"))
            return [name for name in dict.fromkeys(found) if name.startswith(incomplete)]
        except (OSError, yaml.YAMLError, AttributeError):
            return []

    return complete


def _in_sheets(config: Path, part: str) -> list[str]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    sheets = {
        path.parent.name: yaml.load(path.read_bytes(), loader)
        for path in sorted(config.glob("papers/*/sheet.yaml"))
    }
    return [f"{paper}/{name}" for paper, sheet in sheets.items() for name in sheet.get(part) or ()]


def _results(_: Path) -> list[str]:
    found = [*Path("results").glob("*/cells.csv"), *Path("results/published").glob("*/cells.csv")]
    return sorted(path.parent.name for path in found)


artefacts = _completing(lambda config: _in_sheets(config, "artefacts"))
searches = _completing(lambda config: _in_sheets(config, "searches"))
profiles = _completing(lambda config: sorted(path.stem for path in config.glob("profiles/[!.]*.yaml")))
data_sets = _completing(lambda _: declaring("repro.data.sets", r"DATASET\b"))
finished = _completing(_results)
