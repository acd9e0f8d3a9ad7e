"""What tests of drawings share."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from repro.draw import style


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collect the figures that are saved; they are still saved."""
    figures: list[Figure] = []
    real = style.new_figure

    def keep(width: float, height: float) -> Figure:
        figures.append(real(width, height))
        return figures[-1]

    for module in ("plots", "samples", "table_picture"):
        monkeypatch.setattr(f"repro.draw.{module}.new_figure", keep)
    return figures
