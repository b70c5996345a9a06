"""Which predictions lie over which annotations, computed once so that thresholds can be dragged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Labelled, Shape, area_of
from cvstudio.core.convert import Area, to_mask, to_rotated
from cvstudio.core.forms import BOXES, OUTLINES, Answers, Form
from cvstudio.core.geometry import Box, Polygon, iou_matrix
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, Patch
from cvstudio.core.oks import AREA_OF_BOX, oks, oks_in_box, sigmas_of
from cvstudio.core.predictions import Found
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.rotated_overlap import rotated_iou, rows_of

LOOSE = 0.1
"""Below this overlap, a prediction and an annotation have nothing to do with each other (TIDE)."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_Label = tuple[int, int, int, float]
_FoundRow = tuple[int, int, float, int, float, float]


@dataclass(frozen=True, slots=True)
class ImageObjects:
    """One image: what is labelled in it, and what a network found (a Prediction's `objects`)."""

    image_id: int
    labelled: Sequence[Labelled]
    found: Sequence[Found]


@dataclass(frozen=True, eq=False, slots=True)
class Overlaps:
    """All annotations and predictions of a split as flat arrays.

    Predictions are in descending order of score, so that a score threshold is a prefix. Pairs are
    in the order of their prediction, the largest overlap first. Classes are indices of class_ids.
    """

    class_ids: Ints
    image_ids: Ints
    label_image: Ints
    label_class: Ints
    label_id: Ints
    label_area: Floats
    """Square pixels of what is compared: of the outline, or of the box."""
    found_image: Ints
    found_class: Ints
    found_score: Floats
    found_index: Ints
    found_area: Floats
    found_in_crowd: Floats
    """The largest share of each prediction that lies in a crowd of its class."""
    pair_found: Ints
    pair_label: Ints
    pair_iou: Floats

    def overlaps(self, found: Ints, label: Ints) -> Floats:
        """The overlap of each of these predictions with the annotation at the same place; 0 below
        LOOSE, and where either is -1."""
        start = np.searchsorted(self.pair_found, found, side="left")
        many = np.searchsorted(self.pair_found, found, side="right") - start
        asked = np.repeat(np.arange(len(found)), many)
        # The places start[i], start[i] + 1, ... of the pairs of each prediction, one after another.
        pair = np.arange(len(asked)) + np.repeat(start - (np.cumsum(many) - many), many)
        here = self.pair_label[pair] == label[asked]
        result = np.zeros(len(found))
        result[asked[here]] = self.pair_iou[pair[here]]
        return result


def find_overlaps(
    images: Iterable[ImageObjects],
    *,
    class_ids: Sequence[int] = (),
    masks: bool = False,
    form: Form | None = None,
) -> Overlaps:
    """Flatten a split and measure every overlap of at least LOOSE.

    Classes that are not among class_ids but occur are added behind them. With masks, annotations
    without one (boxes) count as filled rectangles. `form` says what else is compared: rotated
    boxes by the area that they share, keypoints by their likeness (OKS).
    """
    form = form or (OUTLINES if masks else BOXES)
    masks = form.answers is Answers.OUTLINES
    places = {class_id: place for place, class_id in enumerate(class_ids)}
    labels: list[_Label] = []
    founds: list[_FoundRow] = []
    pairs: list[tuple[Ints, Ints, Floats]] = []
    image_ids: list[int] = []
    for image_index, image in enumerate(images):
        image_ids.append(image.image_id)
        plain = [a for a in image.labelled if not a.crowd and a.box.area > 0]
        crowds = [a for a in image.labelled if a.crowd]
        if form.answers is Answers.KEYPOINTS:
            shares = _likeness_to_crowds(image.found, crowds, form)
        else:
            shares = _crowd_shares(image.found, crowds, masks=masks)
        rows, columns, ious = _pairs(image.found, plain, form)
        pairs.append((rows + len(founds), columns + len(labels), ious))
        for index, found in enumerate(image.found):
            place = places.setdefault(found.class_id, len(places))
            area = found.mask.area if masks and found.mask is not None else found.box.area
            founds.append((image_index, place, found.score, index, shares[index], area))
        for a in plain:
            place = places.setdefault(a.class_id, len(places))
            area = area_of(a.shape) if masks else a.box.area
            labels.append((image_index, place, a.id, area))
    return _flatten(list(places), image_ids, labels, founds, pairs)


def _flatten(
    class_ids: list[int],
    image_ids: list[int],
    labels: list[_Label],
    founds: list[_FoundRow],
    pairs: list[tuple[Ints, Ints, Floats]],
) -> Overlaps:
    label = np.array(labels, np.float64).reshape(-1, 4)
    found = np.array(founds, np.float64).reshape(-1, 6)
    order = np.argsort(-found[:, 2], kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    found = found[order]
    columns = list(zip(*pairs, strict=True)) or [(), (), ()]
    empty = np.zeros(0, np.int64)
    pair_found = rank[np.concatenate([empty, *columns[0]])]
    pair_label = np.concatenate([empty, *columns[1]])
    pair_iou = np.concatenate([np.zeros(0), *columns[2]])
    by_found = np.lexsort((-pair_iou, pair_found))
    return Overlaps(
        class_ids=np.array(class_ids, np.int64),
        image_ids=np.array(image_ids, np.int64),
        label_image=label[:, 0].astype(np.int64),
        label_class=label[:, 1].astype(np.int64),
        label_id=label[:, 2].astype(np.int64),
        label_area=label[:, 3],
        found_image=found[:, 0].astype(np.int64),
        found_class=found[:, 1].astype(np.int64),
        found_score=found[:, 2],
        found_index=found[:, 3].astype(np.int64),
        found_in_crowd=found[:, 4],
        found_area=found[:, 5],
        pair_found=pair_found[by_found],
        pair_label=pair_label[by_found],
        pair_iou=pair_iou[by_found],
    )


def greedy(found: Ints, label: Ints, *, found_count: int, label_count: int) -> Ints:
    """Give each prediction in turn, highest score first, its best annotation that is still free.

    Pairs come in the order of Overlaps; the result has the annotation's index for each prediction,
    or -1. Instead of walking through the predictions, each round settles all pairs that no other
    prediction can touch any more: the best pair of its prediction, whose prediction is the first in
    line for its annotation. A few rounds do, and the outcome is the same.
    """
    match = np.full(found_count, -1, np.int64)
    first_in_line = np.empty(label_count, np.int64)
    while found.size:
        best = np.empty(found.size, bool)
        best[0] = True
        np.not_equal(found[1:], found[:-1], out=best[1:])
        first_in_line[label[::-1]] = found[::-1]  # the last one written, the lowest rank, stays
        settled = best & (first_in_line[label] == found)
        match[found[settled]] = label[settled]
        taken = np.zeros(label_count, bool)
        taken[label[settled]] = True
        open_pairs = (match[found] < 0) & ~taken[label]
        found, label = found[open_pairs], label[open_pairs]
    return match


def _boxes(objects: Sequence[Labelled] | Sequence[Found]) -> Floats:
    return np.array([(o.box.x, o.box.y, o.box.w, o.box.h) for o in objects], np.float64).reshape(
        -1, 4
    )


def _pairs(
    found: Sequence[Found], labelled: Sequence[Labelled], form: Form
) -> tuple[Ints, Ints, Floats]:
    """Row (prediction), column (annotation) and overlap of all pairs of at least LOOSE."""
    if not found or not labelled:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    match form.answers:
        case Answers.OUTLINES:
            ious = _mask_ious(found, labelled)
        case Answers.ROTATED:
            ious = _rotated_ious(found, labelled)
        case Answers.KEYPOINTS:
            ious = _likeness(found, labelled, form)
        case Answers.BOXES:
            ious = iou_matrix(_boxes(found), _boxes(labelled))
    rows, columns = np.nonzero(ious >= LOOSE)
    return rows, columns, ious[rows, columns]


def _rotated_ious(found: Sequence[Found], labelled: Sequence[Labelled]) -> Floats:
    """Overlaps of rotated boxes (predictions, annotations); what is no rotated box counts as one
    around it."""
    first = [f.rotated or RotatedBox.of_box(f.box) for f in found]
    second = [to_rotated(_area_of(a)) for a in labelled]
    return rotated_iou(rows_of(first), rows_of(second))


def _area_of(label: Labelled) -> Area:
    """What a label covers: of what has no area of its own, the box around it."""
    return label.box if label.shape is None or isinstance(label.shape, Keypoints) else label.shape


def _likeness(found: Sequence[Found], labelled: Sequence[Labelled], form: Form) -> Floats:
    """OKS of keypoints (predictions, annotations); 0 where either has no such points."""
    result = np.zeros((len(found), len(labelled)))
    rows = [i for i, f in enumerate(found) if f.points is not None]
    places, truth, areas = [], [], []
    for place, a in enumerate(labelled):
        if isinstance(a.shape, Keypoints) and len(a.shape.points) == form.points:
            places.append(place)
            truth.append(a.shape.points)
            areas.append(a.box.area * AREA_OF_BOX)
    if rows and places and form.skeleton is not None:
        alike = oks(
            _points(found, rows), np.array(truth), np.array(areas), sigmas_of(form.skeleton)
        )
        result[np.ix_(rows, places)] = alike
    return result


def _points(found: Sequence[Found], rows: Sequence[int]) -> Floats:
    """The places (n, k, 2) of the points of some predictions."""
    shapes = [found[row].points for row in rows]
    return np.array([shape.points[:, :2] for shape in shapes if shape is not None])


def _likeness_to_crowds(
    found: Sequence[Found], crowds: Sequence[Labelled], form: Form
) -> list[float]:
    """How near each prediction is to an object of its class whose points nobody has set."""
    shares = [0.0] * len(found)
    if form.skeleton is None:
        return shares
    sigmas = sigmas_of(form.skeleton)
    for crowd in crowds:
        rows = [
            i for i, f in enumerate(found)
            if f.class_id == crowd.class_id and f.points is not None
        ]  # fmt: skip
        if rows:
            area = crowd.box.area * AREA_OF_BOX
            near = oks_in_box(_points(found, rows), crowd.box, area, sigmas)
            for row, value in zip(rows, near.tolist(), strict=True):
                shares[row] = max(shares[row], value)
    return shares


@dataclass(frozen=True, slots=True)
class _Patch:
    mask: Mask
    pixels: Patch


def _patches(objects: Sequence[Labelled] | Sequence[Found]) -> list[_Patch | None]:
    patches: list[_Patch | None] = []
    for o in objects:
        mask = o.mask if isinstance(o, Found) else _mask_of_shape(o.shape, o.box)
        if isinstance(o, Found) and mask is None:
            mask = _mask_of_shape(None, o.box)
        patches.append(_Patch(mask, mask.patch()) if mask is not None else None)
    return patches


def _mask_of_shape(shape: Shape, box: Box) -> Mask | None:
    if isinstance(shape, Mask):
        return shape
    if isinstance(shape, Polygon | RotatedBox):
        return to_mask(shape)
    x0, y0 = round(box.x), round(box.y)
    width, height = round(box.right) - x0, round(box.bottom) - y0
    if width <= 0 or height <= 0:
        return None
    return Mask.from_patch(np.ones((height, width), np.uint8), x0, y0)


def _shared(a: _Patch, b: _Patch) -> float:
    """The number of pixels that two masks have in common."""
    x0, y0 = max(a.mask.x, b.mask.x), max(a.mask.y, b.mask.y)
    x1 = min(a.mask.x + a.mask.w, b.mask.x + b.mask.w)
    y1 = min(a.mask.y + a.mask.h, b.mask.y + b.mask.h)
    if x0 >= x1 or y0 >= y1:
        return 0.0
    inside_a = a.pixels[y0 - a.mask.y : y1 - a.mask.y, x0 - a.mask.x : x1 - a.mask.x]
    inside_b = b.pixels[y0 - b.mask.y : y1 - b.mask.y, x0 - b.mask.x : x1 - b.mask.x]
    return float(np.count_nonzero(inside_a & inside_b))


def _mask_ious(found: Sequence[Found], labelled: Sequence[Labelled]) -> Floats:
    """Overlaps of masks, (predictions, annotations); pairs that cannot reach LOOSE stay 0."""
    first, second = _patches(found), _patches(labelled)
    areas_a = [p.mask.area if p else 0.0 for p in first]
    areas_b = [p.mask.area if p else 0.0 for p in second]
    ious = np.zeros((len(first), len(second)))
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            if (
                a is None
                or b is None
                or min(areas_a[i], areas_b[j]) < LOOSE * max(areas_a[i], areas_b[j])
            ):
                continue
            shared = _shared(a, b)
            if shared:
                ious[i, j] = shared / (areas_a[i] + areas_b[j] - shared)
    return ious


def _crowd_shares(
    found: Sequence[Found], crowds: Sequence[Labelled], *, masks: bool
) -> list[float]:
    """The largest share of each prediction inside a crowd of its own class (COCO's iscrowd)."""
    shares = [0.0] * len(found)
    if not crowds:
        return shares
    crowd_patches = _patches(crowds) if masks else []
    for i, f in enumerate(found):
        own = _patches([f])[0] if masks else None
        for j, crowd in enumerate(crowds):
            if crowd.class_id != f.class_id:
                continue
            if masks:
                other = crowd_patches[j]
                if own is None or other is None:
                    continue
                share = _shared(own, other) / own.mask.area
            else:
                share = _box_share(f.box, crowd.box)
            shares[i] = max(shares[i], share)
    return shares


def _box_share(box: Box, crowd: Box) -> float:
    width = min(box.right, crowd.right) - max(box.x, crowd.x)
    height = min(box.bottom, crowd.bottom) - max(box.y, crowd.y)
    return max(width, 0.0) * max(height, 0.0) / box.area if box.area else 0.0
