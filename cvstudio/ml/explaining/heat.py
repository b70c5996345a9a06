"""A heat map and what it belongs to; numpy and OpenCV only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.ml.preprocess import Placement

Heat = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layer:
    """A feature map that may be looked at: "1" is the last, "2" the one before; in words."""

    key: str
    words: str


@dataclass(frozen=True, eq=False, slots=True)
class Explanation:
    """The evidence for one answer.

    `heat` is (height, width) of the image, 0 to 1, all 0 when nothing speaks for the class. `score`
    is the probability of the answer (segment: the mean over the region). `box` is the object that
    is explained (detect, instance) or the region that was given (segment). `layers` are the maps
    that could have been looked at, `layer` says which one was ("" for none), `tokens` whether the
    network is one of plain tokens, `note` what a reader must know of this map.
    """

    heat: Heat
    class_id: int
    score: float
    box: Box | None = None
    layers: tuple[Layer, ...] = ()
    layer: str = ""
    tokens: bool = False
    note: str = ""


def to_image(maps: Sequence[NDArray[Any]], placement: Placement) -> Heat:
    """Maps (h, w) of any resolution as one map of the image, scaled to 1 where it is hottest.

    Evidence adds up over maps, and a place of a coarse map spreads its share over more pixels: so
    the density counts, and a deep map lends breadth without washing out the fine ones.
    """
    size = (placement.input_width, placement.input_height)
    canvas = np.zeros((placement.input_height, placement.input_width), np.float32)
    for level in maps:
        array = np.ascontiguousarray(level, np.float32)
        canvas += cv2.resize(array * array.size, size, interpolation=cv2.INTER_LINEAR)
    return of_input(canvas, placement)


def of_input(canvas: NDArray[np.float32], placement: Placement) -> Heat:
    """A map (input_height, input_width) on the image, scaled to 1 where it is hottest."""
    heat = np.ascontiguousarray(placement.map_to_image(canvas, smooth=True), np.float32)
    peak = float(heat.max(initial=0))
    if not np.isfinite(peak) or peak <= 0:
        return np.zeros_like(heat)
    return np.asarray(np.clip(heat / peak, 0, 1), np.float32)


_PLACES = (
    "", "before it", "third from the end", "fourth from the end", "fifth from the end",
    "sixth from the end", "seventh from the end", "eighth from the end",
)  # fmt: skip


def layer_of(place: int, height: int, width: int, *, last: str = "last map") -> Layer:
    """The map at a place from the end (0: the last) in words: "last map, 7 x 7"."""
    name = last if place == 0 else (
        _PLACES[place] if place < len(_PLACES) else f"{place + 1}th from the end"
    )  # fmt: skip
    return Layer(str(place + 1), f"{name}, {height} × {width}")


def told(found: Explanation) -> dict[str, Any]:
    """What a heat map explains, as plain JSON without the map."""
    box = found.box
    return {
        "class": found.class_id,
        "score": found.score,
        "box": [box.x, box.y, box.w, box.h] if box else None,
        "layer": found.layer,
        "layers": [{"key": layer.key, "words": layer.words} for layer in found.layers],
        "tokens": found.tokens,
        "note": found.note,
    }
