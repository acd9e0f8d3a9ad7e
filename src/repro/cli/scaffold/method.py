"""`repro new method`: a file in src/repro/methods/ that trains at once."""

from __future__ import annotations

import re
from pathlib import Path

import repro.methods
from repro.cli.scaffold.layout import lay_out
from repro.core.errors import ReproError


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
    return lay_out({folder / f"{name}.py": "method.py"}, name=name, title=title)
