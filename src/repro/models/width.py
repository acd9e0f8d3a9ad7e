"""The width multiplier: the same network with fewer or more channels."""

from __future__ import annotations


def channels(base: int, width: float) -> int:
    """Return ``base`` times ``width``, rounded to a multiple of 4 (for the vector units), at least 4.

    At width 1 it is ``base`` itself, whatever that is.
    """
    return base if width == 1.0 else max(4, 4 * round(base * width / 4))
