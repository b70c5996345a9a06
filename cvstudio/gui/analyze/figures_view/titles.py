"""How figures are called in the window, and by which word Help explains them."""

from __future__ import annotations

import math

from cvstudio.core.metrics.resampling import Measured

_UPPER = ("mAP", "mIoU", "AP", "IoU", "AUROC", "F1", "Dice", "Cohen", "ECE")


def title_of(name: str) -> str:
    """A figure's name at the head of a row or column."""
    return name if name.startswith(_UPPER) else name[:1].upper() + name[1:]


def word_of(name: str) -> str:
    """The word of Help that explains it."""
    return name.removeprefix("box ")


def said(value: float) -> str:
    """A figure with three places, or a dash."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def range_of(figure: Measured) -> str:
    """The interval in words: "0.759–0.842"; "" where there is none."""
    between = figure.interval
    return "" if between is None else f"{between[0]:.3f}–{between[1]:.3f}"
