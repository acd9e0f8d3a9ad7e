"""Read the pickles that CIFAR is published in without running what they might contain."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}


class ArrayUnpickler(pickle.Unpickler):
    """Rebuild numbers, bytes, lists, dicts and numpy arrays; refuse every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the named object if it only rebuilds an array."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no image file needs")
        # numpy 2 moved its core; the old names still resolve, but with a warning
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)


def load_arrays(path: Path) -> Any:
    """Return the content of a pickle of arrays, Python 2's text as bytes; raises what ``pickle`` raises."""
    with path.open("rb") as stream:
        return ArrayUnpickler(stream, encoding="bytes").load()
