"""All data sets by name: ``data/sets/<name>.py`` with a module attribute ``DATASET``. Imports no torch."""

from __future__ import annotations

from dataclasses import replace

from repro.core.by_name import declaring, load_module
from repro.core.named import named
from repro.data.dataset import DatasetInfo

_WHERE = "repro.data.sets", r"DATASET\b"


def _load(name: str) -> DatasetInfo:
    info: DatasetInfo = load_module(*_WHERE, "data set", name).DATASET
    return replace(info, name=name)


CATALOGUE: dict[str, DatasetInfo] = {name: _load(name) for name in declaring(*_WHERE)}


def dataset_info(name: str) -> DatasetInfo:
    """Return the catalogue's entry; ReproError naming the known sets where there is none."""
    return CATALOGUE[named("data set", name, CATALOGUE)]
