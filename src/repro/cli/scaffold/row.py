"""`repro new row`: one more row of an artefact, with a recipe that begins as a copy of another row's."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import yaml

from repro.cli.scaffold.yaml_append import append
from repro.core.errors import ReproError
from repro.core.files import atomic_write_text
from repro.core.yaml_model import load_model
from repro.plan.config import Config
from repro.plan.names import qualified
from repro.plan.sheet import Recipe, Sheet, SheetEntry


def new_row(
    config: Config, artefact_id: str, name: str, *, like: str | None = None, panel: str | None = None
) -> str:
    """Append a row and its recipe to a paper's sheet; return the recipe as ``paper.recipe``.

    Args:
        config: the configuration that is read; its sheet on disk is changed.
        artefact_id: ``paper/artefact``.
        name: the row's words.
        like: the row whose fields and recipe are copied; None for the panel's first row that has a recipe.
        panel: name of the panel; None for the first.

    Raises:
        ReproError: there is no such artefact, panel or row, the row or its recipe exists, or the sheet is
            written in a way that has no place for one more line. The sheet is then as it was.
    """
    artefact_id = config.find_artefact(artefact_id)
    paper, _, artefact = artefact_id.partition("/")
    sheet, path = config.sheets[paper], config.sheet_path(paper)
    number = _panel(sheet, artefact_id, panel, path)
    rows = sheet.artefacts[artefact].panels[number].rows
    model = _model(rows, like, artefact_id, path)
    short = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if name in [row.name for row in rows] or short in ["", *sheet.recipes]:
        message = f"{artefact_id} has a row {name!r}, or its paper a recipe {short!r}"
        raise ReproError(message, where=path, remedy="choose another name")
    row = model.model_copy(update={"name": name, "recipe": short})
    recipe = _copied(config, qualified(str(model.recipe), paper), paper)
    text: str | None = path.read_text(encoding="utf-8")
    place: list[str | int] = ["artefacts", artefact, "rows"]
    if "panels" in yaml.safe_load(str(text))["artefacts"][artefact]:
        place[2:2] = ["panels", number]
    text = append(str(text), place, f"- {_flow(row)}")
    if text is not None and sheet.recipes:
        text = append(text, ["recipes"], f"{short}:   # begins as a copy of {model.recipe}\n{_block(recipe)}")
    elif text is not None:
        text = text.replace("\nartefacts:", f"\nrecipes:\n  {short}:\n{_block(recipe, 4)}\n\nartefacts:", 1)
    if text is None or _read(text, name, path) != _with(sheet, artefact, number, row, short, recipe):
        raise ReproError(
            f"the rows of {artefact_id} are no list of their own, one line a row",
            where=path,
            remedy=f"write the row by hand: - {_flow(row)}",
        )
    atomic_write_text(path, text)
    return f"{paper}.{short}"


def _panel(sheet: Sheet, artefact_id: str, panel: str | None, path: Path) -> int:
    """Return the number of the panel called ``panel``."""
    names = [each.name for each in sheet.artefacts[artefact_id.partition("/")[2]].panels]
    if not names or panel not in (None, *names):
        known = ", ".join(filter(None, names)) or "none"
        message = f"{artefact_id} has no panel" + (f" {panel!r}" if panel else "")
        raise ReproError(message, where=path, remedy=f"its panels with names: {known}")
    return 0 if panel is None else names.index(panel)


def _model(rows: tuple[SheetEntry, ...], like: str | None, artefact_id: str, path: Path) -> SheetEntry:
    """Return the row that is copied."""
    found = {row.name: row for row in rows if row.recipe is not None}
    if not found or like not in (None, *found):
        known = ", ".join(found) or "none, so write the row by hand"
        message = f"{artefact_id} has no row" + (f" {like!r}" if like else "") + " with a recipe of its own"
        raise ReproError(message, where=path, remedy=f"rows that can be copied: {known}")
    return next(iter(found.values())) if like is None else found[like]


def _copied(config: Config, name: str, paper: str) -> Recipe:
    """Return a copy of a recipe that means the same in the sheet of ``paper``."""
    recipe = config.recipes[name]
    owner = name.partition(".")[0]
    if recipe.start_from is None or owner == paper:
        return recipe
    return recipe.model_copy(update={"start_from": qualified(recipe.start_from, owner)})


def _flow(row: SheetEntry) -> str:
    """Return a row as one line of YAML, its name first."""
    fields = row.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
    rest = _yaml(fields, flow=True).strip().removeprefix("{")
    return f"{{name: {json.dumps(row.name, ensure_ascii=False)}, {rest}"


def _block(recipe: Recipe, indent: int = 2) -> str:
    """Return a recipe's fields, one a line."""
    fields = recipe.model_dump(mode="json", exclude_defaults=True)
    return "\n".join(" " * indent + line for line in _yaml(fields, flow=None).splitlines())


def _yaml(value: object, *, flow: bool | None) -> str:
    return str(
        yaml.safe_dump(value, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=10_000)
    )


def _read(text: str, name: str, path: Path) -> Sheet:
    """Return the sheet that ``text``, with a row called ``name``, would make of ``path``."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "sheet.yaml"
        trial.write_text(text, encoding="utf-8")
        try:
            return load_model(trial, Sheet)[0]
        except ReproError as error:
            message = f"with the row {name!r} the sheet is none: {error.message}"
            raise ReproError(message, where=path, remedy="choose another name") from error


def _with(sheet: Sheet, artefact: str, number: int, row: SheetEntry, short: str, recipe: Recipe) -> Sheet:
    """Return what the sheet is meant to be: itself with one more row and recipe."""
    declared = sheet.artefacts[artefact]
    panels = list(declared.panels)
    panels[number] = panels[number].model_copy(update={"rows": (*panels[number].rows, row)})
    changed = {**sheet.artefacts, artefact: declared.model_copy(update={"panels": tuple(panels)})}
    return sheet.model_copy(update={"artefacts": changed, "recipes": {**sheet.recipes, short: recipe}})
