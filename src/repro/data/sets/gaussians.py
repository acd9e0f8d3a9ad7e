"""DAT's toy data, drawn anew for every batch (``data/gaussians.py``)."""

from __future__ import annotations

from repro.data.dataset import DatasetInfo

DATASET = DatasetInfo("nine 2-D Gaussians", height=0, width=0, classes=9, kind="points", channels=0)
