"""The Analyze page on a large split: from a cell of the matrix to its crops, and moving the score
or the overlap.

The real page, painted offscreen, on a run of 5,000 images of 80 classes with 40 predictions each.
From the press of the mouse to the painted page.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cvstudio.checks.figures import Figure, percentile
from cvstudio.checks.pages import opened, process, wait
from cvstudio.core import events
from cvstudio.core.annotation import LabelClass, Review, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import (
    SnapshotAnnotation,
    SnapshotImage,
    read_snapshot,
    write_snapshot,
)
from cvstudio.project import run_commands, runs
from cvstudio.project.run_status import RunStatus
from cvstudio.project.sample import create_sample

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDoubleSpinBox

    from cvstudio.gui.analyze.page import AnalyzePage
    from cvstudio.gui.analyze.view import Subject

CELL, THRESHOLD = 200.0, 100.0  # milliseconds
_SIZE, _CLASSES, _FOUND = 640, 80, 40
_FILES = 16
_TURNS = 15


def analyze(*, quick: bool = False) -> list[Figure]:
    """A cell of the matrix to its painted crops, and one step of the score to the painted page."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from cvstudio.gui.analyze.page import AnalyzePage
    from cvstudio.gui.app import make_application

    make_application()
    images = 200 if quick else 5_000
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
        project = create_sample(Path(folder) / "p", Task.DETECT, images=12)
        run = runs.create_run(project, TrainConfig(task=Task.DETECT, network="yolo11n"))
        _judged(runs.job_of(run), Path(folder), images)
        with project.transaction("Finish", undoable=False) as s:
            run_commands.update_run(s, id=run.id, status=RunStatus.FINISHED.value, best=0.5)
        with opened(AnalyzePage, project) as page:
            return _measured(page, images * _FOUND)


def _measured(page: AnalyzePage, predictions: int) -> list[Figure]:
    wait(lambda: page.subject is not None, seconds=600, missing="the answers were not read")
    _settle(page)
    said = f"{predictions:,} predictions, {_CLASSES} classes"
    cells = _cells(page)
    page.errors.gallery.chip.click()  # all errors, as the page shows them at first
    _settle(page)
    scores = _steps(page, page.score_field, np.linspace(0.05, 0.9, _TURNS))
    overlaps = _steps(page, page.overlap_field, np.linspace(0.2, 0.9, _TURNS))
    whole = "to the last of its crops"
    return [
        *_figures("a cell of the confusion matrix to its crops", cells, CELL, said),
        *_figures("one step of the score to the whole page", scores.painted, THRESHOLD, said),
        *_figures(f"one step of the score {whole}", scores.complete, None, said),
        *_figures("one step of the overlap to the whole page", overlaps.painted, THRESHOLD, said),
        *_figures(f"one step of the overlap {whole}", overlaps.complete, None, said),
    ]


@dataclass(frozen=True)
class _Steps:
    """Seconds by the wall and of the window's thread, for each step."""

    painted: list[tuple[float, float]]
    complete: list[tuple[float, float]]
    """Until nothing is at work any more for the step and the page is painted again."""


class _Clock:
    """Seconds that pass, and those of the processor that the window's own thread takes of them."""

    def __init__(self) -> None:
        self._wall, self._own = time.perf_counter(), time.thread_time()

    def passed(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.thread_time() - self._own


def _figures(
    name: str, values: list[tuple[float, float]], limit: float | None, said: str
) -> list[Figure]:  # fmt: skip
    """Wall time, which other work on the computer lengthens, and the processor time of the
    window's thread, which it does not."""
    walls, own = zip(*values, strict=True)
    detail = f"{said}; 95 of 100 below {1000 * percentile(walls):.0f} ms"
    return [
        Figure(name, 1000 * median(walls), "ms", limit, detail=detail),
        Figure(f"{name}, processor time", 1000 * median(own), "ms", limit),
    ]


def _cells(page: AnalyzePage) -> list[tuple[float, float]]:
    """Seconds from a click on each of the fullest cells to the painted gallery."""
    view = page.errors
    counts = view.verdict.confusion if view.verdict is not None else np.zeros((0, 0))
    ids = view.verdict.class_ids if view.verdict is not None else ()
    fullest = np.argsort(-counts, axis=None)[:_TURNS]
    cells = [(ids[place // len(ids)], ids[place % len(ids)]) for place in fullest.tolist()]

    def clicked(cell: tuple[int, int]) -> tuple[float, float]:
        view.matrix.unpick()
        start = _Clock()
        view.matrix.pick(*cell)
        wait(lambda: view.gallery.cell == cell, seconds=60, missing="the cell was not shown")
        return _painted(page, start)

    return [clicked(cell) for cell in cells]


def _steps(page: AnalyzePage, field: QDoubleSpinBox, values: NDArray[np.float64]) -> _Steps:
    """Steps of a field over its whole range."""
    painted, complete = [], []
    for step in values:
        subject = page.subject
        start = _Clock()
        field.setValue(float(round(step, 2)))
        wait(partial(_differs, page, subject), seconds=60, missing="the field stayed")
        painted.append(_painted(page, start))
        _settle(page)
        complete.append(_painted(page, start))
    return _Steps(painted, complete)


def _differs(page: AnalyzePage, subject: Subject | None) -> bool:
    return page.subject is not subject


def _painted(page: AnalyzePage, start: _Clock) -> tuple[float, float]:
    page.repaint()
    return start.passed()


def _settle(page: AnalyzePage) -> None:
    """Let threads end, so that what they do is no part of what is measured next."""
    wait(lambda: not page.studio.tasks.working, seconds=600, missing="the threads did not end")
    process()


# The run


def _judged(job: JobDir, folder: Path, images: int) -> None:
    """Write a run that was judged on `images` of val, as training and evaluation do."""
    rng = np.random.default_rng(0)
    snapshot = read_snapshot(job.snapshot)
    classes = tuple(LabelClass(i + 1, f"thing {i + 1}", "#4C9AFF") for i in range(_CLASSES))
    files = _files(folder)
    found = [_image(rng, number, files[number % _FILES]) for number in range(images)]
    write_snapshot(
        job.snapshot,
        replace(snapshot, classes=classes, images=tuple(image for image, _answer in found)),
    )
    write_predictions(job.predictions("val"), [answer for _image, answer in found])
    metrics = {"mAP50-95": 0.4, "mAP50": 0.6, "precision": 0.5, "recall": 0.5}
    job.report.write_text(json.dumps({"val": {"metrics": metrics, "per_class": []}}))
    job.emit(events.Started(job="train", pid=1, process_created=1, total_epochs=1))
    job.emit(events.Ended(outcome=events.Outcome.FINISHED, metric="mAP50-95", best=0.4))


def _files(folder: Path) -> list[Path]:
    """A few pictures that all images share: what is read once is not what is measured."""
    rng = np.random.default_rng(1)
    paths = []
    for number in range(_FILES):
        paths.append(folder / f"picture_{number}.jpg")
        small = rng.integers(0, 255, (20, 20, 3), np.uint8)
        cv2.imwrite(str(paths[-1]), cv2.resize(small, (_SIZE, _SIZE)))
    return paths


def _image(
    rng: np.random.Generator, number: int, path: Path
) -> tuple[SnapshotImage, Prediction]:  # fmt: skip
    """An image with about seven labels and 40 predictions: most labels found, one in ten taken for
    another class, and the rest beside anything."""
    labels = []
    for place in range(int(rng.integers(3, 12))):
        x, y = rng.uniform(0, _SIZE - 120, 2).tolist()
        w, h = rng.uniform(16, 110, 2).tolist()
        class_id = int(rng.integers(1, _CLASSES + 1))
        box = Box(x, y, w, h)
        labels.append(SnapshotAnnotation(100 * number + place + 1, class_id, box, box))
    objects = []
    for label in labels[: max(len(labels) - 1, 1)]:
        wrong = rng.random() < 0.1
        class_id = int(rng.integers(1, _CLASSES + 1)) if wrong else label.class_id
        dx, dy = rng.normal(0, 2, 2).tolist()
        box = Box(max(label.box.x + dx, 0), max(label.box.y + dy, 0), label.box.w, label.box.h)
        objects.append(Found(class_id, float(rng.uniform(0.3, 1)), box))
    while len(objects) < _FOUND:
        x, y, w, h = rng.uniform((0, 0, 16, 16), (520, 520, 110, 110)).tolist()
        class_id = int(rng.integers(1, _CLASSES + 1))
        objects.append(Found(class_id, float(rng.beta(1, 6)), Box(x, y, w, h)))
    image = SnapshotImage(
        number + 1, path, 0, _SIZE, _SIZE, Split.VAL, Review.REVIEWED, "", tuple(labels)
    )
    return image, Prediction(image.id, objects=tuple(objects))
