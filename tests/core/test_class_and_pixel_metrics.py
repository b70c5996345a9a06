"""Classification and segmentation figures against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.metrics import (
    ClassifiedImage,
    classification_report,
    iou_per_class,
    label_map,
    match_pixels,
    pixel_confusion,
    region_map,
)
from cvstudio.core.metrics.pixels import IGNORED
from cvstudio.core.snapshot import SnapshotAnnotation


def image(image_id: int, labelled: int, *scores: float) -> ClassifiedImage:
    return ClassifiedImage(image_id, labelled, dict(enumerate(scores, start=1)))


IMAGES = [
    image(1, 1, 0.9, 0.1, 0.0),
    image(2, 1, 0.8, 0.2, 0.0),
    image(3, 1, 0.4, 0.6, 0.0),
    image(4, 2, 0.3, 0.7, 0.0),
]


def test_accuracy_alone_is_never_all_there_is() -> None:
    report = classification_report(IMAGES, class_ids=[1, 2, 3])
    assert report.confusion.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert report.confusion.dtype == np.int64
    assert report.accuracy == 3 / 4
    assert report.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert report.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_an_absent_class_has_no_figures_and_enters_no_mean() -> None:
    absent = classification_report(IMAGES, class_ids=[1, 2, 3]).per_class()[2]
    assert np.isnan([absent.precision, absent.recall, absent.f1]).all()
    assert np.isnan(classification_report([], class_ids=[1]).accuracy)


def test_wrong_images_come_worst_first_and_a_cell_opens_its_images() -> None:
    report = classification_report([*IMAGES, image(5, 2, 0.99, 0.01, 0.0)], class_ids=[1, 2, 3])
    assert [i.image_id for i in report.wrong()] == [5, 3]
    assert [i.image_id for i in report.cell(1, 2)] == [3]


def square(class_id: int, x: int, y: int, side: int, *, crowd: bool = False) -> SnapshotAnnotation:
    polygon = Polygon.simple([(x, y), (x + side, y), (x + side, y + side), (x, y + side)])
    return SnapshotAnnotation(1, class_id, polygon, polygon.box, crowd)


def test_later_annotations_paint_over_earlier_ones_and_crowds_and_boxes_are_not_judged() -> None:
    box_only = SnapshotAnnotation(4, 5, Box(0, 5, 3, 3), Box(0, 5, 3, 3))
    painted = label_map(
        [square(5, 0, 0, 4), square(9, 2, 2, 4), square(5, 6, 0, 2, crowd=True), box_only],
        height=8, width=8, class_ids=[5, 9],
    )  # fmt: skip
    assert (painted == 1).sum() == 12
    assert (painted == 2).sum() == 16
    # The crowd, and the box where no outline says more: not its one pixel under the second square.
    assert (painted == IGNORED).sum() == 4 + 8
    assert painted[5, 2] == 2


def test_pixels_are_pooled_over_images_and_absent_is_not_a_number() -> None:
    labelled = np.zeros((4, 4), np.uint16)
    labelled[:2] = 1
    predicted = np.zeros((4, 4), np.uint16)
    predicted[:1] = 1
    matches = match_pixels([(1, labelled, predicted), (2, labelled, labelled)], class_ids=[3, 8])
    report = matches.report()
    assert report.confusion.tolist() == [[16, 0, 0], [4, 12, 0], [0, 0, 0]]
    background, first, absent = report.per_class()
    assert background.iou == pytest.approx(16 / 20)
    assert first.iou == pytest.approx(12 / 16)
    assert first.dice == pytest.approx(24 / 28)
    assert np.isnan(absent.iou)
    assert report.mean_iou == pytest.approx((16 / 20 + 12 / 16) / 2)
    assert report.pixel_accuracy == pytest.approx(28 / 32)
    assert matches.worst()[0][0] == 1
    assert matches.worst()[1] == (2, 1.0)
    assert matches.cell(3, 0) == [(1, 4)]


def test_a_class_that_is_only_predicted_does_not_enter_the_mean_of_a_split() -> None:
    labelled = np.zeros((4, 4), np.uint16)
    labelled[:2] = 1
    predicted = labelled.copy()
    predicted[0, 0] = 2  # a class that nobody labelled
    report = match_pixels([(1, labelled, predicted)], class_ids=[3, 8]).report()
    background, first, unlabelled = report.per_class()
    assert unlabelled.iou == 0
    assert report.mean_iou == pytest.approx((background.iou + first.iou) / 2)
    assert report.mean_dice == pytest.approx((background.dice + first.dice) / 2)
    assert first.iou == pytest.approx(7 / 8), "the stray pixel counts where it is missing"


def test_ignored_pixels_do_not_count() -> None:
    labelled = np.full((2, 2), IGNORED, np.uint16)
    labelled[0] = 1
    confusion = pixel_confusion(labelled, np.ones((2, 2), np.uint16), classes=1)
    assert confusion.tolist() == [[0, 0], [0, 2]]
    assert np.isnan(iou_per_class(confusion)[0])


def test_regions_of_a_prediction_become_the_map_that_labels_have() -> None:
    patch = np.zeros((6, 6), np.uint8)
    patch[1:3, 2:5] = 1
    mask = Mask.from_patch(patch)
    assert mask is not None
    painted = region_map({9: mask}, height=6, width=6, class_ids=[5, 9])
    assert np.array_equal(painted, patch.astype(np.uint16) * 2)


def test_the_most_likely_class_of_an_image_is_looked_for_once() -> None:
    class Counted(dict[int, float]):
        looks = 0

        def __getitem__(self, key: int) -> float:
            Counted.looks += 1
            return super().__getitem__(key)

    one = ClassifiedImage(1, 2, Counted({1: 0.1, 2: 0.45, 3: 0.45}))
    assert [one.predicted for _ in range(9)] == [2] * 9  # the first of two equal ones
    assert Counted.looks == 3
