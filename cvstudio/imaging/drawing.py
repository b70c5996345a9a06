"""Labels and answers drawn on an image: the same for reports, mirrors, saved pictures and videos.

Words are drawn only in letters that OpenCV knows; where names may hold any, say them beside the
picture instead (`words=False`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Shape
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Prediction
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.snapshot import SnapshotAnnotation
from cvstudio.core.strokes import strokes_of

Picture = NDArray[np.uint8]
"""RGB, (h, w, 3)."""
Colour = tuple[int, int, int]

SURE_ENOUGH = 0.25
"""Objects below this score are not drawn unless another one is asked for."""

_FILL = 0.4


@dataclass(frozen=True, eq=False, slots=True)
class Mark:
    """One thing to draw. Without a shape its words stand in the corner of the image."""

    colour: Colour
    words: str
    shape: Shape = None
    skeleton: Skeleton | None = None


def marks_of_labels(
    annotations: Iterable[SnapshotAnnotation],
    classes: Mapping[int, LabelClass],
    skeletons: Mapping[int, Skeleton] | None = None,
) -> Iterator[Mark]:
    """The marks of what a person drew, in drawing order; classes are by id."""
    for one in annotations:
        label = classes[one.class_id]
        yield Mark(rgb_of(label), label.name, one.shape, (skeletons or {}).get(one.class_id))


def marks_of_answer(
    prediction: Prediction,
    classes: Mapping[int, LabelClass],
    skeletons: Mapping[int, Skeleton] | None = None,
    *,
    least: float = SURE_ENOUGH,
) -> Iterator[Mark]:
    """The marks of what a network answered; objects from the score `least` upwards."""
    for class_id, mask in (prediction.regions or {}).items():
        yield Mark(rgb_of(classes[class_id]), "", mask)
    for found in prediction.objects:
        if found.score < least:
            continue
        label = classes[found.class_id]
        words, skeleton = f"{label.name} {found.score:.2f}", (skeletons or {}).get(found.class_id)
        if found.mask is not None:
            yield Mark(rgb_of(label), "", found.mask)
            yield Mark(rgb_of(label), words, found.box)
        else:
            yield Mark(rgb_of(label), words, found.shape, skeleton)
    if prediction.scores:
        best = max(prediction.scores, key=prediction.scores.__getitem__)
        yield Mark(rgb_of(classes[best]), f"{classes[best].name} {prediction.scores[best]:.2f}")


def draw(rgb: Picture, marks: Iterable[Mark], *, words: bool = True, scale: float = 1.0) -> Picture:
    """A copy of an image, `scale` times as large, with marks on it; their places are in pixels of
    the image as it was."""
    if scale == 1.0:
        picture = rgb.copy()
    else:
        size = (max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(rgb, size, interpolation=way), np.uint8)
    line = max(round(max(picture.shape[:2]) / 280), 1)
    for mark in marks:
        at = _draw_shape(picture, mark, line, scale)
        if words and mark.words:
            place = (at[0], max(at[1] - 3, 12 * line))
            font = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(picture, mark.words, place, font, 0.4 * line, mark.colour, line)
    return picture


def rgb_of(label: LabelClass) -> Colour:
    """The colour of a class as red, green and blue from 0 to 255."""
    value = label.colour.lstrip("#")
    return int(value[:2], 16), int(value[2:4], 16), int(value[4:6], 16)


def _draw_shape(picture: Picture, mark: Mark, line: int, scale: float) -> tuple[int, int]:
    """Draw a mark's shape; gives where its words belong, in pixels of the picture."""
    shape = mark.shape
    if shape is None:
        return 2, 16 * line
    if isinstance(shape, Mask):
        _fill(picture, shape, mark.colour, scale)
        return round(shape.x * scale), round(shape.y * scale)
    for points, closed in _lines(shape, mark.skeleton):
        drawn = np.round(points * scale).astype(np.int32)
        if len(drawn) > 1:
            cv2.polylines(picture, [drawn], closed, mark.colour, line)
        else:
            cv2.circle(picture, (int(drawn[0, 0]), int(drawn[0, 1])), 2 * line, mark.colour, -1)
    box = _box_of(shape)
    return round(box.x * scale), round(box.y * scale)


def _box_of(shape: Box | RotatedBox | Polygon | Mask | Keypoints) -> Box:
    return shape if isinstance(shape, Box) else shape.box


def _lines(
    shape: Box | RotatedBox | Polygon | Keypoints, skeleton: Skeleton | None
) -> Iterator[tuple[NDArray[np.float64], bool]]:
    """The lines of any shape but a mask, each with whether it is closed."""
    if isinstance(shape, Polygon):
        for part in shape.parts:
            for ring in part.rings():
                yield ring, True
        return
    strokes = strokes_of(shape, skeleton)
    for stroke in strokes:
        yield np.array(stroke, np.float64), False
    if not strokes:
        box = _box_of(shape)
        corners = ((box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom))
        yield np.array(corners, np.float64), True


def _fill(picture: Picture, mask: Mask, colour: Colour, scale: float) -> None:
    patch = mask.patch()
    if scale != 1.0:
        size = (max(round(mask.w * scale), 1), max(round(mask.h * scale), 1))
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    x, y = round(mask.x * scale), round(mask.y * scale)
    area = picture[y : y + patch.shape[0], x : x + patch.shape[1]]
    inside = patch[: area.shape[0], : area.shape[1]].astype(bool)
    mixed = area[inside] * (1 - _FILL) + np.array(colour) * _FILL
    area[inside] = mixed.astype(np.uint8)
