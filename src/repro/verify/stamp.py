"""Remembers which configuration has been validated, so that only a changed one is validated again.

Validation needs torch (the methods' options are in their files); Snakemake starts without it. The stamp
covers all that validation reads: settings, profile, ledger, the papers' folders, and the files of methods,
measurements, networks and data sets.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import repro
from repro.core.by_name import VISIBLE
from repro.core.files import atomic_write_text
from repro.core.paths import Layout
from repro.plan.config import PAPERS

SOURCES = ("methods", "evaluate", "models", "data")


def stamp_of(config: Path, profile: str) -> str:
    """Return the sha256 over every file that the validation of ``profile`` depends on."""
    package = Path(repro.__file__).parent
    files = [*sorted(config.glob("[!.]*.yaml")), config / "profiles" / f"{profile}.yaml"]
    files += sorted(path for path in (config / PAPERS).rglob("*") if path.is_file())
    files += [path for name in SOURCES for path in sorted((package / name).rglob(VISIBLE))]
    content = hashlib.sha256()
    for path in files:
        name = path.relative_to(config if path.is_relative_to(config) else package).as_posix()
        content.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return content.hexdigest()


def is_validated(layout: Layout, config: Path) -> bool:
    """Tell whether the configuration as it is now has been validated for this profile."""
    path = layout.root / "validated.txt"
    return path.is_file() and path.read_text(encoding="utf-8").strip() == stamp_of(config, layout.profile)


def remember(layout: Layout, config: Path) -> None:
    """Note that the configuration as it is now is valid for this profile."""
    atomic_write_text(layout.root / "validated.txt", stamp_of(config, layout.profile) + "\n")
