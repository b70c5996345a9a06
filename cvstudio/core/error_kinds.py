"""What can be wrong with one annotation or prediction; apart, so that the words need no arrays."""

from __future__ import annotations

from enum import StrEnum


class ErrorKind(StrEnum):
    """What can be wrong with one annotation or prediction."""

    MISSED = "missed"
    EXTRA = "extra"
    WRONG_CLASS = "wrong class"
    LOOSE_BOX = "loose box"
    BOTH = "wrong class and loose"
    DUPLICATE = "duplicate"
