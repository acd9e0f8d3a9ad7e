"""architectures.json: what the networks look like, written where torch is, read where it is not.

The file maps a network's name, ``paper.network``, to its description.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from repro.core.errors import ReproError
from repro.core.files import read_model
from repro.core.spec import Frozen

Shape = tuple[int, ...]


class Layer(Frozen, extra="ignore"):  # older files say more
    """One layer; ``out_shape`` is without the batch.

    ``kernel`` is the side of a convolution's or average's window, ``filters`` are the output channels of a
    convolution.
    """

    name: str
    type: str
    out_shape: Shape
    parameters: int
    kernel: int | None = None
    stride: int | None = None
    filters: int | None = None


class Architecture(Frozen):
    """One network: shapes are without the batch, ``parameters`` counts every trainable number once."""

    parameters: int
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    layers: tuple[Layer, ...]

    def count(self, *types: str) -> int:
        """Return how many layers are of one of ``types`` (class names, e.g. "Conv2d")."""
        return sum(layer.type in types for layer in self.layers)

    @property
    def windows(self) -> tuple[Layer, ...]:
        """The layers that papers count: convolutions and the average over space."""
        return tuple(layer for layer in self.layers if layer.kernel is not None)

    @property
    def summary(self) -> str:
        """Lines such as "7 conv" and "240,058 parameters"."""
        parts = [f"{self.count('Conv2d', 'ConvTranspose2d')} conv", f"{self.count('Linear')} linear"]
        shown = [part for part in parts if not part.startswith("0 ")]
        return "\n".join([*shown, f"{self.parameters:,} parameters"])


Architectures = Mapping[str, Architecture]


def read_architectures(path: Path) -> dict[str, Architecture]:
    """Return the networks of ``path``.

    Raises:
        ReproError: the file is missing, is no JSON, or lacks a field.
    """
    remedy = (
        "let Snakemake write it again: delete it and run snakemake --cores all figures/ "
        f"--config profile={path.absolute().parent.name}"
    )
    return read_model(path, dict[str, Architecture], remedy=remedy)


def render_architectures(networks: Mapping[str, Architecture]) -> str:
    """Return the JSON text of ``networks``, in the order of their names."""
    return json.dumps({name: networks[name].model_dump() for name in sorted(networks)}, indent=1) + "\n"


def network(networks: Architectures, name: str) -> Architecture:
    """Return one network.

    Raises:
        ReproError: ``networks`` has none of that name.
    """
    if name not in networks:
        raise ReproError(
            f"the diagram shows the network `{name}`, which is not described",
            remedy="add it to the step that writes architectures.json; described are "
            + (", ".join(sorted(networks)) or "none"),
        )
    return networks[name]


def shape_text(shape: Shape) -> str:
    """Return a shape as papers print it: (3, 32, 32) becomes "32 × 32 × 3"."""
    if len(shape) == 3:
        shape = (shape[1], shape[2], shape[0])
    return " × ".join(str(size) for size in shape) if shape else "1"
