"""Reads ``config/``: settings, profiles and sheets, each error with its file and line. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from repro.core.errors import ReproError
from repro.core.spec import Frozen
from repro.core.yaml_lines import load_yaml
from repro.papers.profile import Profile
from repro.papers.sheet import Recipe, Sheet

PAPERS = ("robgan", "advgan", "rgan", "gat", "dat")
Model = TypeVar("Model", bound=BaseModel)


class Tolerance(Frozen):
    """How far a measurement may lie from the reported value: an absolute distance or a share of the reported value."""

    absolute: float | None = Field(default=None, ge=0)
    relative: float | None = Field(default=None, ge=0)


class Settings(Frozen):
    """``config/config.yaml``."""

    profile: str = "smoke"
    results: str = "results"
    data_root: str | None = None
    inception: str | None = None
    extractor: Recipe
    tolerances: dict[str, Tolerance]


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


def read(model: type[Model], path: Path) -> Model:
    """Read one YAML file as ``model``; every schema error names file, line and remedy."""
    if not path.is_file():
        raise ReproError("a configuration file is missing", where=path, remedy="restore it from the repository")
    data, line_of = load_yaml(path)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(part for part in first["loc"])
        raise ReproError(
            f"{'.'.join(map(str, place)) or 'the file'}: {first['msg']}",
            where=path,
            line=line_of(place),
            remedy=_remedy(first, len(error.errors())),
        ) from error


def _remedy(problem: Any, count: int) -> str:
    """Say what to do about one schema problem, and how many more there are."""
    more = f" ({count - 1} more problems follow in this file)" if count > 1 else ""
    if problem["type"] == "extra_forbidden":
        return f"remove the unknown field or mend its spelling{more}"
    if problem["type"] == "missing":
        return f"add the missing field{more}"
    return f"mend the value {problem.get('input')!r}{more}"


def load_config(folder: Path, profile: str | None = None) -> Config:
    """Read settings, one profile and the five sheets.

    Args:
        folder: the ``config`` folder of the checkout.
        profile: name of a file in ``config/profiles``; None takes the settings' default.
    """
    settings = read(Settings, folder / "config.yaml")
    name = profile or settings.profile
    known = sorted(path.stem for path in (folder / "profiles").glob("*.yaml"))
    if name not in known:
        raise ReproError(
            f"there is no profile {name!r}", where=folder / "profiles", remedy=f"choose one of {', '.join(known)}"
        )
    sheets = {paper: read(Sheet, folder / "sheets" / f"{paper}.yaml") for paper in PAPERS}
    return Config(folder, settings, read(Profile, folder / "profiles" / f"{name}.yaml"), sheets)
