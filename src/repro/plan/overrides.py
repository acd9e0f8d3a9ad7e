"""What `snakemake --config name=value` may set, read as the text that was typed. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.named import named
from repro.data.root import user_path
from repro.plan.config import SETTINGS, Settings

NAMES = ("profile", "results", "data_root", "inception")  # what the steps take as options


def read_overrides(given: Mapping[str, object], words: Sequence[str]) -> dict[str, str]:
    """Return the settings that the command line gives; empty ones count as not given.

    Args:
        given: the values as Snakemake reads them, numbers and lists where they look like some.
        words: the command line, which has them as they were typed.

    Raises:
        ReproError: no command takes such a setting, or Snakemake reads another text than was typed.
    """
    texts = {}
    for name, value in given.items():
        if name not in NAMES:
            if name in Settings.model_fields:
                remedy = f"change it in config/{SETTINGS}, where every step reads it"
                raise ReproError(f"--config does not take {name!r}", remedy=remedy)
            named("setting", name, NAMES)
        if value is None:
            continue
        typed = [word.partition("=")[2] for word in words if word.startswith(f"{name}=")]
        text = typed[-1] if typed else str(value)
        if not isinstance(value, str | int | float) or str(value) not in (text, _unquoted(text)):
            line = f"{name}: {json.dumps(text, ensure_ascii=False)}"
            raise ReproError(
                f"Snakemake reads {name}={text} as {value!r}, not as this text",
                remedy=f"write it into config/{SETTINGS} instead: {line}",
            )
        texts[name] = str(value)
    return texts


def results_folder(given: Mapping[str, str], settings: Settings) -> Path:
    """Return the results folder, given or in the settings.

    Raises:
        ReproError: its name holds braces.
    """
    folder = user_path(given.get("results") or settings.results)
    if set("{}") & set(str(folder)):
        raise ReproError(
            "the results folder's name holds { or }, which Snakemake takes for a wildcard",
            remedy="name another folder: --config results=FOLDER",
            where=folder,
        )
    return folder


def _unquoted(text: str) -> str:
    """Return the text without the pair of quotation marks around it that Snakemake takes away."""
    return text[1:-1] if text[:1] == text[-1:] and text[:1] in ("'", '"') else text
