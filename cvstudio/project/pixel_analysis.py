"""What a run that segments gets right and wrong: a class for each pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.core.metrics import PixelMatches, PixelReport, label_map, match_pixels, region_map
from cvstudio.core.metrics.sure_answers import PixelAnswers, pixel_answers
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.words import counted
from cvstudio.project.verdict import WORST, WRONG, Analysis, Card, Case, KindCount, Row, Verdict

_MOST = 200
"""Images of a cell that are shown at most: each is painted to find its pixels."""


class PixelAnalysis(Analysis):
    """Segment."""

    def _ids(self) -> list[int]:
        return [c.id for c in self.classes]

    def maps(self, image_id: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """The (height, width) class maps of one image: labelled and predicted; 0 is background."""
        image, ids = self.images[image_id], self._ids()
        regions = self.predictions.get(image_id, Prediction(image_id)).regions or {}
        found = region_map(regions, class_ids=ids, height=image.height, width=image.width)
        return self._labelled(image), found

    def _labelled(self, image: SnapshotImage) -> NDArray[np.uint16]:
        size = {"height": image.height, "width": image.width}
        return label_map(image.annotations, class_ids=self._ids(), **size)

    def _maps(self) -> Iterator[tuple[int, NDArray[np.uint16], NDArray[np.uint16]]]:
        for image in self.compared():
            if image.id in self.predictions:
                yield (image.id, *self.maps(image.id))

    @cached_property
    def matches(self) -> PixelMatches:
        return match_pixels(self._maps(), class_ids=self._ids())

    @cached_property
    def edge_matches(self) -> PixelMatches:
        """The same with the edges counted, which takes a while longer."""
        return match_pixels(self._maps(), class_ids=self._ids(), boundaries=True)

    @cached_property
    def sure_answers(self) -> PixelAnswers | None:
        """How sure the network is of the pixels that were kept of each image, and whether it is
        right; None where none were kept."""
        return pixel_answers(
            (self._labelled(image), self.predictions[image.id].pixels)
            for image in self.compared()
            if image.id in self.predictions
        )

    def judge(self, *, score: float, iou: float, own: bool = False) -> Verdict:
        matches = self.matches
        report = matches.report()
        pixels = int(report.confusion.sum())
        right = int(np.trace(report.confusion))
        worst = matches.worst()

        return Verdict(
            cards=(
                Card("mIoU", report.mean_iou, _mean_words(report)),
                Card("Dice", report.mean_dice, "mean of the same classes"),
                Card("Pixel accuracy", report.pixel_accuracy, _share_of_pixels(right, pixels)),
                Card(
                    "Images",
                    len(matches.image_ids),
                    f"{pixels / 1e6:.1f} million pixels",
                    whole=True,
                ),
            ),
            class_ids=report.class_ids,
            confusion=report.confusion,
            unit="pixels",
            columns=("Share", "IoU", "Dice", "Recall"),
            rows=tuple(
                Row(
                    r.class_id,
                    (r.labelled / pixels if pixels else math.nan, r.iou, r.dice, r.recall),
                )
                for r in report.per_class()
            ),
            kinds=(KindCount(WORST, "Worst images", len(worst)),),
            cases=lambda _kind, limit=None: [
                Case(WORST, image_id, None, None, 0, 0, value, None, f"{value:.2f}")
                for image_id, value in worst[:limit]
            ],
            cell=self._cell,
        )

    def _cell(self, labelled: int, predicted: int, limit: int | None = None) -> list[Case]:
        ids = (0, *self._ids())
        cases = []
        for image_id, count in self.matches.cell(labelled, predicted)[: limit or _MOST]:
            truth, answer = self.maps(image_id)
            here = (truth == ids.index(labelled)) & (answer == ids.index(predicted))
            kind = "right" if labelled == predicted else WRONG
            cases.append(
                Case(
                    kind,
                    image_id,
                    self._annotation_at(image_id, labelled),
                    None,
                    labelled,
                    predicted,
                    None,
                    _largest_piece(here),
                    f"{count:,} px",
                )
            )
        return cases

    def _annotation_at(self, image_id: int, class_id: int) -> int | None:
        of_class = [a for a in self.images[image_id].annotations if a.class_id == class_id]
        return max(of_class, key=lambda a: a.box.area).id if of_class else None


def _largest_piece(here: NDArray[np.bool_]) -> Box | None:
    count, _, stats, _ = cv2.connectedComponentsWithStats(here.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    x, y, w, h, _ = (int(v) for v in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))])
    return Box(x, y, w, h)


def _mean_words(report: PixelReport) -> str:
    """Over which classes the mean is taken: without those that no image of the split has."""
    labelled = report.confusion.sum(axis=1) > 0
    classes = int(labelled[1:].sum())
    background = " and background" if labelled[0] else ""
    if classes == len(report.class_ids) - 1:
        return f"mean of all classes{background}"
    return f"mean of {counted(classes, 'labelled class', 'labelled classes')}{background}"


def _share_of_pixels(right: int, pixels: int) -> str:
    return f"{right / 1e6:.1f} of {pixels / 1e6:.1f} million pixels"
