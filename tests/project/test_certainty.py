"""Two runs differ only when drawing the images again says so, and figures come with their range."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_analysis import CELL, DEBRIS, image, run_with

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.core.masks import Mask
from cvstudio.core.metrics import ImageObjects, match_objects
from cvstudio.core.metrics.resampling import difference, draw, mean_average_precision
from cvstudio.core.predictions import Found, Prediction
from cvstudio.project import analysis
from cvstudio.project.certainty import compare, draws_for, intervals, main_figure
from cvstudio.project.verdict import Analysis

COUNT = 40


def classified(folder: Path, wrong: set[int], *, first: int = 1) -> Analysis:
    """A run that is wrong on these of 40 images, half of each class."""
    numbers = range(first, first + COUNT)
    labels = {n: CELL if n % 2 else DEBRIS for n in numbers}
    images = [image(n, (100 + n, labels[n], None)) for n in numbers]
    answers = []
    for n in numbers:
        sure = labels[n] if n not in wrong else (DEBRIS if labels[n] == CELL else CELL)
        other = DEBRIS if sure == CELL else CELL
        answers.append(Prediction(n, scores={sure: 0.9, other: 0.1}))
    return analysis.load(run_with(folder, Task.CLASSIFY, images, answers), "val")


def test_many_images_better_is_certain_and_one_is_not(tmp_path: Path) -> None:
    newer = classified(tmp_path / "new", {1, 2})
    far = compare(newer, classified(tmp_path / "far", set(range(1, 21))))
    assert far is not None
    assert far.certain
    assert far.value == pytest.approx(18 / COUNT)
    assert far.low < far.value < far.high
    near = compare(newer, classified(tmp_path / "near", {1, 2, 3}))
    assert near is not None
    assert not near.certain
    assert near.value == pytest.approx(1 / COUNT)
    same = compare(newer, newer)
    assert same is not None
    assert (same.value, same.low, same.high, same.certain) == (0, 0, 0, False)


def test_only_images_that_both_runs_were_judged_on_count(tmp_path: Path) -> None:
    newer = classified(tmp_path / "new", set())
    half = classified(tmp_path / "half", set(range(1, 21)), first=21)
    assert (half_in_common := compare(newer, half)) is not None
    assert half_in_common.images == 20
    assert half_in_common.value == 0
    assert compare(newer, classified(tmp_path / "other", set(), first=1000)) is None


def test_a_paired_difference_is_surer_than_its_two_figures() -> None:
    hard = np.random.default_rng(1).random(200)
    drawn = draw(200)
    worse = drawn @ hard / drawn.sum(1)
    better = drawn @ (hard + 0.02) / drawn.sum(1)
    found = difference(0.02, better, worse, images=200)
    assert found is not None
    assert found.certain
    assert np.ptp(np.percentile(worse, (2.5, 97.5))) > 0.02  # alone, each is unsure by more


def detections() -> list[ImageObjects]:
    """Twenty images of two objects each, found with scores and overlaps of every kind."""
    random = np.random.default_rng(3)
    rows = []
    for n in range(20):
        labels = image(
            n, (10 * n, CELL, Box(10, 10, 20, 20)), (10 * n + 1, DEBRIS, Box(50, 40, 24, 24))
        )
        found = [
            Found(a.class_id, float(random.random()),
                  Box(a.box.x + float(random.random() * 8), a.box.y, a.box.w, a.box.h))
            for a in labels.annotations if random.random() < 0.9
        ]  # fmt: skip
        found += [Found(CELL, float(random.random()), Box(70, 5, 9, 9))]
        rows.append(ImageObjects(n, labels.annotations, found))
    return rows


def test_the_mean_average_precision_of_a_draw_is_that_of_its_images() -> None:
    rows = detections()
    matches = match_objects(rows, class_ids=[CELL, DEBRIS])
    once = np.ones((1, len(rows)), np.float32)
    overlaps = np.linspace(0.5, 0.95, 10)
    plain = np.mean([c.average_precision for t in overlaps for c in matches.curves(t).values()])
    assert mean_average_precision(matches, once)[0] == pytest.approx(plain)
    some = np.zeros((1, len(rows)), np.float32)
    some[0, [2, 5, 6, 11]] = 1
    part = match_objects([rows[i] for i in (2, 5, 6, 11)], class_ids=[CELL, DEBRIS])
    four = np.ones((1, 4), np.float32)
    assert mean_average_precision(matches, some) == pytest.approx(
        mean_average_precision(part, four)
    )
    assert np.isnan(mean_average_precision(matches, np.zeros_like(once)))[0]


def objects_run(folder: Path, found_in: range) -> Analysis:
    images = [image(n, (100 + n, CELL, Box(10, 10, 20, 20))) for n in range(COUNT)]
    answers = [
        Prediction(n, objects=(Found(CELL, 0.9, Box(10, 10, 20, 20)),) if n in found_in else ())
        for n in range(COUNT)
    ]
    return analysis.load(run_with(folder, Task.DETECT, images, answers), "val")


def test_detectors_are_compared_by_their_average_precision(tmp_path: Path) -> None:
    newer, older = objects_run(tmp_path / "a", range(36)), objects_run(tmp_path / "b", range(10))
    found = compare(newer, older)
    assert found is not None
    assert found.certain
    assert found.value == pytest.approx(0.9 - 0.25, abs=0.02)
    sure = intervals(newer, draws_for(newer), score=0.5, iou=0.5)
    low, high = sure["Recall"]
    assert low < 0.9 < high
    assert 0.1 < high - low < 0.3
    least, most = sure["Precision"]
    assert 0.85 < least < 0.95  # nothing was found in vain, on a few images
    assert most == 1


def test_segmenters_are_compared_by_their_mean_iou(tmp_path: Path) -> None:
    truth = Mask.from_patch(np.ones((20, 20), np.uint8), x=10, y=10)
    half = Mask.from_patch(np.ones((20, 10), np.uint8), x=10, y=10)
    assert truth is not None
    assert half is not None
    images = [image(n, (100 + n, CELL, truth)) for n in range(10)]
    runs = [
        run_with(
            tmp_path / name, Task.SEGMENT, images,
            [Prediction(i.id, regions={CELL: answer}) for i in images],
        )
        for name, answer in (("whole", truth), ("half", half))
    ]  # fmt: skip
    whole, cut = (analysis.load(run, "val") for run in runs)
    assert main_figure(whole, draw(10, draws=3)) == pytest.approx(1)
    found = compare(whole, cut)
    assert found is not None
    assert found.certain
    background = (100 * 80 - 400) / (100 * 80 - 200)
    assert found.value == pytest.approx(1 - (0.5 + background) / 2)


def test_the_reports_intervals_stand_under_the_titles_of_the_cards(tmp_path: Path) -> None:
    run = run_with(tmp_path, Task.SEGMENT, [image(1), image(2)], [Prediction(1), Prediction(2)])
    told = {
        "mIoU": [0.1, 0.2],
        "Dice": [0.3, 0.4],
        "pixel accuracy": [0.5, 0.6],
        "macro F1": [0, 1],
    }
    run.report.write_text(json.dumps({"val": {"metrics": {}, "intervals": told}}))
    loaded = analysis.load(run, "val")
    titles = {card.title for card in loaded.judge(score=0, iou=0).cards}
    sure = intervals(loaded, draws_for(loaded), score=0, iou=0)
    assert sure == {
        "mIoU": (0.1, 0.2), "Dice": (0.3, 0.4), "Pixel accuracy": (0.5, 0.6), "Macro F1": (0, 1),
    }  # fmt: skip
    assert sure.keys() - {"Macro F1"} <= titles
