"""Describes the networks that diagrams and settings tables show; each is run once at full width."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from repro.core.files import atomic_write_text
from repro.draw import figures
from repro.draw.architectures import Architecture, render_architectures
from repro.models.describe import Example, describe


def networks() -> dict[str, Example]:
    """Return the networks of every ``draw/figures/<paper>/networks.py``, as ``paper.network``."""
    found: dict[str, Example] = {}
    for folder in sorted(Path(str(figures.__file__)).parent.iterdir()):
        if (folder / "networks.py").is_file():
            module = import_module(f"{figures.__name__}.{folder.name}.networks")
            found |= {f"{folder.name}.{name}": example for name, example in module.networks().items()}
    return found


def write_architectures(into: Path) -> None:
    """Write ``into``, the file that drawings read instead of importing torch."""
    described = {
        name: Architecture.model_validate(describe(network, inputs))
        for name, (network, inputs) in networks().items()
    }
    atomic_write_text(into, render_architectures(described))
