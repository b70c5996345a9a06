"""What the status bar says about the pixel under the pointer and about what is selected."""

from __future__ import annotations

import numpy as np

from cvstudio.core.annotation import Task
from cvstudio.gui.action_table import BY_ID
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.tools.base import Tool
from cvstudio.imaging.pixel_size import PixelSize, length_words
from cvstudio.imaging.tiles import Pyramid

_PARTED = " · "
_BESIDE = 5
"""Channels beside a picture whose values are told."""


def pixel_words(
    pyramid: Pyramid | None, point: tuple[float, float] | None, size: tuple[int, int],
    known: PixelSize | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Place and value of a pixel: ("x 331, y 384", "RGB 172, 148, 190"), as they are in the file.

    The place has its lengths where the size of a pixel is `known`. Both are empty outside the
    image; the value is empty while the image is being read.
    """
    if point is None:
        return "", ""
    x, y = int(np.floor(point[0])), int(np.floor(point[1]))
    if not (0 <= x < size[0] and 0 <= y < size[1]):
        return "", ""
    place = f"x {x}, y {y}"
    if pyramid is None:
        return place, ""
    if known is not None:
        place += f" ({length_words(point[0] * known.x)}, {length_words(point[1] * known.y)})"
    values = pyramid.pixel(x, y)
    if values is None:
        return place, ""
    if pyramid.beside:  # as many as can be read at one look
        values += tuple(v for other in pyramid.beside[:_BESIDE] for v in other.pixel(x, y) or ())
        more = " …" if len(pyramid.beside) > _BESIDE else ""
        return place, "channels " + ", ".join(_number(value) for value in values) + more
    name = {1: "grey", 3: "RGB", 4: "RGBA"}[len(values)]
    return place, f"{name} " + ", ".join(_number(value) for value in values)


def _number(value: float) -> str:
    """A value in full: whole numbers never lose digits."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 2**53):
        return str(int(value))
    return f"{value:.6g}"


def selection_words(document: Document, tool: Tool) -> str:
    """ "1 selected: WBC mask", "3 selected", or what the tool draws: "Brush: Membrane".

    The keys of classes mean the selected ones with Select, and the next one with a tool that
    draws: which of them is said where both could be meant.
    """
    selected = document.selected()
    if selected:
        draws = tool.name != "select" and document.task != Task.CLASSIFY
        keys = " · keys 1–0: class of the next one" if draws else " · keys 1–0: its class"
        if len(selected) > 1:
            return f"{len(selected)} selected" + keys.replace("its", "their")
        found = document.classes.get(selected[0].class_id)
        return f"1 selected: {found.name if found else ''} {selected[0].kind}{keys}"
    found = document.classes.get(document.class_id or 0)
    if tool.name != "select" and found is not None:
        return f"{_title(tool)}: {found.name}"
    return ""


def _title(tool: Tool) -> str:
    """What the palette calls a tool."""
    info = BY_ID.get(f"label.{tool.name}")
    return info.text if info is not None else tool.name.replace("_", " ").capitalize()


def besides(said: str, hint: str) -> str:
    """Of a sentence in parts ("Stroke over it · Enter keeps") those that a hint does not say."""
    known = hint.split(_PARTED)
    return _PARTED.join(part for part in said.split(_PARTED) if part not in known)
