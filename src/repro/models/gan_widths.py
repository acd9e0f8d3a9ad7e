"""How the option ``width`` thins a GAN's networks, for quick runs and tests."""

from __future__ import annotations


def scaled(channels: int, width: float) -> int:
    """Return ``channels`` times ``width``, rounded to a multiple of 4 and at least 4; exact at width 1."""
    return channels if width == 1 else max(4, 4 * round(channels * width / 4))
