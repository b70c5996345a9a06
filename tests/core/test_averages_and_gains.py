"""Average precisions are those of pycocotools, of each draw too; gains are TIDE's, by hand."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cvstudio.core.geometry import Box
from cvstudio.core.metrics import ErrorKind, ImageObjects, match_objects
from cvstudio.core.metrics.averages import averages_drawn
from cvstudio.core.metrics.resampling import TOO_FEW, draw, wilson, with_whole
from cvstudio.core.metrics.sheet_json import sheet_extras, without_range
from cvstudio.core.metrics.sheets import object_sheet
from cvstudio.core.metrics.tide import KINDS, Gain, gains
from cvstudio.core.predictions import Found
from cvstudio.core.snapshot import SnapshotAnnotation

CLASSES = (1, 2, 3)
NAMES = ("mAP50-95", "mAP50", "mAP75", "AP small", "AP medium", "AP large")


def label(id: int, class_id: int, *xywh: float, crowd: bool = False) -> SnapshotAnnotation:
    return SnapshotAnnotation(id, class_id, Box(*xywh), Box(*xywh), crowd)


def found(class_id: int, score: float, *xywh: float) -> Found:
    return Found(class_id, score, Box(*xywh))


def scene(images: int, seed: int, *, crowds: bool = False) -> list[ImageObjects]:
    """Boxes of all sizes, found a little beside, as another class, twice or not at all."""
    random = np.random.default_rng(seed)
    result = []
    for number in range(1, images + 1):
        labels, founds = [], []
        for _object in range(random.integers(0, 9)):
            side = float(np.exp(random.uniform(np.log(12), np.log(220))))
            x, y = random.uniform(0, 700, 2)
            class_id = int(random.choice(CLASSES, p=(0.6, 0.3, 0.1)))
            size = side, side * random.uniform(0.6, 1.6)
            crowd = crowds and random.random() < 0.1
            labels.append(label(len(labels) + 100 * number, class_id, x, y, *size, crowd=crowd))
            for _again in range(random.integers(0, 4)):
                off = random.normal(0, 0.13 * side, 4)
                said = class_id if random.random() < 0.8 else int(random.choice(CLASSES))
                box = (x + off[0], y + off[1], max(size[0] + off[2], 4), max(size[1] + off[3], 4))
                founds.append(found(said, float(random.random()), *box))
        for _extra in range(random.integers(0, 4)):
            box = (*random.uniform(0, 700, 2), *random.uniform(8, 200, 2))
            founds.append(found(int(random.choice(CLASSES)), float(random.random()), *box))
        result.append(ImageObjects(number, labels, founds))
    return result


def by_pycocotools(images: list[ImageObjects]) -> tuple[list[float], Any]:
    truth = COCO()
    boxes = [(i, a) for i in images for a in i.labelled]
    truth.dataset = {
        "info": {},
        "images": [{"id": i.image_id} for i in images],
        "categories": [{"id": c, "name": str(c)} for c in CLASSES],
        "annotations": [
            {"id": n + 1, "image_id": i.image_id, "category_id": a.class_id, "area": a.box.area,
             "bbox": [a.box.x, a.box.y, a.box.w, a.box.h], "iscrowd": int(a.crowd)}
            for n, (i, a) in enumerate(boxes)
        ],
    }  # fmt: skip
    results = [
        {"image_id": i.image_id, "category_id": f.class_id, "score": f.score,
         "bbox": [f.box.x, f.box.y, f.box.w, f.box.h]}
        for i in images for f in i.found
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:6].tolist(), evaluation.eval["precision"]


@pytest.mark.parametrize("crowds", [False, True])
def test_averages_of_every_size_are_those_of_pycocotools(crowds: bool) -> None:
    images = scene(60, seed=4, crowds=crowds)
    stats, precision = by_pycocotools(images)
    drawn = with_whole(draw(60, draws=2))
    own = averages_drawn(match_objects(images, class_ids=CLASSES), drawn)
    assert [own.figures[name][0] for name in NAMES] == pytest.approx(stats, abs=1e-6)
    for place, class_id in enumerate(CLASSES):
        for column, name in enumerate(("AP50-95", "AP small", "AP medium", "AP large")):
            values = precision[:, :, place, column, -1]
            expected = values[values > -1].mean() if (values > -1).any() else np.nan
            assert own.classes[class_id][name][0] == pytest.approx(expected, abs=1e-6, nan_ok=True)
        ap75 = precision[5, :, place, 0, -1]
        assert own.classes[class_id]["AP75"][0] == pytest.approx(ap75.mean(), abs=1e-6)


def test_the_averages_of_a_draw_are_those_of_its_images() -> None:
    """An image that is drawn twice counts as two images with the same content."""
    images = scene(12, seed=9)
    drawn = draw(12, draws=3, seed=2)
    matches = match_objects(images, class_ids=CLASSES)
    own = averages_drawn(matches, drawn)
    for row, counts in enumerate(drawn.astype(int)):
        again = [
            replace(images[place], image_id=100 * place + copy)
            for place, count in enumerate(counts) for copy in range(1, count + 1)
        ]  # fmt: skip
        stats, _precision = by_pycocotools(again)
        told = [own.figures[name][row] for name in NAMES]
        # Equal scores of copies may be taken in another order, which moves a corner of a curve.
        assert told == pytest.approx([np.nan if s < 0 else s for s in stats], abs=0.02, nan_ok=True)


def gain_of(images: list[ImageObjects]) -> dict[ErrorKind, Gain]:
    matches = match_objects(images, class_ids=CLASSES)
    told = gains(matches, with_whole(draw(len(images), draws=20)))
    assert tuple(g.kind for g in told) == KINDS
    return {g.kind: g for g in told}


HIT = ImageObjects(1, [label(1, 1, 0, 0, 10, 10)], [found(1, 0.9, 0, 0, 10, 10)])


@pytest.mark.parametrize(
    ("kind", "labels", "founds", "gain"),
    [
        # Two annotations of class 1, one found: AP 51/101; with the other put right it is 1.
        (ErrorKind.LOOSE_BOX, [(1, 0)], [(1, 0.5, 6)], 1 - 51 / 101),
        (ErrorKind.WRONG_CLASS, [(1, 0)], [(2, 0.5, 0)], 1 - 51 / 101),
        # What is of another class and beside can only be taken away: nothing is won.
        (ErrorKind.BOTH, [(1, 0)], [(2, 0.5, 6)], 0),
        # Without the missed one there is nothing left to find.
        (ErrorKind.MISSED, [(1, 0)], [], 1 - 51 / 101),
        # A surer wrong one makes the first right one the second: 1/2 at every recall.
        (ErrorKind.FALSE_ALARM, [], [(1, 0.95, 300)], 0.5),
    ],
)
def test_what_fixing_a_kind_would_gain(
    kind: ErrorKind, labels: list[tuple[int, float]], founds: list[tuple[int, float, float]],
    gain: float,
) -> None:  # fmt: skip
    other = ImageObjects(
        2,
        [label(10 + n, c, x, 50, 10, 10) for n, (c, x) in enumerate(labels)],
        [found(c, score, x, 50, 10, 10) for c, score, x in founds],
    )
    told = gain_of([HIT, other])
    assert told[kind].count == 1
    assert told[kind].gain.value == pytest.approx(gain)
    alone = {k for k in KINDS if told[k].count}
    assert alone == ({kind, ErrorKind.MISSED} if kind is ErrorKind.BOTH else {kind})


def test_a_second_box_on_a_found_object_is_a_duplicate() -> None:
    image = ImageObjects(
        1, [label(1, 1, 0, 0, 10, 10), label(2, 1, 50, 0, 10, 10)],
        [
            found(1, 0.9, 0, 0, 10, 10), found(1, 0.8, 0, 1, 10, 10),
            found(1, 0.7, 50, 0, 10, 10),
        ],
    )  # fmt: skip
    told = gain_of([image])
    assert told[ErrorKind.DUPLICATE].count == 1
    # 51 recalls at precision 1 and 50 at 2/3 become 101 at 1.
    assert told[ErrorKind.DUPLICATE].gain.value == pytest.approx(50 / 101 / 3)


def test_of_two_loose_boxes_one_is_put_right_and_the_other_taken_away() -> None:
    image = ImageObjects(
        1, [label(1, 1, 0, 0, 10, 10)],
        [found(1, 0.9, 6, 0, 10, 10), found(1, 0.8, 0, 6, 10, 10)],
    )  # fmt: skip
    told = gain_of([image])
    assert told[ErrorKind.LOOSE_BOX].count == 2
    assert told[ErrorKind.LOOSE_BOX].gain.value == pytest.approx(1)
    assert told[ErrorKind.MISSED].count == 0  # its loose boxes could be put right


def test_a_loose_box_on_a_found_object_is_taken_away_and_finds_nothing_twice() -> None:
    image = ImageObjects(
        1, [label(1, 1, 0, 0, 10, 10)],
        [found(1, 0.5, 0, 0, 10, 10), found(1, 0.8, 6, 0, 10, 10)],
    )  # fmt: skip
    told = gain_of([image])
    assert told[ErrorKind.LOOSE_BOX].count == 1
    assert told[ErrorKind.LOOSE_BOX].gain.value == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(6))
def test_no_fix_makes_it_worse_and_every_prediction_has_one_kind(seed: int) -> None:
    images = scene(20, seed=seed)
    matches = match_objects(images, class_ids=CLASSES)
    told = gain_of(images)
    assert all(g.gain.value >= -1e-9 for g in told.values())
    right = int((matches.right(0.5) >= 0).sum())
    wrong = sum(g.count for g in told.values() if g.kind is not ErrorKind.MISSED)
    assert right + wrong == sum(len(i.found) for i in images)
    assert right + told[ErrorKind.MISSED].count <= sum(len(i.labelled) for i in images)


def test_a_sheet_holds_the_figures_of_the_threshold_with_their_ranges() -> None:
    images = scene(40, seed=1)
    matches = match_objects(images, class_ids=CLASSES)
    sheet = object_sheet(matches, with_whole(draw(40)), score=0.5)
    judged = matches.at(score=0.5)
    assert sheet.figures["precision"].value == pytest.approx(judged.precision)
    assert sheet.figures["recall"].value == pytest.approx(judged.recall)
    for row in judged.per_class():
        own = sheet.classes[row.class_id]
        assert (own["precision"].value, own["recall"].value, own["F1"].value) == pytest.approx(
            (row.precision, row.recall, row.f1)
        )
    for name, figure in sheet.figures.items():
        assert figure.interval is not None, name
        assert figure.low <= figure.value <= figure.high, name
    assert sheet.reliability is not None
    assert len(sheet.gains) == 6


def test_a_class_that_is_never_found_is_named_and_what_it_would_add() -> None:
    """TIDE leaves its labels away, so all of them missed gain nothing."""
    images = [replace(image, found=[f for f in image.found if f.class_id != CLASSES[0]])
              for image in scene(6, seed=0)]  # fmt: skip
    drawn = with_whole(draw(6, draws=5))
    sheet = object_sheet(match_objects(images, class_ids=CLASSES), drawn, score=0.5)
    assert sheet.never_found == (CLASSES[0],)
    averaged = sum(not np.isnan(of["AP50"].value) for of in sheet.classes.values())
    assert averaged > 1
    assert sheet.gain_of_never_found == pytest.approx(1 / averaged)
    whole = object_sheet(match_objects(scene(6, seed=0), class_ids=CLASSES), drawn, score=0.5)
    assert whole.never_found == ()


def test_a_split_without_objects_or_without_answers_has_figures_that_are_no_numbers() -> None:
    empty = [ImageObjects(n, [], []) for n in range(3)]
    drawn = with_whole(draw(3, draws=5))
    sheet = object_sheet(match_objects(empty, class_ids=CLASSES), drawn, score=0.5)
    assert np.isnan(sheet.figures["mAP50-95"].value)
    assert np.isnan(sheet.gains[0].gain.value)
    silent = [replace(image, found=[]) for image in scene(3, seed=0)]
    sheet = object_sheet(match_objects(silent, class_ids=CLASSES), drawn, score=0.5)
    assert sheet.figures["mAP50-95"].value == 0
    assert sheet.figures["recall"].value == 0


def test_the_average_of_a_few_objects_that_are_all_missed_has_no_range_and_says_why() -> None:
    images = [
        ImageObjects(n, [label(n, 1, 10, 10, 200, 200)], [found(1, 0.9, 10, 10, 200, 200)])
        for n in range(1, 6)
    ]
    images.append(ImageObjects(6, [label(6, 2, 10, 10, 200, 200)], []))
    sheet = object_sheet(match_objects(images, class_ids=(1, 2)), with_whole(draw(6)), score=0.5)
    missed = sheet.classes[2]["AP50-95"]
    assert missed.value == 0
    assert missed.interval is None
    assert missed.why_no_range == TOO_FEW
    assert without_range(sheet.classes[2])["AP50-95"] == TOO_FEW
    assert sheet.classes[1]["AP50"].interval is None, "nor are five found ones certain to be all"
    assert sheet.classes[2]["AP small"].why_no_range == "", "without objects there is no figure"
    for gain in sheet_extras(sheet)["gains"]:
        if gain["count"] == 0:
            assert gain["interval"] is None, gain["kind"]


def test_many_objects_that_are_all_missed_bound_the_average() -> None:
    images = [ImageObjects(n, [label(n, 1, 10, 10, 200, 200)], []) for n in range(1, 51)]
    sheet = object_sheet(match_objects(images, class_ids=(1,)), with_whole(draw(50)), score=0.5)
    assert sheet.classes[1]["AP50"].interval == pytest.approx(wilson(0, 50))
    assert sheet.figures["mAP50"].interval == pytest.approx((0, 0.0713), abs=1e-4)
