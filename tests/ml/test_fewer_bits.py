"""What proves a file of fewer bits: its metric or its answers; or nothing does, and it says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cvstudio.core import proof as words
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.forms import BOXES, OUTLINES, Form
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.core.metrics.trust import by_guessing
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml.exporting.agreement import Agreement, agreement
from cvstudio.ml.exporting.fewer_bits import (
    LEAST_ANSWERS,
    TOO_ALIKE,
    TOO_FEW,
    TOO_LITTLE,
    By,
    Standard,
    judge_by_answers,
    judge_by_metric,
)
from cvstudio.ml.exporting.proof import Check
from cvstudio.ml.exporting.proving import further_images

COUNTS = Thresholds(score=0.3)


def network(task: Task, *, several: bool = False, form: Form = BOXES) -> Any:
    return SimpleNamespace(task=task, several=several, class_ids=[3, 7], form=form)


def image(number: int, *, width: int = 40, height: int = 40) -> SnapshotImage:
    return SnapshotImage(
        id=number, path=Path(f"{number}.png"), page=0, width=width, height=height,
        split=Split.VAL, review=Review.REVIEWED, sha256="", annotations=(),
    )  # fmt: skip


IMAGES = [image(number) for number in range(12)]


def found(class_id: int, x: float, *, score: float = 0.8, side: int = 10) -> Found:
    mask = Mask.from_patch(np.ones((side, side), np.uint8), int(x), 5)
    return Found(class_id, score, Box(x, 5, side, side), mask)


def classified(flip: int = 0) -> list[Prediction]:
    """Three classes in turn would be 3, 7, 3, 7: the first `flip` are told otherwise."""
    kinds = [7 if (i % 2 == 0) == (i < flip) else 3 for i in range(12)]
    return [
        Prediction(i, scores={3: 0.9 if kind == 3 else 0.1, 7: 0.9 if kind == 7 else 0.1})
        for i, kind in enumerate(kinds)
    ]


def test_images_that_keep_their_class_are_counted() -> None:
    told = agreement(network(Task.CLASSIFY), IMAGES, classified(), classified(3), COUNTS)
    assert (told.share, told.answers, told.images) == (9 / 12, 12, 12)
    assert 0 < told.anyway < 1


def test_one_class_whatever_is_shown_would_agree_with_any_image() -> None:
    same = [Prediction(i, scores={3: 0.9, 7: 0.1}) for i in range(12)]
    told = agreement(network(Task.CLASSIFY), IMAGES, same, same, COUNTS)
    assert (told.share, told.anyway) == (1, 1)


def test_of_several_classes_only_those_that_are_found_count() -> None:
    ours = [Prediction(i, scores={3: 0.9, 7: 0.1}) for i in range(10)]
    theirs = [Prediction(i, scores={3: 0.9, 7: 0.9 if i < 5 else 0.1}) for i in range(10)]
    told = agreement(network(Task.CLASSIFY, several=True), IMAGES, ours, theirs, COUNTS)
    # 10 found by both, 10 and 15 by each: that neither has class 7 on five images is no answer.
    assert (told.share, told.answers) == (pytest.approx(20 / 25), 10)


@pytest.mark.parametrize("form", [BOXES, OUTLINES])
def test_objects_that_are_lost_added_moved_or_renamed_are_not_those_of_the_run(form: Form) -> None:
    task = Task.DETECT if form is BOXES else Task.INSTANCE
    ours = [Prediction(i, objects=(found(3, 2 * i), found(7, 20), found(3, 2, score=0.1)))
            for i in range(10)]  # fmt: skip
    changes = {
        0: (found(3, 0),),  # one lost
        1: (found(3, 2), found(7, 20), found(7, 2)),  # one added
        2: (found(3, 4 + 8), found(7, 20)),  # one moved
        3: (found(7, 6), found(7, 20)),  # one renamed
        4: (found(3, 8 + 1), found(7, 20, score=0.4)),  # moved by a pixel, less sure: still it
    }
    theirs = [replace(one, objects=changes.get(one.image_id, one.objects)) for one in ours]
    told = agreement(network(task, form=form), IMAGES, ours, theirs, COUNTS)
    assert told.answers == 20
    assert told.share == pytest.approx(2 * 17 / (20 + 20))


def test_objects_at_one_place_on_every_image_prove_nothing_at_any_size_of_image() -> None:
    images = [image(i, width=40 * (1 + i % 2), height=80) for i in range(12)]
    ours = [
        Prediction(i, objects=(Found(3, 0.8, Box(10 * (1 + i % 2), 9, 8 * (1 + i % 2), 8)),))
        for i in range(12)
    ]
    told = agreement(network(Task.DETECT), images, ours, ours, COUNTS)
    assert (told.share, told.anyway) == (1, 1)
    moving = [replace(one, objects=(found(3, 3.0 * one.image_id),)) for one in ours]
    assert agreement(network(Task.DETECT), images, moving, moving, COUNTS).anyway < 0.7


def test_regions_are_held_to_the_overlap_of_their_class_not_to_a_large_background() -> None:
    def region(x: int) -> dict[int, Mask]:
        mask = Mask.from_patch(np.ones((4, 4), np.uint8), x, 6)
        assert mask is not None
        return {3: mask}

    images = [image(i, width=60 if i % 2 else 40) for i in range(12)]
    ours = [Prediction(i, regions=region(2 * i)) for i in range(12)]
    told = agreement(network(Task.SEGMENT), images, ours, ours, COUNTS)
    assert (told.share, told.answers) == (1, 12)
    lost = [replace(one, regions={}) for one in ours]
    told = agreement(network(Task.SEGMENT), images, ours, lost, COUNTS)
    assert told.share < 0.5, "although 99 of 100 pixels are the same"


# -- what decides


def metric(passed: bool | None) -> Check:
    return Check("mAP50-95, measured again", "int8", 0.2, 0.19, passed, 0.2)


def agreeing(
    share: float, *, anyway: float = 0.1, answers: int = 60, images: int = 40
) -> Agreement:
    return Agreement(share, anyway, answers, images)


TAUGHT = Standard(taught=True, learned=0.3, labels=80)
UNTAUGHT = Standard(taught=False, learned=0.0, labels=80)


def test_a_metric_decides_alone_where_it_would_show_the_loss() -> None:
    kept = judge_by_metric(metric(True), TAUGHT, 0.01)
    lost = judge_by_metric(metric(False), TAUGHT, 0.01)
    assert kept is not None
    assert kept.by is By.METRIC
    assert lost is not None
    assert lost.checks[0].passed is False


@pytest.mark.parametrize(
    ("standard", "drop"),
    [
        (UNTAUGHT, 0.01),
        (replace(TAUGHT, learned=0.05), 0.01),
        (replace(TAUGHT, labels=LEAST_ANSWERS - 1), 0.01),
        (TAUGHT, 0.5),  # all that was learned may be lost
    ],
)
def test_a_metric_that_has_nothing_to_lose_proves_nothing(standard: Standard, drop: float) -> None:
    assert judge_by_metric(metric(True), standard, drop) is None


def test_what_changes_by_luck_below_guessing_is_no_loss() -> None:
    assert judge_by_metric(metric(False), UNTAUGHT, 0.01) is None
    judged = judge_by_answers(metric(False), UNTAUGHT, agreeing(0.5))
    assert judged.checks[0].passed is None


@pytest.mark.parametrize(
    ("standard", "share", "by", "passed"),
    [
        (replace(TAUGHT, labels=5), 0.95, By.ANSWERS, True),
        (replace(TAUGHT, labels=5), 0.85, By.ANSWERS, False),
        (UNTAUGHT, 0.95, By.ANSWERS, True),
    ],
)
def test_where_the_metric_cannot_tell_nine_of_ten_answers_have_to_be_the_same(
    standard: Standard, share: float, by: By, passed: bool
) -> None:
    judged = judge_by_answers(metric(True), standard, agreeing(share))
    assert judged.by is by
    row = next(c for c in judged.checks if c.check == "Share of the run's answers")
    assert (row.value, row.allowed, row.passed) == (share, 0.9, passed)


@pytest.mark.parametrize(
    ("standard", "told", "why", "because"),
    [
        (UNTAUGHT, agreeing(0.4), TOO_LITTLE, "It gives 40 % of the run's answers on 40 images"),
        (UNTAUGHT, agreeing(1.0, anyway=0.9), TOO_LITTLE, "90 % of the run's answers on 40 images"),
        (UNTAUGHT, agreeing(1.0, answers=3), TOO_LITTLE, "no more than 3 answers that count."),
        (UNTAUGHT, agreeing(0.0, answers=0), TOO_LITTLE, "the run gives no answer that counts."),
        (UNTAUGHT, agreeing(0.0, answers=0, images=9), TOO_FEW, "On 9 images the run gives 0"),
        (TAUGHT, agreeing(1.0, answers=12, images=12), TOO_FEW, "30 are needed"),
        (TAUGHT, agreeing(1.0, anyway=0.8), TOO_ALIKE, "same for another image"),
    ],
)
def test_what_cannot_be_judged_is_neither_proven_nor_refused_and_says_why(
    standard: Standard, told: Agreement, why: str, because: str
) -> None:
    judged = judge_by_answers(metric(True), standard, told)
    assert judged.by is By.NOTHING
    assert judged.unjudged == why
    assert because in judged.because
    assert not any(c.passed is False for c in judged.checks)
    row = {"title": "ONNX, 8-bit", "verified": None, "unjudged": why, "because": judged.because}
    assert words.standing(row) == "not proven"
    assert words.why_not(row).startswith(f"ONNX, 8-bit is neither proven nor refused: {why}. ")


def test_other_images_are_taken_where_val_is_small_as_far_as_they_are_still_there(
    tmp_path: Path,
) -> None:
    every = [replace(image(number), path=tmp_path / f"{number}.png") for number in range(120)]
    for one in every[:90]:
        one.path.touch()
    assert [i.id for i in further_images(every[:5], every)] == list(range(5, 90))
    assert further_images(every[:110], every) == []


def test_guessing_is_known_for_every_task() -> None:
    rows = [{"class": 0, "labelled": 60}, {"class": 3, "labelled": 30}, {"class": 7, "labelled": 0}]
    report = {"per_class": rows, "counts": {"images": 120}}
    assert by_guessing(Task.CLASSIFY, report) == 1 / 2
    assert by_guessing(Task.CLASSIFY, {**report, "several": True}) == 90 / 120 / 2
    assert by_guessing(Task.SEGMENT, report) == pytest.approx(60 / 90 / 2)
    assert by_guessing(Task.DETECT, report) == 0
    assert by_guessing(Task.CLASSIFY, {}) == 0
