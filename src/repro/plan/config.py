"""Reads ``config/``: settings, profiles and sheets, each error with its file and line. Imports no torch."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, RootModel

from repro.core.cell_key import row_key
from repro.core.errors import ReproError
from repro.core.failures import FailureRules
from repro.core.named import named
from repro.core.spec import Frozen, OptionValue
from repro.core.yaml_lines import LineOf
from repro.core.yaml_model import load_model
from repro.data.catalogue import CATALOGUE
from repro.evaluate.registry import measurement_names, needs
from repro.judge.claims import ClaimRules
from repro.judge.tolerances import Tolerance
from repro.plan.names import PAPER, check_names, no_such, qualified
from repro.plan.profile import Measuring, Profile
from repro.plan.sheet import Evaluation, Recipe, Sheet

EXTRACTOR = "suite.extractor"  # the recipe of the embedded feature extractor, which is in no sheet
SETTINGS = "config.yaml"
PAPERS = "papers"  # one folder each: the list of papers
SEARCHED = "searched.yaml"  # what searches found and was adopted
# the suite's own beginnings of recipes, batches and pages
_TAKEN = ("suite", "search", "searches", "index", "runs", "claims", "cells", "ledger", "audit", "cost")


class Settings(Frozen):
    """``config/config.yaml``; ``extractor_from`` names another set to train the extractor on, by data set."""

    profile: str = "smoke"
    results: str = "results"
    data_root: str | None = None
    inception: str | None = None
    extractor: Recipe
    extractor_from: dict[str, str] = {}
    tolerances: dict[str, Tolerance] = {}
    claims: ClaimRules = ClaimRules()
    warnings: FailureRules = FailureRules()


_NOTHING = BeforeValidator(lambda value: {} if value is None else value)  # what a deleted last line leaves


class Searched(RootModel[Annotated[dict[str, Annotated[dict[str, OptionValue], _NOTHING]], _NOTHING]]):
    """``config/searched.yaml``: adopted values by profile and ``paper/search@dataset``."""


@dataclass(frozen=True)
class Config:
    """Everything under ``config/`` that planning needs; ``sheets`` are in the order that they state."""

    folder: Path
    settings: Settings
    profile: Profile
    sheets: dict[str, Sheet]
    searched: dict[str, OptionValue] = field(default_factory=dict)

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """Every recipe of the sheets by ``paper.recipe``; all that a sheet names are here."""
        return {
            qualified(name, paper): recipe
            for paper, sheet in self.sheets.items()
            for name, recipe in sheet.recipes.items()
        }

    @cached_property
    def evaluations(self) -> dict[str, Evaluation]:
        """Every evaluation of the sheets by ``paper.evaluation``."""
        return {
            qualified(name, paper): evaluation
            for paper, sheet in self.sheets.items()
            for name, evaluation in sheet.evaluations.items()
        }

    def find_artefact(self, name: str) -> str:
        """Return the ``paper/artefact`` of any sheet that ``name`` means; see ``core.named``."""
        return named("artefact", name, _artefacts(self.sheets))

    def sheet_path(self, paper: str) -> Path:
        """File of one paper's sheet."""
        return self.paper_file(paper, "sheet.yaml")

    def paper_file(self, paper: str, name: str) -> Path:
        """Any file of one paper's folder."""
        return self.folder / PAPERS / paper / name


def load_config(folder: Path, profile: str | None = None) -> Config:
    """Read settings, one profile and every paper's sheet.

    Args:
        folder: the ``config`` folder of the checkout.
        profile: name of a file in ``config/profiles``; None takes the settings' default.
    """
    settings_path = folder / SETTINGS
    settings, line_of = load_model(settings_path, Settings)
    borrowed = [(("extractor", "dataset"), settings.extractor.dataset)]
    borrowed += [
        (("extractor_from", key), name)
        for key, lent in settings.extractor_from.items()
        for name in (key, lent)
    ]
    for place, name in borrowed:
        if name not in CATALOGUE:
            raise no_such("data set", name, list(CATALOGUE), settings_path, line_of(place))
    sheets = _sheets(folder / PAPERS)
    chosen = _profile(folder / "profiles", profile or settings.profile, sheets)
    config = Config(folder, settings, chosen, sheets)
    return replace(config, searched=_searched(config))


def read_searched(path: Path) -> tuple[dict[str, dict[str, OptionValue]], LineOf]:
    """Return what searches found, by profile and ``paper/search@dataset``; nothing without the file.

    Raises:
        ReproError: the file is no such thing; field and line are named.
    """
    if not path.is_file():
        return {}, lambda keys: 1
    found, line_of = load_model(path, Searched, may_be_empty=True)
    return found.root, line_of


def _searched(config: Config) -> dict[str, OptionValue]:
    """Return what was adopted under the profile; what the file says of others is checked too."""
    path, profiles = config.folder / SEARCHED, _profiles(config.folder / "profiles")
    found, line_of = read_searched(path)
    searches = {
        f"{paper}/{name}@{dataset}": search
        for paper, sheet in config.sheets.items()
        for name, search in sheet.searches.items()
        for dataset in search.datasets or (config.recipes[qualified(search.recipe, paper)].dataset,)
    }
    for own, values in found.items():
        if own not in profiles:
            raise no_such("profile", own, profiles, path, line_of((own,)))
        for key, value in values.items():
            if key not in searches:
                raise no_such("search", key, searches, path, line_of((own, key)))
            if not searches[key].adoptable:
                raise ReproError(
                    f"{key}: no recipe takes a value of this search (the paper or a profile states it)",
                    where=path,
                    line=line_of((own, key)),
                    remedy="delete this line",
                )
            if value not in searches[key].values:
                among = ", ".join(map(str, searches[key].values))
                raise ReproError(
                    f"{key}: the search compares no value {value!r}",
                    where=path,
                    line=line_of((own, key)),
                    remedy=f"delete this line to go back to the sheet's value, or use one of {among}",
                )
    return found.get(config.profile.name, {})


def _sheets(folder: Path) -> dict[str, Sheet]:
    """Read the sheet of every folder, in the order that the sheets state."""
    papers = sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))
    if not papers:
        raise ReproError("there is no paper", where=folder, remedy="restore the folder from git")
    for path in papers:
        check_paper_name(path.name, path)
    sheets = {path.name: load_model(path / "sheet.yaml", Sheet)[0] for path in papers}
    check_names(sheets, {path.name: path / "sheet.yaml" for path in papers})
    return dict(sorted(sheets.items(), key=lambda item: (item[1].order, item[0])))


def check_paper_name(name: str, where: Path) -> None:
    """Check that a folder's name can be a paper's.

    Raises:
        ReproError: it is no lower-case word, or the suite uses it for something else.
    """
    if not re.fullmatch(PAPER, name) or name in _TAKEN:
        raise ReproError(
            f"a paper cannot be called {name!r}",
            where=where,
            remedy=f"choose another name: lower-case letters and digits, and none of {', '.join(_TAKEN)}",
        )


def _artefacts(sheets: Mapping[str, Sheet]) -> list[str]:
    return [f"{paper}/{name}" for paper, sheet in sheets.items() for name in sheet.artefacts]


def _cells(sheets: Mapping[str, Sheet]) -> list[str]:
    """Return every cell as ``paper/artefact/row/column``."""
    return [
        f"{paper}/{name}/{row_key(panel.name, row.name)}/{column.name}"
        for paper, sheet in sheets.items()
        for name, artefact in sheet.artefacts.items()
        for panel in artefact.panels
        for row in panel.rows
        for column in panel.columns
    ]


def _profiles(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("[!.]*.yaml"))


def _profile(folder: Path, name: str, sheets: Mapping[str, Sheet]) -> Profile:
    """Read one profile; all that it names must exist."""
    named("profile", name, _profiles(folder), where=folder)
    path = folder / f"{name}.yaml"
    profile, line_of = load_model(path, Profile)
    if profile.name != name:
        raise ReproError(
            f"this profile calls itself {profile.name!r}",
            where=path,
            line=line_of(("name",)),
            remedy=f"write `name: {name}`, or rename the file",
        )
    artefacts = _artefacts(sheets)
    recipes = [f"{paper}.{recipe}" for paper, sheet in sheets.items() for recipe in sheet.recipes]
    for index, artefact in enumerate(profile.artefacts or ()):
        if artefact not in artefacts:
            raise no_such("artefact", artefact, artefacts, path, line_of(("artefacts", index)))
    searches = [f"{paper}/{search}" for paper, sheet in sheets.items() for search in sheet.searches]
    for index, search in enumerate(profile.searched or ()):
        if search not in searches:
            raise no_such("search", search, searches, path, line_of(("searched", index)))
    for pattern in profile.recipes:
        name, _, dataset = pattern.partition("@")
        if not fnmatch.filter([*recipes, EXTRACTOR], name):
            raise no_such("recipe", name, recipes, path, line_of(("recipes", pattern)))
        if dataset and not fnmatch.filter(CATALOGUE, dataset):
            raise no_such("data set", dataset, list(CATALOGUE), path, line_of(("recipes", pattern)))
    left = [*recipes, *(f"{name}@{dataset}" for name in recipes for dataset in CATALOGUE), *_cells(sheets)]
    for index, pattern in enumerate(profile.leave_out):
        if not fnmatch.filter(left, pattern):
            raise no_such("recipe or cell", pattern, left, path, line_of(("leave_out", index)))
    _check_measuring(profile.measuring, sheets, path, line_of)
    return profile


def _check_measuring(measuring: Measuring, sheets: Mapping[str, Sheet], path: Path, line_of: LineOf) -> None:
    """Check that each entry of a profile's ``measuring`` is of a measurement, and changes something."""
    measured = measurement_names()
    stated: dict[str, set[str]] = {}  # options, by measurement@convention
    for each in (each for sheet in sheets.values() for each in sheet.evaluations.values()):
        for convention, options in each.conventions.items():
            stated.setdefault(f"{each.measure}@{convention}", set()).update(options)
    for group, known in (("images_of", measured), ("options_of", (*measured, *stated))):
        for key in getattr(measuring, group):
            if key not in known:
                raise no_such("measurement", key, known, path, line_of(("measuring", group, key)))
    for name, images in measuring.images_of.items():
        if needs(name).features:
            raise ReproError(
                f"images_of.{name} changes nothing: measurements that need features take limits.test",
                where=path,
                line=line_of(("measuring", "images_of", name)),
                remedy=f"write `limits: {{test: {images}}}`, for all of them, in the place of this entry",
            )
    for key, given in measuring.options_of.items():
        measure, at, _ = key.partition("@")
        for option in given if at else ():
            if option not in stated[key]:
                those = ", ".join(sorted(stated[key])) or "none"
                raise ReproError(
                    f"options_of.{key}.{option} changes nothing: that convention states it nowhere",
                    where=path,
                    line=line_of(("measuring", "options_of", key, option)),
                    remedy=f"name one that it states ({those}), or set it for all conventions: {measure}",
                )
