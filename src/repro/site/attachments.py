"""The files that pages show: copied into the report, or linked where they lie."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from repro.core.errors import ReproError
from repro.core.manifest import MAKE_ANEW
from repro.core.paths import Layout

ENDINGS = (".png", ".pdf", ".csv", ".md", ".tex")


@dataclass(frozen=True)
class Shelf:
    """The report's ``folder``, which holds a copy of all that it shows, so that it can be moved.

    With ``linked_from``, where the folder will lie, it links the files where they are instead.
    """

    folder: Path
    linked_from: Path | None = None

    def put(self, path: Path, name: str, page: str = "") -> str:
        """Return the link to a file from a page in the subfolder ``page``; ``name`` is the copy's, if any."""
        if self.linked_from is not None:
            return quote(Path(os.path.relpath(path, self.linked_from / page)).as_posix())
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        return Path(os.path.relpath(target, self.folder / page)).as_posix()

    def put_all(self, stem: Path, name: str, page: str = "") -> dict[str, Any]:
        """Put the files of a stem, as far as they exist.

        Returns:
            ``links``, by ending, and ``size``, width and height of the picture in pixels, or (0, 0).
        """
        links = {path.suffix: self.put(path, name + path.suffix, page) for path in files_of(stem)}
        picture = stem.with_name(stem.name + ".png")
        return {"links": links, "size": picture_size(picture) if ".png" in links else (0, 0)}


def put_searches(layout: Layout, shelf: Shelf) -> dict[str, Any]:
    """Put what the searches found into the report; return what it shows of it.

    Returns:
        The summary's as ``put_all``, and ``tables``: the links of each finished search by its id
        ``paper/name``.
    """
    tables = {}
    for path in sorted((layout.root / "searches").glob("*/*.csv")):
        stem = path.with_suffix("").relative_to(layout.root)
        tables["/".join(stem.parts[1:])] = shelf.put_all(layout.root / stem, stem.as_posix())["links"]
    return {**shelf.put_all(layout.search_summary, "searches/summary"), "tables": tables}


def drawn(layout: Layout, artefact_id: str) -> Path:
    """Return the stem of the files of an artefact (``paper/name``).

    Raises:
        ReproError: there are none.
    """
    stem = layout.artefact(*artefact_id.split("/"))
    if not files_of(stem):
        raise ReproError(
            f"{artefact_id} has not been drawn",
            remedy=f"draw it: repro draw {artefact_id} --profile {layout.profile}, or run Snakemake",
            where=stem,
        )
    return stem


def picture_size(picture: Path, density: int = 2) -> tuple[int, int]:
    """Return the width and height in pixels at which a page shows a picture.

    ``density`` is the picture's; what we draw has twice that of a plain screen.

    Raises:
        ReproError: it is no picture.
    """
    try:
        with Image.open(picture) as image:
            return image.width // density, image.height // density
    except OSError as error:
        raise ReproError(f"it is no picture ({error})", remedy=MAKE_ANEW, where=picture) from error


def files_of(stem: Path) -> list[Path]:
    """Return the files that were drawn under a stem (a path without an ending), ordered as ``ENDINGS``."""
    return [path for ending in ENDINGS if (path := stem.with_name(stem.name + ending)).is_file()]
