"""The one way from a network's raw outputs to predictions on the image; numpy and OpenCV only.

The same functions read the outputs of the checkpoint and of the ONNX file made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Task
from cvstudio.core.forms import Answers, Form, plain_form
from cvstudio.core.geometry import Box
from cvstudio.core.keypoints import Keypoints, Visibility
from cvstudio.core.masks import Mask
from cvstudio.core.opencv import cv2
from cvstudio.core.pixel_sample import PixelSample, places_of
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.rotated_overlap import pair_iou, rows_of
from cvstudio.ml.preprocess import Placement
from cvstudio.ml.tiles import Area

Array = NDArray[np.float32]
Taker = Callable[[int, Array], None]
"""Is shown the number of an output and its logits, one for each pixel."""
SCORE_FLOOR = 0.001
"""Objects below are not reported."""
OVERLAP = 0.7
"""Of two boxes of one class that overlap more (IoU), the better one stays."""
MOST_OBJECTS = 300
_CANDIDATES = 10_000
_FAR = 1e5  # pixels between the boxes of two classes, so that they never overlap


def decode(
    task: Task,
    outputs: Sequence[NDArray[Any]],
    placement: Placement,
    *,
    class_ids: Sequence[int],
    image_id: int,
    several: bool = False,
    form: Form | None = None,
) -> Prediction:
    """What the raw outputs for one image say; `several`: an image may have several classes; `form`
    is what the network answers with of objects.

    `outputs` per task, without the batch axis, n classes: classify [(n,) logits]; segment
    [(n + 1, H, W) logits, background first]; detect [(4 + n, anchors)], rows x and y of the centre,
    width and height in input pixels, then a score of 0 .. 1 per class; instance
    [(4 + n + m, anchors), (m, H / 4, W / 4)], with m mask coefficients and the maps they weigh, or
    [(4 + n, objects), (objects, s, s)], with the chance of each object at the places of its box.
    Rotated boxes have one row more, the angle in radians, clockwise on the screen; keypoints three
    for each point: x and y in input pixels, and from 0 to 1 how sure it is that it is there.
    """
    match task:
        case Task.CLASSIFY:
            return Prediction(image_id, scores=_scores(outputs[0], class_ids, several))
        case Task.SEGMENT:
            kept = Sampling(placement.width, placement.height, len(outputs[0]))
            labels = label_map(outputs[0], placement, kept.take)
            return Prediction(image_id, regions=regions_of(labels, class_ids), pixels=kept.sample)
        case Task.DETECT | Task.INSTANCE:
            form = form or plain_form(task)
            return Prediction(image_id, objects=_objects(form, outputs, placement, class_ids))


def probabilities(logits: NDArray[Any], *, several: bool, axis: int = 0) -> NDArray[np.float64]:
    """The probabilities of classes along an axis: they share one, unless an image may have several
    classes: then each has its own.

    What the loss was does not matter: where exactly one class is right, as in a run with the loss
    "binary" and one class an image, they share one.
    """
    values: NDArray[np.float64] = logits.astype(np.float64)
    if several:
        return np.exp(-np.logaddexp(0.0, -values))
    values = np.exp(values - logits.max(axis=axis, keepdims=True))
    values /= values.sum(axis=axis, keepdims=True)
    return values


def _scores(logits: Array, class_ids: Sequence[int], several: bool) -> dict[int, float]:
    values = probabilities(logits, several=several)
    return {class_id: float(value) for class_id, value in zip(class_ids, values, strict=True)}


class Sampling:
    """Keeps the logits of some pixels of an image while its map is made, whole or by tiles."""

    def __init__(self, width: int, height: int, outputs: int) -> None:
        self._size = width, height
        self.rows, self.columns = places_of(width, height, outputs)
        self._logits = np.zeros((len(self.rows), outputs), np.float32)

    def take(self, output: int, plane: Array) -> None:
        """The logits of one output for the whole image (height, width)."""
        self._logits[:, output] = plane[self.rows, self.columns]

    def of_part(self, seen: Area, kept: Area) -> Taker:
        """The same from a plane for the part `seen` of the image, of which `kept` counts."""
        here = (self.columns >= kept.left) & (self.columns < kept.right)
        here &= (self.rows >= kept.top) & (self.rows < kept.bottom)
        rows, columns = self.rows[here] - seen.top, self.columns[here] - seen.left

        def take(output: int, plane: Array) -> None:
            self._logits[here, output] = plane[rows, columns]

        return take

    @property
    def sample(self) -> PixelSample:
        """What was kept."""
        return PixelSample.of(*self._size, self._logits)


def label_map(
    logits: Array, placement: Placement, take: Taker | None = None
) -> NDArray[np.uint8]:  # fmt: skip
    """The most likely output per pixel of the image: (height, width), 0 is background.

    Scores are enlarged before the best is taken, so edges are as smooth as the image allows; `take`
    is shown them output by output.
    """
    best = np.ascontiguousarray(
        placement.map_to_image(logits[0].astype(np.float32, copy=False), smooth=True)
    ).copy()
    labels = np.zeros(best.shape, np.uint8 if len(logits) <= 256 else np.uint16)
    if take is not None:
        take(0, best)
    for index in range(1, len(logits)):
        scores = placement.map_to_image(logits[index].astype(np.float32, copy=False), smooth=True)
        if take is not None:
            take(index, scores)
        better = scores > best
        labels[better] = index
        np.copyto(best, scores, where=better)
    return labels


def regions_of(labels: NDArray[Any], class_ids: Sequence[int]) -> dict[int, Mask]:
    """One mask per class that occurs in a label map."""
    regions = {}
    for index in np.unique(labels):
        if index == 0:
            continue
        mask = Mask.from_patch((labels == index).astype(np.uint8))
        if mask is not None:
            regions[class_ids[int(index) - 1]] = mask
    return regions


def _objects(
    form: Form, outputs: Sequence[NDArray[Any]], placement: Placement, class_ids: Sequence[int]
) -> tuple[Found, ...]:
    if form.answers is Answers.ROTATED:
        return _rotated_objects(outputs[0], placement, class_ids)
    count = len(class_ids)
    corners, scores, classes, anchors = suppress(outputs[0], count)
    found = []
    for place, anchor in enumerate(anchors):
        box = placement.box_to_image(*(float(v) for v in corners[place]))
        if box.area <= 0:
            continue
        mask = points = None
        sure: tuple[float, ...] = ()
        if form.answers is Answers.KEYPOINTS:
            points, sure = _keypoints(outputs[0][4 + count :, anchor], box, placement)
        if form.answers is Answers.OUTLINES:
            coefficients = outputs[0][4 + count :, anchor]
            if len(coefficients):
                edges = (box.x, box.y, box.right, box.bottom)
                mask = _mask(coefficients, outputs[1], *edges, placement)
            else:
                mask = _own_mask(outputs[1][anchor], corners[place], box, placement)
            if mask is None:
                continue
        class_id, score = class_ids[int(classes[place])], float(scores[place])
        found.append(Found(class_id, score, box, mask, points=points, sure=sure))
    return tuple(found)


def _keypoints(
    values: NDArray[Any], box: Box, placement: Placement
) -> tuple[Keypoints, tuple[float, ...]]:
    """The points (3 k values: x, y, certainty) of one object on the image, whether sure or not."""
    x, y, sure = values.reshape(-1, 3).T.astype(np.float64)
    points = np.stack(
        [
            (x - placement.left) / placement.scale_x, (y - placement.top) / placement.scale_y,
            np.full(len(x), float(Visibility.VISIBLE)),
        ], axis=1,
    )  # fmt: skip
    return Keypoints(points, box), tuple(sure.tolist())


def _rotated_objects(
    raw: NDArray[Any], placement: Placement, class_ids: Sequence[int]
) -> tuple[Found, ...]:
    boxes, scores, classes = suppress_rotated(raw, len(class_ids))
    found = []
    offset, scale = (placement.left, placement.top), (placement.scale_x, placement.scale_y)
    for (x, y, w, h, angle), score, place in zip(boxes.tolist(), scores, classes, strict=True):
        turned = RotatedBox(x, y, w, h, float(np.degrees(angle)))
        if scale[0] == scale[1]:
            turned = turned.moved(-offset[0], -offset[1]).scaled(1 / scale[0], 1 / scale[1])
        else:  # padding and rounding leave sides that differ by less than a pixel
            turned = RotatedBox.from_corners((turned.corners() - offset) / scale)
        box = turned.box.clipped(placement.width, placement.height)
        if box.area > 0:
            found.append(Found(class_ids[int(place)], float(score), box, rotated=turned))
    return tuple(found)


def suppress(
    raw: NDArray[Any], count: int
) -> tuple[Array, Array, NDArray[np.int64], NDArray[np.int64]]:
    """The best boxes among a detector's answers, of each class apart.

    Takes (4 + count + any, anchors); returns corners (n, 4) in input pixels, scores (n,), classes
    (n,) as 0 .. count - 1 and the anchors (n,) they came from, best first.
    """
    classes, anchors, values = _candidates(raw[4 : 4 + count])
    x, y, w, h = raw[:4, anchors].astype(np.float32, copy=False)
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)
    apart = corners.astype(np.float64) + (classes * _FAR)[:, None]
    areas = np.clip(w, 0, None).astype(np.float64) * np.clip(h, 0, None)
    kept: list[int] = []
    waiting = np.arange(len(values))
    while len(waiting) and len(kept) < MOST_OBJECTS:
        first, rest = waiting[0], waiting[1:]
        kept.append(int(first))
        low = np.maximum(apart[first, :2], apart[rest, :2])
        high = np.minimum(apart[first, 2:], apart[rest, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        together = areas[first] + areas[rest] - shared
        waiting = rest[shared <= OVERLAP * together]
    return corners[kept], values[kept].astype(np.float32), classes[kept], anchors[kept]


def _candidates(
    scores: NDArray[Any],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Classes, anchors and scores of what is worth a look among (classes, anchors), best first."""
    classes, anchors = np.nonzero(scores > SCORE_FLOOR)
    # Scores that differ in their last digits only are ties, and ties go by place: else the order,
    # and with it what suppression leaves, would hang on the device that computed them.
    values = np.round(scores[classes, anchors].astype(np.float64), 5).astype(np.float64)
    order = np.argsort(-values, kind="stable")[:_CANDIDATES]
    return classes[order], anchors[order], values[order]


def suppress_rotated(
    raw: NDArray[Any], count: int
) -> tuple[NDArray[np.float64], Array, NDArray[np.int64]]:
    """The best rotated boxes among a detector's answers, of each class apart.

    Takes (4 + count + 1, anchors); returns rows (n, 5) in input pixels and radians, scores (n,) and
    classes (n,), best first. Overlaps are exact.
    """
    classes, anchors, values = _candidates(raw[4 : 4 + count])
    boxes = raw[:, anchors][[0, 1, 2, 3, 4 + count]].T.astype(np.float64)
    kept = _best_rotated(boxes, classes)
    return boxes[kept], values[kept].astype(np.float32), classes[kept]


def _best_rotated(boxes: NDArray[np.float64], classes: NDArray[np.int64]) -> list[int]:
    """The places of rotated boxes, best first, that no better one of their class lies over."""
    apart = boxes.copy()
    apart[:, :2] += (classes * _FAR)[:, None]
    areas, reach = apart[:, 2] * apart[:, 3], np.hypot(apart[:, 2], apart[:, 3]) / 2
    kept: list[int] = []
    waiting = np.arange(len(apart))
    while len(waiting) and len(kept) < MOST_OBJECTS:
        first, rest = waiting[0], waiting[1:]
        kept.append(int(first))
        away = np.abs(apart[rest, :2] - apart[first, :2]).max(axis=1)
        # Neither what lies elsewhere nor what is much larger or smaller can overlap enough.
        near = away < reach[rest] + reach[first]
        near &= np.minimum(areas[rest], areas[first]) > OVERLAP * np.maximum(
            areas[rest], areas[first]
        )
        close = rest[near]
        over = np.zeros(len(rest), bool)
        if len(close):
            same = np.broadcast_to(boxes[first], (len(close), 5))
            over[near] = pair_iou(same, boxes[close]) > OVERLAP
        waiting = rest[~over]
    return kept


def best_of(found: Sequence[Found]) -> tuple[Found, ...]:
    """The best of objects that overlap, of each class apart, as from one piece: best first."""
    if any(one.rotated is not None for one in found):
        some = sorted(found, key=lambda one: -one.score)
        boxes = rows_of([one.rotated or RotatedBox.of_box(one.box) for one in some])
        classes = np.array([one.class_id for one in some], np.int64)
        return tuple(some[place] for place in _best_rotated(boxes, classes))
    ordered = sorted(found, key=lambda one: -one.score)
    kept: list[Found] = []
    by_class: dict[int, list[tuple[float, float, float, float]]] = {}
    for one in ordered:
        if len(kept) == MOST_OBJECTS:
            break
        before = np.array(by_class.get(one.class_id, []), np.float64).reshape(-1, 4)
        own = (one.box.x, one.box.y, one.box.right, one.box.bottom)
        low, high = np.maximum(before[:, :2], own[:2]), np.minimum(before[:, 2:], own[2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        areas = np.prod(before[:, 2:] - before[:, :2], axis=1)
        if not np.any(shared > OVERLAP * (areas + one.box.area - shared)):
            kept.append(one)
            by_class.setdefault(one.class_id, []).append(own)
    return tuple(kept)


def _mask(
    coefficients: Array,
    maps: NDArray[Any],
    left: float,
    top: float,
    right: float,
    bottom: float,
    placement: Placement,
) -> Mask | None:
    """The pixels of an object inside its box: where its weighted maps are positive."""
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    x1, y1 = int(np.ceil(right)), int(np.ceil(bottom))
    logits = np.tensordot(coefficients.astype(np.float32), maps.astype(np.float32), axes=1)
    across = placement.input_width / maps.shape[2]
    down = placement.input_height / maps.shape[1]
    # From the centre of a pixel of the box to the place between the centres of the maps' cells.
    matrix = np.array(
        [
            [placement.scale_x / across, 0,
             ((x0 + 0.5) * placement.scale_x + placement.left) / across - 0.5],
            [0, placement.scale_y / down,
             ((y0 + 0.5) * placement.scale_y + placement.top) / down - 0.5],
        ]
    )  # fmt: skip
    values = cv2.warpAffine(
        logits, matrix, (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return Mask.from_patch((values > 0).astype(np.uint8), x0, y0)


def _own_mask(chances: NDArray[Any], corners: Array, box: Box, placement: Placement) -> Mask | None:
    """The pixels of a box of the image where its object is more likely than not; `chances` (s, s)
    lie over `corners` in the input."""
    x0, y0 = int(np.floor(box.x)), int(np.floor(box.y))
    x1, y1 = int(np.ceil(box.right)), int(np.ceil(box.bottom))
    left, top, right, bottom = (float(v) for v in corners)
    across = chances.shape[1] / max(right - left, 1e-6)
    down = chances.shape[0] / max(bottom - top, 1e-6)
    # From the centre of a pixel of the image to the place between the centres of the cells.
    matrix = np.array(
        [
            [placement.scale_x * across, 0,
             ((x0 + 0.5) * placement.scale_x + placement.left - left) * across - 0.5],
            [0, placement.scale_y * down,
             ((y0 + 0.5) * placement.scale_y + placement.top - top) * down - 0.5],
        ]
    )  # fmt: skip
    values = cv2.warpAffine(
        chances.astype(np.float32), matrix, (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    return Mask.from_patch((values > 0.5).astype(np.uint8), x0, y0)
