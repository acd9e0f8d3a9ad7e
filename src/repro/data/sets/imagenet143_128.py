"""The same 143 classes of ImageNet at 128 px."""

from __future__ import annotations

from dataclasses import replace

from repro.data.sets import imagenet143_64

DATASET = replace(
    imagenet143_64.DATASET,
    title="ImageNet-143 (128 px)",
    height=128,
    width=128,
    folders=("imagenet", "imagenet143", "imagenet143_128"),
)
