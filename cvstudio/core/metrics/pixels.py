"""Segmentation: one confusion of pixels over all images, and where in it each image stands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import COUNTING, Labelled, Task, kind_of
from cvstudio.core.convert import to_mask
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask, mask_of
from cvstudio.core.metrics.boundaries import boundary_counts
from cvstudio.core.metrics.figures import mean_of_known
from cvstudio.core.rotated import RotatedBox

BACKGROUND = 0
IGNORED = 65535
"""A pixel that is not judged: it lies in a crowd, or in a box that nobody outlined."""

ClassMap = NDArray[np.uint16]
"""Shape (h, w): for each pixel the place of its class, 0 is background."""


def label_map(
    labelled: Iterable[Labelled], *, height: int, width: int, class_ids: Sequence[int],
    left: int = 0, top: int = 0,
) -> ClassMap:  # fmt: skip
    """Paint polygons and masks in their order, the later over the earlier: value i + 1 stands for
    class_ids[i], 0 is background and IGNORED lies under crowds. Unknown classes are left out.
    With `left` and `top` the map is that part of the image.

    A box, turned or not, says that something is in it and not which pixels: what it covers is
    IGNORED where no outline, whatever their order, says more. Keypoints say nothing here."""
    canvas = np.zeros((height, width), np.uint16)
    labelled = list(labelled)
    for a in labelled:
        if isinstance(a.shape, RotatedBox):
            covered = to_mask(a.shape)
            if covered is not None:
                covered.moved(-left, -top).paint(canvas, IGNORED)
        elif isinstance(a.shape, Box):
            x0, y0 = max(math.floor(a.shape.x) - left, 0), max(math.floor(a.shape.y) - top, 0)
            x1 = max(math.ceil(a.shape.right) - left, 0)
            y1 = max(math.ceil(a.shape.bottom) - top, 0)
            canvas[y0:y1, x0:x1] = IGNORED
    places = {class_id: place + 1 for place, class_id in enumerate(class_ids)}
    for a in labelled:
        value = IGNORED if a.crowd else places.get(a.class_id)
        if value is None or kind_of(a.shape) not in COUNTING[Task.SEGMENT]:
            continue
        if _beside(a.box, left, top, width, height):
            continue
        mask = mask_of(a.shape) if isinstance(a.shape, Polygon) else a.shape
        if isinstance(mask, Mask):
            mask.moved(-left, -top).paint(canvas, value)
    return canvas


def _beside(box: Box, left: int, top: int, width: int, height: int) -> bool:
    """Whether no pixel of a shape lies in a part; one of its edge may lie just outside its box."""
    return (
        box.right + 1 < left or box.bottom + 1 < top
        or box.x - 1 > left + width or box.y - 1 > top + height
    )  # fmt: skip


def region_map(
    regions: Mapping[int, Mask], *, height: int, width: int, class_ids: Sequence[int]
) -> ClassMap:
    """The class map of a Prediction's `regions`, with the values of label_map."""
    canvas = np.zeros((height, width), np.uint16)
    for place, class_id in enumerate(class_ids):
        if class_id in regions:
            regions[class_id].paint(canvas, place + 1)
    return canvas


def pixel_confusion(labelled: ClassMap, predicted: ClassMap, *, classes: int) -> NDArray[np.int64]:
    """(classes + 1, classes + 1) counts, rows labelled, columns predicted, background first.

    IGNORED pixels of the labels are not counted.
    """
    size = classes + 1
    judged = labelled != IGNORED
    cells = labelled[judged].astype(np.int64) * size + predicted[judged]
    return np.bincount(cells, minlength=size * size).reshape(size, size).astype(np.int64)


def iou_per_class(confusion: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each class; not-a-number where it is neither labelled nor found.

    Takes (..., k, k) and gives (..., k).
    """
    true = np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)
    union = confusion.sum(-1) + confusion.sum(-2) - true
    iou: NDArray[np.float64] = np.divide(
        true, union, out=np.full_like(true, np.nan), where=union > 0
    )
    return iou


def dice_per_class(confusion: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """2 TP / (2 TP + FP + FN) of each class, not-a-number as in iou_per_class."""
    true = np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)
    total = (confusion.sum(-1) + confusion.sum(-2)).astype(np.float64)
    dice: NDArray[np.float64] = np.divide(
        2 * true, total, out=np.full_like(true, np.nan), where=total > 0
    )
    return dice


@dataclass(frozen=True, slots=True)
class PixelFigures:
    """The figures of one class (0 is background); `labelled` counts pixels."""

    class_id: int
    labelled: int
    iou: float
    dice: float
    precision: float
    recall: float


@dataclass(frozen=True, eq=False, slots=True)
class PixelReport:
    """The figures of a pooled confusion, background first."""

    class_ids: tuple[int, ...]
    """Background (0) and the classes, in the order of the confusion."""
    confusion: NDArray[np.int64]

    @property
    def mean_iou(self) -> float:
        """The mean over the classes that are labelled, background included.

        A class that is only predicted has an IoU of 0 by definition; whatever is wrongly given to
        it is missing from a labelled class, and counts there.
        """
        return self._mean_of_labelled(iou_per_class(self.confusion))

    @property
    def mean_dice(self) -> float:
        """The mean over the classes that are labelled, background included."""
        return self._mean_of_labelled(dice_per_class(self.confusion))

    def _mean_of_labelled(self, values: NDArray[np.float64]) -> float:
        return mean_of_known(values[self.confusion.sum(axis=1) > 0])

    @property
    def pixel_accuracy(self) -> float:
        total = int(self.confusion.sum())
        return float(np.trace(self.confusion)) / total if total else float("nan")

    def per_class(self) -> list[PixelFigures]:
        """Each class's figures, background first."""
        ious, dices = iou_per_class(self.confusion), dice_per_class(self.confusion)
        rows = []
        for place, class_id in enumerate(self.class_ids):
            labelled = int(self.confusion[place].sum())
            predicted = int(self.confusion[:, place].sum())
            true = int(self.confusion[place, place])
            rows.append(
                PixelFigures(
                    class_id=class_id,
                    labelled=labelled,
                    iou=float(ious[place]),
                    dice=float(dices[place]),
                    precision=true / predicted if predicted else float("nan"),
                    recall=true / labelled if labelled else float("nan"),
                )
            )
        return rows


@dataclass(frozen=True, eq=False, slots=True)
class PixelMatches:
    """One confusion of pixels per image: (n, k + 1, k + 1)."""

    class_ids: tuple[int, ...]
    """Background (0) first."""
    image_ids: tuple[int, ...]
    confusions: NDArray[np.int64]
    boundaries: NDArray[np.int64] | None = None
    """(n, k + 1, 4): pixels of edges, as boundaries.py counts them; None where nobody asked."""

    def report(self) -> PixelReport:
        """The figures over all pixels of all images."""
        return PixelReport(self.class_ids, self.confusions.sum(axis=0))

    def worst(self) -> list[tuple[int, float]]:
        """Images with the mean IoU of the classes that occur in them, lowest first."""
        ious = iou_per_class(self.confusions)
        rows = [(i, mean_of_known(row)) for i, row in zip(self.image_ids, ious, strict=True)]
        return sorted((row for row in rows if not np.isnan(row[1])), key=lambda row: row[1])

    def cell(self, labelled: int, predicted: int) -> list[tuple[int, int]]:
        """Images behind one cell of the confusion with their number of pixels, most first."""
        row, column = self.class_ids.index(labelled), self.class_ids.index(predicted)
        counts = self.confusions[:, row, column]
        order = np.argsort(-counts, kind="stable")
        return [(self.image_ids[i], int(counts[i])) for i in order if counts[i]]


def match_pixels(
    images: Iterable[tuple[int, ClassMap, ClassMap]],
    *,
    class_ids: Sequence[int],
    boundaries: bool = False,
) -> PixelMatches:
    """Compare (image id, labelled map, predicted map) of a split, one image at a time; their edges
    too where `boundaries` are asked for."""
    size = len(class_ids) + 1
    ids, confusions, edges = [], [], []
    for image_id, labelled, predicted in images:
        ids.append(image_id)
        confusions.append(pixel_confusion(labelled, predicted, classes=len(class_ids)))
        if boundaries:
            edges.append(
                boundary_counts(labelled, predicted, classes=len(class_ids), ignored=IGNORED)
            )
    stacked = np.stack(confusions) if confusions else np.zeros((0, size, size), np.int64)
    counted = np.stack(edges) if edges else None
    return PixelMatches((BACKGROUND, *class_ids), tuple(ids), stacked, counted)
