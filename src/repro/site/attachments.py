"""What the report's index shows beside the artefacts, once it has been written: the cost, the searches."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from repro.core.paths import Layout

ENDINGS = (".png", ".pdf", ".csv", ".md", ".tex")


def attach(stem: Path, into: Path) -> dict[str, Any]:
    """Copy the files of a stem, as far as they exist, to another and return what the index shows of them.

    Returns:
        ``files``, their endings, and ``size``, width and height of the picture in pixels, or (0, 0).
    """
    found, size = files_of(stem), (0, 0)
    for path in found:
        into.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, into.with_name(into.name + path.suffix))
        if path.suffix == ".png":
            size = picture_size(path)
    return {"files": [path.suffix for path in found], "size": size}


def attach_searches(layout: Layout, folder: Path) -> dict[str, Any]:
    """Copy what the searches found into the report's folder; return what the index shows of it.

    Returns:
        The summary's as ``attach``, and ``tables``: the endings of the files of each finished search by its
        id ``paper/name``.
    """
    tables = {}
    for path in sorted((layout.root / "searches").glob("*/*.csv")):
        stem = path.with_suffix("").relative_to(layout.root)
        tables["/".join(stem.parts[1:])] = attach(layout.root / stem, folder / stem)["files"]
    return {**attach(layout.search_summary, folder / "searches" / "summary"), "tables": tables}


def picture_size(picture: Path) -> tuple[int, int]:
    """Return the width and height in pixels at which a page shows a picture."""
    with Image.open(picture) as image:
        return image.width // 2, image.height // 2  # drawn at twice the density of a plain screen


def files_of(stem: Path) -> list[Path]:
    """Return the files that were drawn under a stem (a path without an ending), ordered as ``ENDINGS``."""
    return [path for ending in ENDINGS if (path := stem.with_name(stem.name + ending)).is_file()]
