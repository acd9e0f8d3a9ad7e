"""The width multiplier: the same network with fewer or more channels."""

from __future__ import annotations


def channels(base: int, width: float) -> int:
    """Return ``base`` channels times ``width``, rounded to a multiple of 4, at least 4; ``base`` itself at width 1.

    Multiples of 4 keep the vector units busy.
    """
    return base if width == 1.0 else max(4, 4 * round(base * width / 4))
