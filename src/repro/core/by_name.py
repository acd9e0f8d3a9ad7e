"""What is found by name, one file each: methods, measurements, regularisers; and the options given to them.

Listing reads the files and imports none of them, so it needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from repro.core.errors import ReproError
from repro.core.named import named

OptionsT = TypeVar("OptionsT", bound=BaseModel)
VISIBLE = "[!.]*.py"  # editors leave hidden files, and links to nothing


@cache
def declaring(package: str, declaration: str) -> tuple[str, ...]:
    """Return the names of the files of ``package`` with a line that begins as ``declaration`` says, sorted.

    Args:
        package: e.g. ``repro.methods``.
        declaration: regular expression.
    """
    begins = re.compile(f"^{declaration}", re.MULTILINE)
    files = sorted(Path(str(import_module(package).__file__)).parent.glob(VISIBLE))
    return tuple(file.stem for file in files if begins.search(file.read_text(encoding="utf-8")))


def unread(package: str, declaration: str) -> list[Path]:
    """Return the files of ``package`` that nobody can find: they declare nothing, and no file names them."""
    folder = Path(str(import_module(package).__file__)).parent
    root = folder.parents[package.count(".") - 1]
    texts = [path.read_text(encoding="utf-8") for path in root.rglob(VISIBLE)]
    plain = re.escape(package)
    used = re.compile(rf"{plain}\.(\w+)|from {plain} import ([\w, ]+|\([^)]*\))")
    found = [part for text in texts for pair in used.findall(text) for part in pair]
    named_there = {name for part in found for name in re.findall(r"\w+", part)}
    own = {path.stem: path for path in sorted(folder.glob("[!._]*.py"))}
    return [own[name] for name in own.keys() - named_there - {*declaring(package, declaration)}]


@cache
def said(package: str, name: str, declaration: str) -> str | None:
    """Return what the file of ``package`` called ``name`` says: the first group of a line of its own.

    Args:
        package: as for ``declaring``.
        name: which file; None is returned where there is none.
        declaration: regular expression with a group; the line begins as it says.
    """
    file = Path(str(import_module(package).__file__)).with_name(f"{name}.py")
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(f"^{declaration}", text, re.MULTILINE)
    return None if found is None else found[1]


def load_module(package: str, declaration: str, word: str, name: str) -> ModuleType:
    """Import the file of ``package`` called ``name``.

    Args:
        package: as for ``declaring``.
        declaration: what the file must declare.
        word: what such a file is, for the error.
        name: which one.

    Raises:
        ReproError: there is no such file; lists those that exist.
    """
    file = f"src/{package.replace('.', '/')}/{name}.py"
    named(word, name, declaring(package, declaration), more=f", or add {file}")
    return import_module(f"{package}.{name}")


def parse_options(word: str, name: str, kind: type[OptionsT], options: Mapping[str, object]) -> OptionsT:
    """Return the ``options`` of the ``word`` called ``name`` as a value of ``kind``, defaults filled in.

    Raises:
        ReproError: an option is unknown or has a forbidden value; names the option and what would be right.
    """
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"]) or "options"
        if first["type"] == "extra_forbidden":
            message = f"{word} {name} has no option {option!r}"
        else:
            message = f"option {option!r} of {word} {name}: {first['msg']} (given: {first['input']!r})"
        known = ", ".join(kind.model_fields) or "none"
        raise ReproError(message, remedy=f"options of {name}: {known}") from error
