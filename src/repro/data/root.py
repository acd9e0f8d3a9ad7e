"""The one rule for paths that may be given in three ways, the data root above all. Imports no torch.

A command's own option wins over the environment, the environment over ``config/config.yaml``. ``repro``'s
commands and the Snakefile (whose option is ``--config data_root=...``) both ask here.
"""

from __future__ import annotations

import os
from pathlib import Path

from repro.core.errors import ReproError

DATA_ROOT = "REPRO_DATA"
INCEPTION = "REPRO_INCEPTION"


def choose_path(option: object, variable: str, setting: object) -> Path | None:
    """Return the first that is given, ``~`` expanded; None where none is. Empty texts count as not given.

    Args:
        option: what the user typed with the command (a path, or text), or None.
        variable: name of the environment variable.
        setting: what the configuration file says (text), or None.

    Raises:
        ReproError: it begins with ``~`` and that user has no home folder.
    """
    for given in (option, os.environ.get(variable), setting):
        if given is not None and str(given):
            return user_path(str(given))
    return None


def user_path(text: str | Path) -> Path:
    """Return a path as users type it: ``~`` is their home folder, which no shell expands after ``=``.

    Raises:
        ReproError: it is empty, or that user has no home folder.
    """
    if not str(text):
        raise ReproError("an empty path is given", remedy="leave it out, or name a folder")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ReproError(
            f"no home folder is known for '{text}'", remedy="write the whole path, beginning with /"
        ) from error
