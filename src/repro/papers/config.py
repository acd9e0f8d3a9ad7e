"""Reads ``config/``: settings, profiles and sheets, each error with its file and line. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.core.errors import ReproError
from repro.core.spec import Frozen
from repro.core.yaml_model import load_model
from repro.papers.profile import Profile
from repro.papers.sheet import Recipe, Sheet

PAPERS = ("robgan", "advgan", "rgan", "gat", "dat")


class Settings(Frozen):
    """``config/config.yaml``."""

    profile: str = "smoke"
    results: str = "results"
    data_root: str | None = None
    inception: str | None = None
    extractor: Recipe
    tolerances: dict[str, Any] = {}


@dataclass(frozen=True)
class Config:
    """Everything under ``config/`` that planning needs."""

    folder: Path
    settings: Settings
    profile: Profile
    sheets: dict[str, Sheet]

    def sheet_path(self, paper: str) -> Path:
        """File of one paper's sheet."""
        return self.folder / "sheets" / f"{paper}.yaml"


def load_config(folder: Path, profile: str | None = None) -> Config:
    """Read settings, one profile and the five sheets.

    Args:
        folder: the ``config`` folder of the checkout.
        profile: name of a file in ``config/profiles``; None takes the settings' default.
    """
    settings = load_model(folder / "config.yaml", Settings)[0]
    name = profile or settings.profile
    known = sorted(path.stem for path in (folder / "profiles").glob("*.yaml"))
    if name not in known:
        raise ReproError(
            f"there is no profile {name!r}",
            where=folder / "profiles",
            remedy=f"choose one of {', '.join(known)}",
        )
    sheets = {paper: load_model(folder / "sheets" / f"{paper}.yaml", Sheet)[0] for paper in PAPERS}
    return Config(folder, settings, load_model(folder / "profiles" / f"{name}.yaml", Profile)[0], sheets)
