"""Lists of numbers in files that anybody may have written."""

from __future__ import annotations

from typing import Any

_LARGEST = 1e9  # beyond it no number is a place or an angle


def numbers_of(values: Any, count: int) -> list[float] | None:
    """A list of so many numbers that can be places or angles; None for anything else."""
    if not isinstance(values, list) or len(values) != count:
        return None
    if not all(isinstance(v, int | float) and abs(v) < _LARGEST for v in values):
        return None
    return [float(v) for v in values]
