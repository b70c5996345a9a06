"""How figures are called in the window, and by which word Help explains them."""

from __future__ import annotations

import math

from cvstudio.core.metrics.resampling import TOO_FEW, Measured

_UPPER = ("mAP", "mIoU", "AP", "IoU", "AUROC", "F1", "Dice", "Cohen", "ECE")

NO_RANGE = (
    f"{TOO_FEW}: it lies on so few images that drawing them again always gives the same figure"
)


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
    """The interval in words: "0.759–0.842"; where a figure has none why, "" without a figure."""
    between = figure.interval
    return figure.why_no_range if between is None else f"{between[0]:.3f}–{between[1]:.3f}"


def in_brackets(figure: Measured) -> str:
    """The same behind a figure: " (95 %: 0.759–0.842)"; "" without a figure."""
    between = range_of(figure)
    said_first = "95 %: " if figure.interval is not None else ""
    return f" ({said_first}{between})" if between else ""
