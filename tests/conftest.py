"""Fixtures that every area shares."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import settings

from papers_case import build
from repro.core.device import set_deterministic
from repro.core.paths import Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

if not torch.cuda.is_available():
    # Triton reads it when it is imported, which torch does on its own at some point
    os.environ.setdefault("TRITON_INTERPRET", "1")

# The same examples in every run (HYPOTHESIS_PROFILE=others draws new ones), however slow the machine is.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("others", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session", autouse=True)
def _one_deterministic_thread() -> None:
    torch.set_num_threads(int(os.environ.get("REPRO_TEST_THREADS", "1")))
    set_deterministic()


@pytest.fixture(autouse=True)
def _same_global_numbers() -> None:
    """Give each test the same global random numbers (others with REPRO_TEST_SEED), whatever ran before it."""
    torch.manual_seed(int(os.environ.get("REPRO_TEST_SEED", "0")))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty results folder."""
    return Layout(tmp_path / "results", "test")


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(folder)
    return folder


@pytest.fixture
def project(_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a small finished project (config/, results/tiny/, figures/), made the working directory."""
    folder = tmp_path / "project"
    shutil.copytree(_built, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collect the figures that are saved; they are still saved."""
    from repro.draw import style

    figures: list[Figure] = []
    real = style.new_figure

    def keep(width: float, height: float) -> Figure:
        figures.append(real(width, height))
        return figures[-1]

    for module in ("draw.plots", "draw.samples", "draw.table_picture", "search.summary", "cost.plot"):
        monkeypatch.setattr(f"repro.{module}.new_figure", keep)
    return figures
