"""What names are made of, and that every name which a sheet uses is declared: by a sheet or the catalogue."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.yaml_lines import load_yaml
from repro.data.catalogue import CATALOGUE
from repro.plan.sheet import Override, Sheet

PAPER = r"[a-z][a-z0-9]*"  # these are Snakemake's wildcards, too
TABLE, FIGURE = r"table(\d+|_[a-z]+)", r"figure(\d+|_[a-z]+)"
NAME = r"[a-z0-9_]+"  # of a recipe, an evaluation, a search
_IN_WORDS = {
    TABLE: "table and a number, or table_ and lower-case letters",
    FIGURE: "figure and a number, or figure_ and lower-case letters",
    NAME: "lower-case letters, digits and underscores",
}

Used = tuple[tuple[str | int, ...], str, str | None]  # where a name stands, of what it is one, the name


def qualified(name: str, paper: str) -> str:
    """Return ``paper.recipe`` for a recipe's or an evaluation's name as written in the sheet of ``paper``."""
    return name if "." in name else f"{paper}.{name}"


def no_such(
    what: str, name: str, known: Collection[str], path: Path, line: int, before: str = ""
) -> ReproError:
    """Build the error for a name that nobody declares; its remedy lists the nearest ones."""
    nearest = get_close_matches(name, known, n=12, cutoff=0.0)
    remedy = f"declare it, or use one of {', '.join(nearest)}"
    return ReproError(f"{before}there is no {what} {name!r}", where=path, line=line, remedy=remedy)


def check_names(sheets: Mapping[str, Sheet], paths: Mapping[str, Path]) -> None:
    """Check what sheets declare, the recipes, evaluations and data sets that they name, and their overrides.

    Raises:
        ReproError: the first name that cannot be one, or that nobody declares, with file and line.
    """
    for paper, sheet in sheets.items():
        _check_declared(sheet, paths[paper])
        _check_overrides(sheet, paths[paper])
    recipes = {qualified(name, paper) for paper, sheet in sheets.items() for name in sheet.recipes}
    evaluations = {qualified(name, paper) for paper, sheet in sheets.items() for name in sheet.evaluations}
    for paper, sheet in sheets.items():
        for place, what, name in used_names(sheet):
            known = {"data set": CATALOGUE, "recipe": recipes, "evaluation": evaluations}[what]
            full = name and (name if what == "data set" else qualified(name, paper))
            if full and full not in known:
                _, line_of = load_yaml(paths[paper])
                raise no_such(what, full, known, paths[paper], line_of(place), f"{place[0]}.{place[1]}: ")


def _check_declared(sheet: Sheet, path: Path) -> None:
    """Check that Snakemake's rules take the names of artefacts and searches, and ``qualified`` the others."""
    declared: list[tuple[tuple[str, str], str, str]] = [
        (("artefacts", name), entry.kind, TABLE if entry.kind in ("table", "settings") else FIGURE)
        for name, entry in sheet.artefacts.items()
    ]
    for what, group in (("recipe", "recipes"), ("evaluation", "evaluations"), ("search", "searches")):
        declared += [((group, name), what, NAME) for name in getattr(sheet, group)]
    for place, what, pattern in declared:
        if not re.fullmatch(pattern, place[1]):
            remedy = f"choose another name: {_IN_WORDS[pattern]}"
            line = load_yaml(path)[1](place)
            raise ReproError(f"no {what} can be called {place[1]!r}", where=path, line=line, remedy=remedy)


def _check_overrides(sheet: Sheet, path: Path) -> None:
    """Check that each override is of a cell of its panel: another one changes nothing."""
    for name, artefact in sheet.artefacts.items():
        for number, panel in enumerate(artefact.panels):
            places = panel.places() if panel.overrides else []
            for index, override in enumerate(panel.overrides):
                if missed := _missed(override, places):
                    line = load_yaml(path)[1](("artefacts", name, "panels", number, "except", index))
                    panel_of = panel.name and f", panel {panel.name!r}"
                    raise no_such(*missed, path, line, f"artefacts.{name}{panel_of}: ")


def _missed(
    override: Override, places: Collection[tuple[str, str, str]]
) -> tuple[str, str, list[str]] | None:
    """Return which part of an override no cell has, as it is written, and what there is; None for no part."""
    wanted = {"row": override.row, "column": override.column, "metric": override.on_metric}
    for part, (what, name) in enumerate(wanted.items()):
        known = dict.fromkeys(place[part] for place in places)
        if name is not None and name not in known:
            return what, name, list(known)
        places = [place for place in places if name in (None, place[part])]
    return None


def used_names(sheet: Sheet) -> Iterator[Used]:
    """Yield the place of every name in a sheet, of what it is one, and the name."""
    for name, recipe in sheet.recipes.items():
        yield ("recipes", name, "dataset"), "data set", recipe.dataset
        yield ("recipes", name, "start_from"), "recipe", recipe.start_from
    for name, evaluation in sheet.evaluations.items():
        yield ("evaluations", name, "surrogate"), "recipe", evaluation.surrogate
    for name, search in sheet.searches.items():
        yield ("searches", name, "evaluation"), "evaluation", search.evaluation
        yield from ((("searches", name), "recipe", recipe) for recipe in (search.recipe, *search.used_by))
        yield from ((("searches", name, "datasets"), "data set", dataset) for dataset in search.datasets)
    for name, artefact in sheet.artefacts.items():
        for number, panel in enumerate(artefact.panels):
            lists = {"rows": panel.rows, "columns": panel.columns, "except": panel.overrides}
            for kind, entries in lists.items():
                for index, entry in enumerate(entries):
                    place = ("artefacts", name, "panels", number, kind, index)
                    yield place, "recipe", entry.recipe
                    yield place, "evaluation", entry.evaluation
                    yield place, "data set", entry.dataset
                    for other in (entry.minus, entry.passes.recipe if entry.passes else None):
                        yield place, "recipe", other
