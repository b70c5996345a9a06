"""Judge a network on a split: predictions and figures, written where Analyze reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Review, Task
from cvstudio.core.config import EvaluateConfig, Views
from cvstudio.core.errors import ImageError, RunError
from cvstudio.core.events import Note, Outcome, Phase, Progress
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.predictions import Prediction, write_predictions
from cvstudio.core.snapshot import SnapshotImage, read_snapshot
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.judge import Report, judge

_MOST_PIXELS = 64_000_000
"""Pixels of whole images that are held at once, about 200 MB."""
Told = Callable[[int, int], None]


class Predictor(Protocol):
    """What is judged: a LoadedNetwork or an OnnxNetwork."""

    @property
    def task(self) -> Task: ...
    @property
    def classes(self) -> tuple[LabelClass, ...]: ...
    @property
    def several(self) -> bool: ...
    def predict(
        self, rgbs: Sequence[NDArray[np.uint8]], image_ids: Sequence[int]
    ) -> list[Prediction]: ...


class ImageFile(Protocol):
    """What is needed to read an image: SnapshotImage and AskedImage have it."""

    @property
    def id(self) -> int: ...
    @property
    def path(self) -> Path: ...
    @property
    def page(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def window(self) -> tuple[float, float] | None: ...


AnyImage = TypeVar("AnyImage", bound=ImageFile)


class Stopped(Exception):
    """The user cancelled; whatever was written before stays as it was."""


def evaluate(
    network: Predictor,
    images: Sequence[SnapshotImage],
    *,
    split: str,
    directory: Path,
    score: float | None = None,
    batch: int = 8,
    progress: Told | None = None,
    stopped: Callable[[], bool] | None = None,
    note: Callable[[str], None] | None = None,
    views: Views = Views.ONE,
) -> Report:
    """Predict images, write predictions/SPLIT.jsonl.gz and the split's entry of report.json.

    `views` is how the network looks, for the record. Objects are counted from `score` upwards; None
    takes the score that was best on val (on val itself: the best). Images that cannot be read are
    noted and left out; raises RunError when none is left, and Stopped.
    """
    job = JobDir(directory)
    predictions = predict_images(
        network, images, batch=batch, progress=progress, stopped=stopped, note=note
    )
    write_predictions(job.predictions(split), predictions)
    report = read_report(job)
    if score is None and split != "val":
        score = score_of(report)
    figures = judge(
        network.task, network.classes, images, predictions, score=score, several=network.several
    )
    if views is not Views.ONE:
        figures["views"] = views.value
    report[split] = figures
    write_json(job.report, report)
    return figures


def predict_images(
    network: Predictor,
    images: Sequence[SnapshotImage],
    *,
    batch: int = 8,
    progress: Told | None = None,
    stopped: Callable[[], bool] | None = None,
    note: Callable[[str], None] | None = None,
) -> list[Prediction]:
    """The network's answers for a split, a batch at a time so that memory stays bounded."""
    predictions: list[Prediction] = []
    problems: list[str] = []
    done = 0
    for some in batches(images, batch):
        if stopped is not None and stopped():
            raise Stopped
        ids, rgbs = [], []
        for image, rgb in read_images(some, problems):
            ids.append(image.id)
            rgbs.append(rgb)
        if rgbs:
            predictions += network.predict(rgbs, ids)
        done += len(some)
        if progress is not None:
            progress(done, len(images))
    if note is not None:
        for problem in problems:
            note(f"Left out: {problem}")
    if not predictions:
        reason = f" {problems[0]}" if problems else ""
        raise RunError(f"There is no image to judge the network on.{reason}")
    return predictions


def batches(images: Sequence[AnyImage], batch: int) -> Iterator[list[AnyImage]]:
    """The images in order, `batch` at a time or fewer when they are large."""
    some: list[AnyImage] = []
    pixels = 0
    for image in images:
        own = image.width * image.height
        if some and (len(some) == batch or pixels + own > _MOST_PIXELS):
            yield some
            some, pixels = [], 0
        some.append(image)
        pixels += own
    if some:
        yield some


def read_images(
    images: Sequence[AnyImage], problems: list[str]
) -> Iterator[tuple[AnyImage, NDArray[np.uint8]]]:
    """Images with their RGB pixels; what cannot be read is added to `problems` instead."""
    for image in images:
        try:
            rgb = read_rgb(image.path, image.page, image.window)
        except ImageError as error:
            problems.append(error.message)
            continue
        if rgb.shape[:2] != (image.height, image.width):
            problems.append(
                f"{image.path.name} is {rgb.shape[1]} × {rgb.shape[0]} pixels now and was"
                f" {image.width} × {image.height} when it was labelled."
            )
            continue
        yield image, rgb


def read_report(job: JobDir) -> dict[str, Any]:
    """The figures of all splits that were judged so far. Raises RunError when damaged."""
    if not job.report.is_file():
        return {}
    try:
        content: dict[str, Any] = json.loads(job.report.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"The report of the run is damaged: {job.report}") from error
    return content


def score_of(report: dict[str, Any]) -> float | None:
    """The score at which objects count, as chosen on val; None when val was not judged."""
    score = report.get("val", {}).get("thresholds", {}).get("score")
    return None if score is None else float(score)


def run_evaluate(job: JobDir, config: EvaluateConfig) -> Outcome:
    """The evaluate job: judge a run's best checkpoint, on the job's own snapshot if it has one."""
    from cvstudio.ml.load import load_network

    run = JobDir(config.run_directory)
    snapshot = read_snapshot(job.snapshot if job.snapshot.is_file() else run.snapshot)
    images = [i for i in snapshot.of(config.split) if i.review is not Review.UNLABELLED]
    job.emit(Phase(text=f"Loading the network of {config.run_directory.name}"))
    network = load_network(config.run_directory, device=config.device, views=config.views)
    job.emit(Phase(text=f"Judging {len(images)} {config.split} images"))
    try:
        evaluate(
            network, images, split=config.split, directory=job.path, batch=config.batch,
            score=None if config.split == "val" else score_of(read_report(run)),
            progress=lambda done, total: job.emit(Progress(done=done, total=total)),
            stopped=lambda: job.asked() is Request.CANCEL,
            note=lambda text: job.emit(Note(level="warning", text=text)), views=config.views,
        )  # fmt: skip
    except Stopped:
        return Outcome.CANCELLED
    return Outcome.FINISHED
